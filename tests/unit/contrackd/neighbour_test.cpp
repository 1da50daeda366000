#include "common/netlink/neighbour.hpp"

#include <gtest/gtest.h>

namespace ctdb::netlink {
namespace {

const ethernet_address mine{0x02, 0, 0, 0, 0, 0x0A};
const ethernet_address other{0x02, 0, 0, 0, 0, 0x0B};
const protocol::sock_addr v4 = protocol::ipv4({10, 0, 2, 31});

protocol::sock_addr v6() {
    return *protocol::parse_ip("fd00::31");
}

TEST(Neighbour, AnIpv4AddressIsAnnouncedByRequestAndReply) {
    const auto packets = announcement(v4, mine);
    ASSERT_EQ(packets.size(), 2U);
    EXPECT_EQ(
        to_hex(packets[0].data),
        "000108000604000102000000000a0a00021f" // hw, proto, sizes, request
        "0000000000000a00021f"
    );
    EXPECT_EQ(
        to_hex(packets[1].data),
        "000108000604000202000000000a0a00021f"
        "02000000000a0a00021f"
    );
    EXPECT_EQ(packets[0].to, (ethernet_address{0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}));
}

TEST(Neighbour, AnIpv6AddressIsAnnouncedByAnAdvertisementThatOverrides) {
    const auto packets = announcement(v6(), mine);
    ASSERT_EQ(packets.size(), 1U);
    const std::string hex = to_hex(packets[0].data);
    EXPECT_EQ(hex.substr(0, 16), "6000000000203aff"); // 32 bytes of ICMPv6, hop limit 255
    EXPECT_EQ(hex.substr(80, 4), "8800");             // advertisement
    EXPECT_EQ(hex.substr(88, 8), "20000000");         // override
    EXPECT_EQ(hex.substr(hex.size() - 16), "020102000000000a");
}

TEST(Neighbour, AnAnswerToAQuestionIsAClaimOfSomebodyElseOnly) {
    const auto theirs = announcement(v4, other)[1];
    EXPECT_EQ(claimed_by_other(theirs.ethertype, theirs.data, mine), v4);
    const auto own = announcement(v4, mine)[1];
    EXPECT_EQ(claimed_by_other(own.ethertype, own.data, mine), std::nullopt);
    const auto six = announcement(v6(), other)[0];
    EXPECT_EQ(claimed_by_other(six.ethertype, six.data, mine), v6());
    EXPECT_EQ(claimed_by_other(six.ethertype, six.data, other), std::nullopt);
}

TEST(Neighbour, AQuestionClaimsNothing) {
    const auto asked = question(v4, other);
    const auto claim = claimed_by_other(asked.ethertype, asked.data, mine);
    EXPECT_EQ(claim, protocol::ipv4({0, 0, 0, 0})); // the unspecified address: nobody's
    const auto six = question(v6(), other);
    EXPECT_EQ(claimed_by_other(six.ethertype, six.data, mine), std::nullopt);
    EXPECT_EQ(six.to, (ethernet_address{0x33, 0x33, 0xFF, 0, 0, 0x31}));
}

TEST(Neighbour, ShortPacketsSayNothing) {
    const auto whole = announcement(v4, other)[1];
    for (std::size_t size = 0; size < 18; ++size) {
        EXPECT_EQ(
            claimed_by_other(whole.ethertype, byte_view(whole.data).first(size), mine), std::nullopt
        );
    }
}

} // namespace
} // namespace ctdb::netlink
