#include "common/netlink/tickle.hpp"

#include <gtest/gtest.h>

namespace ctdb::netlink {
namespace {

// The sum over everything that a checksum covers, itself included, is 0xFFFF (RFC 1071).
std::uint32_t folded(byte_view data, std::uint32_t sum) {
    for (std::size_t i = 0; i + 1 < data.size(); i += 2) {
        sum += std::to_integer<std::uint32_t>(data[i]) << 8U;
        sum += std::to_integer<std::uint32_t>(data[i + 1]);
    }
    while ((sum >> 16U) != 0) {
        sum = (sum & 0xFFFFU) + (sum >> 16U);
    }
    return sum;
}

TEST(Tickle, IsAnAcknowledgementFromOurAddressToTheClient) {
    const protocol::connection c{
        protocol::ipv4({192, 168, 0, 9}, 40000), protocol::ipv4({10, 0, 0, 1}, 445)};
    const bytes packet = tickle_packet(c);
    const std::string hex = to_hex(packet);
    ASSERT_EQ(packet.size(), 40U);
    EXPECT_EQ(hex.substr(0, 20), "4500002800000000ff06");
    EXPECT_EQ(hex.substr(24, 16), "0a000001c0a80009");
    EXPECT_EQ(hex.substr(40, 32), "01bd9c400000000000000000501004d2");
    EXPECT_EQ(folded(byte_view(packet).subspan(12), 6 + 20), 0xFFFFU);
}

TEST(Tickle, GoesOverIpv6Too) {
    const protocol::connection c{
        *protocol::parse_ip_port("[fd00::9]:40000"), *protocol::parse_ip_port("[fd00::1]:445")};
    const bytes packet = tickle_packet(c);
    ASSERT_EQ(packet.size(), 60U);
    EXPECT_EQ(to_hex(packet).substr(0, 16), "6000000000140640");
    EXPECT_EQ(folded(byte_view(packet).subspan(8), 6 + 20), 0xFFFFU);
}

TEST(Tickle, NeedsBothSidesOfOneFamily) {
    const protocol::connection c{
        *protocol::parse_ip_port("[fd00::9]:40000"), protocol::ipv4({10, 0, 0, 1}, 445)};
    EXPECT_TRUE(tickle_packet(c).empty());
    EXPECT_TRUE(tickle_packet({}).empty());
}

} // namespace
} // namespace ctdb::netlink
