#include "common/protocol/codec.hpp"
#include "common/protocol/types_address.hpp"
#include "common/protocol/types_database.hpp"
#include "common/protocol/types_membership.hpp"
#include "common/protocol/types_statistics.hpp"

#include <gtest/gtest.h>

namespace ctdb::protocol {
namespace {

TEST(Codec, FixedSizesAreThoseOfTheSpecification) {
    EXPECT_EQ(encode(sock_addr{}).size(), 28U);
    EXPECT_EQ(encode(node_and_flags{}).size(), 36U);
    EXPECT_EQ(encode(uptime{}).size(), 64U);
    EXPECT_EQ(encode(election_message{}).size(), 32U);
    EXPECT_EQ(encode(pid_srvid{}).size(), 12U);
    EXPECT_EQ(encode(db_vacuum{}).size(), 5U);
    EXPECT_EQ(encode(traverse_all_ext{}).size(), 32U);
    EXPECT_EQ(encode(iface{}).size(), 24U);
    EXPECT_EQ(encode(statistics{}).size(), 488U);
    EXPECT_EQ(encode(db_statistics{}).size(), 464U);
    EXPECT_EQ(encode(script{}).size(), 584U);
    statistics_list history;
    history.stats.resize(100);
    EXPECT_EQ(encode(history).size(), 48'808U);
}

TEST(Codec, FixedSizeMeansExactly) {
    bytes wire = encode(ban_state{pnn{1}, 5});
    EXPECT_TRUE(decode<ban_state>(wire));
    wire.push_back(std::byte{0});
    const auto longer = decode<ban_state>(wire);
    ASSERT_FALSE(longer);
    EXPECT_EQ(longer.error().what, "payload of 9 bytes is no valid ban_state");
}

TEST(Codec, ListsTolerateBytesBehindThem) {
    bytes wire = encode(vnn_map{generation{5}, {pnn{0}, pnn{1}}});
    wire.push_back(std::byte{0});
    EXPECT_EQ(decode<vnn_map>(wire)->map.size(), 2U);
}

TEST(Codec, BareStringEndsAtItsFirstNul) {
    EXPECT_EQ(decode<std::string>(view_of(std::string_view("ab\0cd", 5))).value(), "ab");
    EXPECT_FALSE(decode<std::string>(view_of("ab")));
    EXPECT_FALSE(decode<std::string>({}));
    EXPECT_EQ(encode(std::string()).size(), 1U);
}

TEST(Codec, BooleanIsZeroOrOne) {
    EXPECT_TRUE(decode<bool>(bytes{std::byte{1}}).value());
    EXPECT_FALSE(decode<bool>(bytes{std::byte{2}}));
}

TEST(Codec, InterfaceNameMustEndInsideItsField) {
    bytes wire = encode(iface{"eth0", 1, 0});
    std::fill_n(wire.begin(), 18, std::byte{'x'});
    EXPECT_FALSE(decode<iface>(wire));
    wire[17] = std::byte{0};
    EXPECT_EQ(decode<iface>(wire)->name.size(), 17U);
}

TEST(Codec, InterfaceOfAnAddressNeedsItsNul) {
    bytes wire = encode(addr_info{ipv4({10, 0, 0, 1}), 24, "eth0"});
    EXPECT_EQ(decode<addr_info>(wire)->iface, "eth0");
    wire.back() = std::byte{'x'};
    EXPECT_FALSE(decode<addr_info>(wire));
}

TEST(Codec, TooLongScriptOutputIsCut) {
    const auto cut =
        decode<script>(encode(script{std::string(40, 'n'), {}, {}, 0, std::string(600, 'o')}));
    ASSERT_TRUE(cut);
    EXPECT_EQ(cut->name.size(), 31U);
    EXPECT_EQ(cut->output.size(), 511U);
}

TEST(Codec, GlockOfUnknownKindIsRefused) {
    bytes wire = encode(g_lock_list{{g_lock{}}});
    wire[0] = std::byte{2};
    EXPECT_FALSE(decode<g_lock_list>(wire));
}

TEST(Statistics, BucketsFollowTheirLimits) {
    EXPECT_EQ(lock_bucket(0.0005), 0U);
    EXPECT_EQ(lock_bucket(0.001), 1U);
    EXPECT_EQ(lock_bucket(63.9), 9U);
    EXPECT_EQ(lock_bucket(1000), 10U);
    EXPECT_EQ(hop_bucket(0), 0U);
    EXPECT_EQ(hop_bucket(1), 1U);
    EXPECT_EQ(hop_bucket(5), 3U);
    EXPECT_EQ(hop_bucket(0xFFFFFFFF), 15U);
}

TEST(Statistics, LatencyKeepsExtremes) {
    latency_counter latency;
    for (const double seconds : {0.5, 0.25, 2.0}) {
        latency.add(seconds);
    }
    EXPECT_EQ(latency, (latency_counter{3, 0.25, 2.0, 2.75}));
}

} // namespace
} // namespace ctdb::protocol
