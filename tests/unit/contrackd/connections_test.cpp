#include "contrackd/connections.hpp"

#include <gtest/gtest.h>

namespace ctdb::contrackd {
namespace {

protocol::connection to_port(std::uint16_t server, std::uint16_t client) {
    return {protocol::ipv4({192, 168, 0, 9}, client), protocol::ipv4({10, 0, 0, 1}, server)};
}
const protocol::sock_addr ours = protocol::ipv4({10, 0, 0, 1});

TEST(Connections, AreListedByAddressAndByPort) {
    connections c;
    c.add(to_port(445, 1000));
    c.add(to_port(445, 1000));
    c.add(to_port(139, 1001));
    EXPECT_EQ(c.of(ours).size(), 2U);
    EXPECT_EQ(c.of(protocol::with_port(ours, 139)).size(), 1U);
    EXPECT_TRUE(c.of(protocol::ipv4({10, 0, 0, 2})).empty());
}

TEST(Connections, AClientThatIsGoneLeavesWhatItHad) {
    connections c;
    c.client_has(client_id(7), to_port(445, 1000));
    c.client_has(client_id(7), to_port(445, 1001));
    EXPECT_TRUE(c.client_lost(client_id(7), to_port(445, 1001))); // another process has it now
    EXPECT_EQ(c.client_gone(client_id(7)), (std::vector{to_port(445, 1000)}));
    EXPECT_TRUE(c.client_gone(client_id(7)).empty());
    EXPECT_EQ(c.of(ours).size(), 2U);
}

TEST(Connections, WhatAClientNeverHadItCannotLose) {
    connections c;
    c.add(to_port(445, 1000));
    EXPECT_FALSE(c.client_lost(client_id(7), to_port(445, 1000)));
}

TEST(Connections, AListSpeaksOfItsAddressOnly) {
    connections c;
    auto elsewhere = to_port(445, 1000);
    elsewhere.dst = protocol::ipv4({10, 0, 0, 2}, 445);
    c.replace(ours, {elsewhere, to_port(445, 2000)});
    EXPECT_EQ(c.of(ours), (std::vector{to_port(445, 2000)}));
    EXPECT_TRUE(c.of(elsewhere.dst).empty());
}

TEST(Connections, AddressesWithoutConnectionsAreForgotten) {
    connections c;
    c.add(to_port(445, 1000));
    c.remove(to_port(445, 1000));
    EXPECT_TRUE(c.addresses().empty());
    c.add(to_port(445, 1000));
    c.replace(ours, {});
    EXPECT_TRUE(c.addresses().empty());
}

TEST(Connections, AListThatIsSetReplacesTheOldOne) {
    connections c;
    c.add(to_port(445, 1000));
    c.replace(ours, {to_port(445, 2000), to_port(445, 2001)});
    EXPECT_EQ(c.of(ours).size(), 2U);
}

} // namespace
} // namespace ctdb::contrackd
