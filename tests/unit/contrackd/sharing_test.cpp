#include "contrackd/sharing.hpp"

#include <gtest/gtest.h>

namespace ctdb::contrackd {
namespace {

const protocol::sock_addr ours = protocol::ipv4({10, 0, 0, 1});
const client_id smbd(7);

protocol::connection from_port(std::uint16_t port) {
    return {protocol::ipv4({192, 168, 0, 9}, port), protocol::ipv4({10, 0, 0, 1}, 445)};
}

struct node {
    node() { all.set_public({ours}); }
    std::set<protocol::sock_addr> interface { ours };
    std::vector<protocol::connection> added;
    std::vector<protocol::connection> removed;
    std::vector<protocol::tickle_list> lists;
    sharing all{sharing::doors{
        [this](const protocol::sock_addr& a) { return interface.contains(a); },
        [this](const protocol::connection& c) { added.push_back(c); },
        [this](const protocol::connection& c) { removed.push_back(c); },
        [this](const protocol::tickle_list& l) { lists.push_back(l); }}};
};

TEST(Sharing, AConnectionAndItsEndAreToldToAll) {
    node n;
    EXPECT_EQ(n.all.client_has(smbd, from_port(1000)), sharing::verdict::kept);
    EXPECT_EQ(n.added, (std::vector{from_port(1000)}));
    n.all.client_gone(smbd);
    EXPECT_EQ(n.removed, (std::vector{from_port(1000)}));
    EXPECT_TRUE(n.all.known().of(ours).empty());
}

TEST(Sharing, OnlyPublicAddressesThatAreHereCount) {
    node n;
    auto c = from_port(1000);
    c.dst = protocol::ipv4({10, 9, 9, 9}, 445);
    EXPECT_EQ(n.all.client_has(smbd, c), sharing::verdict::not_public);
    n.interface.clear();
    EXPECT_EQ(n.all.client_has(smbd, from_port(1000)), sharing::verdict::not_here);
    EXPECT_TRUE(n.added.empty());
}

// As upstream: `ctdb addtickle` of any other address fails, and nobody's list is kept.
TEST(Sharing, WhatNodesAndToolsSayOfOtherAddressesIsNotKept) {
    node n;
    auto c = from_port(1000);
    c.dst = protocol::ipv4({10, 9, 9, 9}, 445);
    EXPECT_EQ(n.all.add(c), sharing::verdict::not_public);
    n.all.replace({protocol::ipv4({10, 9, 9, 9}), {c}});
    EXPECT_TRUE(n.all.known().of(c.dst).empty());
    EXPECT_EQ(n.all.add(from_port(1000)), sharing::verdict::kept);
}

TEST(Sharing, WhatEndsBecauseTheAddressLeavesStaysKnown) {
    node n;
    n.all.client_has(smbd, from_port(1000));
    n.all.released(ours); // smbd ends at this word, before the address is off the interface
    n.all.client_gone(smbd);
    EXPECT_TRUE(n.removed.empty());
    EXPECT_EQ(n.all.known().of(ours).size(), 1U);
}

TEST(Sharing, WhoTakesAnAddressGetsTheConnectionsToTellOnce) {
    node n;
    n.interface.clear();
    n.all.add(from_port(1000)); // by the old node
    n.interface = {ours};
    EXPECT_EQ(n.all.taken(ours), (std::vector{from_port(1000)}));
    EXPECT_TRUE(n.all.taken(ours).empty());
}

// failoverd tells it again after its own restart, or when it has put back a lost address.
TEST(Sharing, WhoTakesWhatItHasKeepsTheConnectionsOfItsClients) {
    node n;
    EXPECT_TRUE(n.all.taken(ours).empty());
    n.all.client_has(smbd, from_port(1000));
    EXPECT_TRUE(n.all.taken(ours).empty());
    EXPECT_EQ(n.all.known().of(ours), (std::vector{from_port(1000)}));
    n.all.client_gone(smbd);
    EXPECT_EQ(n.removed, (std::vector{from_port(1000)}));
}

TEST(Sharing, WhatClientsHadBeforeTheAddressLeftIsNotTheirsWhenItComesBack) {
    node n;
    n.all.client_has(smbd, from_port(1000));
    n.all.released(ours);
    EXPECT_EQ(n.all.taken(ours), (std::vector{from_port(1000)}));
    EXPECT_TRUE(n.all.known().of(ours).empty());
    n.all.client_gone(smbd);
    EXPECT_TRUE(n.removed.empty());
}

TEST(Sharing, APassedConnectionIsItsNewProcess) {
    node n;
    n.all.client_has(smbd, from_port(1000));
    n.all.client_has(client_id(8), from_port(1000));
    n.all.client_passed(smbd, from_port(1000));
    n.all.client_gone(smbd);
    EXPECT_TRUE(n.removed.empty());
    n.all.client_lost(client_id(8), from_port(1000));
    EXPECT_EQ(n.removed.size(), 1U);
}

TEST(Sharing, TheHolderRepairsTheListsOfOthersAndBelievesNone) {
    node n;
    n.all.client_has(smbd, from_port(1000));
    n.all.replace({ours, {from_port(2000)}});
    n.all.tell_changed_lists();
    ASSERT_EQ(n.lists.size(), 1U);
    EXPECT_EQ(n.lists[0].connections, (std::vector{from_port(1000)}));
    n.all.tell_changed_lists();
    EXPECT_EQ(n.lists.size(), 1U);
    n.all.tell_all_lists(); // a node has joined
    EXPECT_EQ(n.lists.size(), 2U);
    n.interface.clear();
    n.all.replace({ours, {from_port(2000)}});
    EXPECT_EQ(n.all.known().of(ours), (std::vector{from_port(2000)}));
    n.all.tell_all_lists();
    EXPECT_EQ(n.lists.size(), 2U);
}

} // namespace
} // namespace ctdb::contrackd
