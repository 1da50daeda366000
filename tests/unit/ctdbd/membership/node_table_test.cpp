#include "ctdbd/membership/node_table.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ctdb::ctdbd {
namespace {

using protocol::node_flag;
using protocol::node_flags;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

listed_node node_at(std::uint8_t last) {
    return {protocol::ipv4({10, 0, 0, last}), false};
}

// Own node 0, peers 1 and 2, node 3 deleted.
std::vector<listed_node> four_nodes() {
    return {node_at(1), node_at(2), node_at(3), listed_node{{}, true}};
}

class NodeTable : public ::testing::Test {
protected:
    node_table table{pnn{0}, four_nodes()};
};

TEST_F(NodeTable, StartsWithOwnNodeUnhealthyAndPeersDisconnected) {
    EXPECT_EQ(table.own_flags(), node_flags(node_flag::unhealthy));
    EXPECT_EQ(table.flags(pnn{1}), node_flag::disconnected | node_flag::unhealthy);
    EXPECT_EQ(table.flags(pnn{3}), node_flag::deleted | node_flag::disconnected);
    EXPECT_TRUE(table.is_connected(pnn{0}));
    EXPECT_FALSE(table.is_known(pnn{3}));
    EXPECT_FALSE(table.is_known(pnn{4}));
}

TEST_F(NodeTable, ExpandsBroadcastsByFlagsOwnNodeIncluded) {
    table.link_up(pnn{2});
    table.change_own(node_flag::stopped, {}, "test");
    EXPECT_THAT(table.expand(protocol::broadcast_all), ElementsAre(pnn{0}, pnn{1}, pnn{2}));
    EXPECT_THAT(table.expand(protocol::broadcast_connected), ElementsAre(pnn{0}, pnn{2}));
    EXPECT_THAT(table.expand(protocol::broadcast_active), ElementsAre(pnn{2}));
    EXPECT_THAT(table.expand(protocol::current_node), ElementsAre(pnn{0}));
    EXPECT_THAT(table.expand(pnn{1}), ElementsAre(pnn{1}));
    EXPECT_THAT(table.expand(pnn{3}), IsEmpty());
    EXPECT_THAT(table.expand(pnn{77}), IsEmpty());
}

TEST_F(NodeTable, KeepsUnhealthyOfAPeerUntilItsRealFlagsArrive) {
    table.link_up(pnn{1});
    EXPECT_EQ(table.flags(pnn{1}), node_flags(node_flag::unhealthy));
    EXPECT_EQ(table.modify_flags({pnn{1}, {}, {}}), modify_outcome::changed);
    EXPECT_EQ(table.flags(pnn{1}), node_flags());
}

TEST_F(NodeTable, TakesFlagsFromALeaderOnlyForConnectedPeersAndOnlyThoseItMayChange) {
    EXPECT_EQ(table.modify_flags({pnn{0}, node_flag::banned, {}}), modify_outcome::ignored);
    EXPECT_EQ(table.modify_flags({pnn{1}, {}, {}}), modify_outcome::ignored);
    EXPECT_EQ(table.modify_flags({pnn{9}, {}, {}}), modify_outcome::unknown_node);
    table.link_up(pnn{1});
    const node_flags everything(0xFFFFFFFFU);
    EXPECT_EQ(table.modify_flags({pnn{1}, everything, {}}), modify_outcome::changed);
    EXPECT_EQ(table.flags(pnn{1}).value, 0x2EU); // W31: neither DELETED nor DISCONNECTED
    EXPECT_EQ(table.modify_flags({pnn{1}, everything, {}}), modify_outcome::unchanged);
}

TEST_F(NodeTable, TellsSubscribersOldAndNewFlagsAfterTheChange) {
    std::vector<std::string> heard;
    auto subscription = table.subscribe([&](const flag_change& c) {
        EXPECT_EQ(table.flags(c.node), c.now);
        heard.push_back(fmt::format(
            "{}: {} -> {} ({})", c.node, flag_names(c.before), flag_names(c.now), c.reason
        ));
    });
    table.link_up(pnn{1});
    table.link_up(pnn{1});
    table.link_down(pnn{1}, "end of file");
    subscription = {};
    table.link_up(pnn{1});
    EXPECT_THAT(
        heard,
        ElementsAre(
            "1: DISCONNECTED|UNHEALTHY|INACTIVE -> UNHEALTHY (connected)",
            "1: UNHEALTHY -> DISCONNECTED|UNHEALTHY|INACTIVE (end of file)"
        )
    );
}

TEST_F(NodeTable, KnowsCapabilitiesOnlyWhileConnected) {
    table.set_capabilities(pnn{1}, protocol::capability::ours);
    EXPECT_FALSE(table.is_ours(pnn{1}));
    table.link_up(pnn{1});
    EXPECT_FALSE(table.all_connected_are_ours());
    table.set_capabilities(pnn{1}, protocol::capability::ours);
    EXPECT_TRUE(table.is_ours(pnn{1}));
    EXPECT_TRUE(table.all_connected_are_ours());
    table.link_down(pnn{1}, "gone");
    EXPECT_FALSE(table.capabilities(pnn{1}));
}

TEST_F(NodeTable, FindsALiveNodeByAddressWhateverThePort) {
    EXPECT_EQ(table.find(protocol::ipv4({10, 0, 0, 3}, 999)), pnn{2});
    EXPECT_EQ(table.find(protocol::ipv4({10, 0, 0, 9})), std::nullopt);
}

TEST_F(NodeTable, ReloadKeepsUnchangedNodesAndStartsOthersAfresh) {
    table.link_up(pnn{1});
    table.link_up(pnn{2});
    const auto outcome =
        table.reload({node_at(1), node_at(2), node_at(33), node_at(4), node_at(5)});
    ASSERT_TRUE(outcome);
    EXPECT_THAT(outcome->added, ElementsAre(pnn{3}, pnn{4}));
    EXPECT_THAT(outcome->replaced, ElementsAre(pnn{2}));
    EXPECT_THAT(outcome->removed, IsEmpty());
    EXPECT_TRUE(table.is_connected(pnn{1}));
    EXPECT_FALSE(table.is_connected(pnn{2}));
    EXPECT_TRUE(table.is_known(pnn{3}));
    EXPECT_EQ(table.size(), 5U);
}

TEST_F(NodeTable, ReloadDeletesAndNotesThatNothingChanged) {
    auto nodes = four_nodes();
    EXPECT_FALSE(table.reload(nodes)->changed());
    nodes[2].deleted = true;
    EXPECT_THAT(table.reload(nodes)->removed, ElementsAre(pnn{2}));
    EXPECT_FALSE(table.is_known(pnn{2}));
    EXPECT_EQ(table.map().nodes.size(), 4U);
}

TEST_F(NodeTable, RefusesAListThatRemovesOrMovesThisNodeAndKeepsTheOldOne) {
    auto nodes = four_nodes();
    nodes[0].address = protocol::ipv4({10, 0, 0, 99});
    EXPECT_FALSE(table.reload(nodes));
    nodes = four_nodes();
    nodes.pop_back();
    EXPECT_FALSE(table.reload(nodes));
    EXPECT_EQ(table.map().nodes.size(), 4U);
    EXPECT_EQ(table.address(pnn{0}), protocol::ipv4({10, 0, 0, 1}));
}

} // namespace
} // namespace ctdb::ctdbd
