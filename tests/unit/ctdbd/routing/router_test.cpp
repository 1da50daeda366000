// router: what it makes of packets from nodes.
#include "tests/unit/ctdbd/routing/lonely_router.hpp"

#include <gtest/gtest.h>

namespace ctdb::ctdbd {
namespace {

protocol::packet_header header_from(pnn source, pnn destination) {
    protocol::packet_header header;
    header.srcnode = source;
    header.destnode = destination;
    return header;
}

bytes keepalive_packet(pnn source, pnn destination) {
    return protocol::encode(header_from(source, destination), protocol::keepalive{0x40011, 17});
}

// As releases before 4.7 send it: the header alone.
bytes bare_keepalive(pnn source, pnn destination) {
    bytes packet = keepalive_packet(source, destination);
    packet.resize(protocol::header_size);
    packet[0] = std::byte{protocol::header_size};
    return packet;
}

TEST(Router, AKeepaliveTellsItsVersion) {
    testing::lonely_router node;
    node.way.receive(pnn{1}, keepalive_packet(pnn{1}, pnn{0}));
    ASSERT_EQ(node.seen.keepalives.size(), 1U);
    EXPECT_EQ(node.seen.keepalives[0].first, pnn{1});
    ASSERT_TRUE(node.seen.keepalives[0].second.has_value());
    EXPECT_EQ(node.seen.keepalives[0].second->version, 0x40011U);
}

TEST(Router, ABareKeepaliveCountsAndTellsNoVersion) {
    testing::lonely_router node;
    node.way.receive(pnn{1}, bare_keepalive(pnn{1}, pnn{0}));
    ASSERT_EQ(node.seen.keepalives.size(), 1U);
    EXPECT_FALSE(node.seen.keepalives[0].second.has_value());
    EXPECT_EQ(node.way.counters().keepalive_packets_recv, 1U);
    EXPECT_EQ(node.way.dropped(), 0U);
}

TEST(Router, ABareKeepaliveOfAnotherNodeOrForAnotherNodeIsDropped) {
    testing::lonely_router node;
    node.way.receive(pnn{1}, bare_keepalive(pnn{2}, pnn{0}));
    node.way.receive(pnn{1}, bare_keepalive(pnn{1}, pnn{2}));
    EXPECT_TRUE(node.seen.keepalives.empty());
    EXPECT_EQ(node.way.dropped(), 2U);
}

TEST(Router, RecordPacketsOfAnotherGenerationAreDropped) {
    testing::lonely_router node;
    node.current.set_vnn_map({generation{7}, {pnn{0}, pnn{1}}});
    protocol::packet_header header = header_from(pnn{1}, pnn{0});
    const protocol::reply_call body{};
    header.generation = generation{6};
    node.way.receive(pnn{1}, protocol::encode(header, body));
    EXPECT_EQ(node.seen.records, 0);
    header.generation = generation{7};
    node.way.receive(pnn{1}, protocol::encode(header, body));
    EXPECT_EQ(node.seen.records, 1);
}

TEST(Router, OnlyRelayedCallsMayNameAnotherSource) {
    testing::lonely_router node;
    node.current.set_vnn_map({generation{7}, {pnn{0}, pnn{1}}});
    protocol::packet_header header = header_from(pnn{2}, pnn{0});
    header.generation = generation{7};
    protocol::req_call call{};
    call.key = view_of("key");
    node.way.receive(pnn{1}, protocol::encode(header, call));
    EXPECT_EQ(node.seen.records, 0);
    call.hopcount = 1;
    node.way.receive(pnn{1}, protocol::encode(header, call));
    EXPECT_EQ(node.seen.records, 1);
}

} // namespace
} // namespace ctdb::ctdbd
