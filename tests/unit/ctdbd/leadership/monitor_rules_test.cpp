#include "ctdbd/leadership/monitor_rules.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ctdb::ctdbd {
namespace {

using protocol::capability;
using protocol::node_flag;
using protocol::node_flags;
using protocol::recovery_mode;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

protocol::node_map map_of(std::initializer_list<node_flags> flags) {
    protocol::node_map map;
    std::uint32_t i = 0;
    for (const node_flags f : flags) {
        map.nodes.push_back({pnn{i++}, f, {}});
    }
    return map;
}

// Leader 0 and nodes 1, 2, all well, generation 77.
survey three_nodes() {
    survey s;
    s.leader = pnn{0};
    s.nodes = map_of({{}, {}, {}});
    for (std::uint32_t i = 0; i < 3; ++i) {
        node_report r;
        r.node = pnn{i};
        r.map = s.nodes;
        r.capabilities = protocol::upstream_capabilities;
        r.mode = recovery_mode::normal;
        r.vnn_map = protocol::vnn_map{generation{77}, {pnn{0}, pnn{1}, pnn{2}}};
        s.reports.push_back(r);
    }
    return s;
}

void set_everywhere(survey& s, std::uint32_t node, node_flags flags) {
    s.nodes.nodes[node].flags = flags;
    for (node_report& r : s.reports) {
        r.map->nodes[node].flags = flags;
    }
}

TEST(ReconcileFlags, LeavesAgreementAlone) {
    survey s = three_nodes();
    EXPECT_THAT(reconcile_flags(s), IsEmpty());
}

TEST(ReconcileFlags, ANodesOwnWordCounts) {
    survey s = three_nodes();
    s.reports[2].map->nodes[2].flags = node_flag::stopped;
    const auto pushes = reconcile_flags(s);
    ASSERT_EQ(pushes.size(), 1U);
    EXPECT_EQ(pushes[0].pnn, pnn{2});
    EXPECT_EQ(pushes[0].new_flags, node_flags(node_flag::stopped));
    EXPECT_EQ(s.nodes.nodes[2].flags, node_flags(node_flag::stopped));
}

TEST(ReconcileFlags, PushesWhenOnlyAThirdNodeThinksOtherwise) {
    survey s = three_nodes();
    s.reports[1].map->nodes[2].flags = node_flag::banned;
    const auto pushes = reconcile_flags(s);
    ASSERT_EQ(pushes.size(), 1U);
    EXPECT_EQ(pushes[0].new_flags, node_flags());
}

TEST(ReconcileFlags, DisconnectedIsEverybodysOwnView) {
    survey s = three_nodes();
    s.reports[1].map->nodes[2].flags = node_flag::disconnected | node_flag::unhealthy;
    EXPECT_THAT(reconcile_flags(s), IsEmpty());
}

TEST(ReconcileFlags, ASilentNodeIsLeftAsItIs) {
    survey s = three_nodes();
    s.reports[2].map.reset();
    s.nodes.nodes[2].flags = node_flag::unhealthy;
    EXPECT_THAT(reconcile_flags(s), IsEmpty());
}

TEST(ReconcileFlags, ListsOfDifferentLengthDoNotHurt) { // W42
    survey s = three_nodes();
    s.reports[1].map->nodes.pop_back();
    s.reports[2].map->nodes.clear();
    EXPECT_THAT(reconcile_flags(s), IsEmpty());
}

TEST(NeedOfRecovery, NoneWhenAllIsWell) {
    EXPECT_FALSE(need_of_recovery(three_nodes()));
}

TEST(NeedOfRecovery, WhenAnActiveNodeAsks) {
    survey s = three_nodes();
    s.reports[1].mode = recovery_mode::active;
    const auto need = need_of_recovery(s);
    ASSERT_TRUE(need);
    EXPECT_EQ(need->cause, recovery_cause::asked_for);
    EXPECT_FALSE(need->culprit);
}

TEST(NeedOfRecovery, NotWhenAnInactiveNodeIsActiveMode) {
    survey s = three_nodes();
    set_everywhere(s, 1, node_flag::stopped);
    s.reports[1].mode = recovery_mode::active;
    for (node_report& r : s.reports) {
        r.vnn_map->map = {pnn{0}, pnn{2}};
    }
    EXPECT_FALSE(need_of_recovery(s));
}

TEST(NeedOfRecovery, WhenANodeIsGoneOrBack) {
    survey s = three_nodes();
    set_everywhere(s, 2, node_flag::disconnected);
    s.reports.pop_back();
    EXPECT_EQ(need_of_recovery(s)->cause, recovery_cause::membership);
    survey back = three_nodes();
    for (node_report& r : back.reports) {
        r.vnn_map->map = {pnn{0}, pnn{1}};
    }
    EXPECT_EQ(need_of_recovery(back)->cause, recovery_cause::membership);
}

TEST(NeedOfRecovery, BlamesTheNodeWithAnotherMapOrList) {
    survey s = three_nodes();
    s.reports[2].vnn_map->generation = generation{5};
    EXPECT_EQ(need_of_recovery(s)->cause, recovery_cause::other_vnn_map);
    EXPECT_EQ(need_of_recovery(s)->culprit, pnn{2});
    s = three_nodes();
    s.reports[1].map->nodes.push_back({pnn{3}, {}, {}});
    EXPECT_EQ(need_of_recovery(s)->cause, recovery_cause::other_node_list);
    EXPECT_EQ(need_of_recovery(s)->culprit, pnn{1});
}

TEST(NeedOfRecovery, ASilentNodeIsNoReason) { // W41
    survey s = three_nodes();
    s.reports[2] = node_report{};
    s.reports[2].node = pnn{2};
    EXPECT_FALSE(need_of_recovery(s));
}

TEST(NeedOfRecovery, WithoutAnyLocationMasterTheLeaderAloneIsExpected) { // W44
    survey s = three_nodes();
    for (node_report& r : s.reports) {
        r.capabilities = capability::recmaster;
        r.vnn_map->map = {pnn{0}};
    }
    EXPECT_THAT(expected_location_masters(s), ElementsAre(pnn{0}));
    EXPECT_FALSE(need_of_recovery(s));
}

TEST(NeedOfRecovery, NodesWithoutTheCapabilityAreNotExpectedInTheMap) { // W45
    survey s = three_nodes();
    s.reports[1].capabilities = capability::recmaster;
    for (node_report& r : s.reports) {
        r.vnn_map->map = {pnn{0}, pnn{2}};
    }
    EXPECT_FALSE(need_of_recovery(s));
}

TEST(MeshGaps, SeesActiveNodesThatCannotTalkToEachOther) {
    survey s = three_nodes();
    EXPECT_THAT(mesh_gaps(s), IsEmpty());
    s.reports[1].map->nodes[2].flags = node_flag::disconnected;
    EXPECT_THAT(mesh_gaps(s), ElementsAre(mesh_gap{pnn{1}, pnn{2}}));
    set_everywhere(s, 2, node_flag::banned);
    s.reports[1].map->nodes[2].flags = node_flag::disconnected;
    EXPECT_THAT(mesh_gaps(s), IsEmpty()) << "an inactive node may be cut off";
}

TEST(MeshGaps, TheNodeWithMostGapsGoesThenTheHigherNumberNeverTheLeader) {
    EXPECT_EQ(mesh_victim({}, pnn{0}), std::nullopt);
    EXPECT_EQ(mesh_victim({{pnn{1}, pnn{2}}}, pnn{0}), pnn{2});
    EXPECT_EQ(mesh_victim({{pnn{1}, pnn{2}}, {pnn{1}, pnn{3}}}, pnn{0}), pnn{1});
    EXPECT_EQ(mesh_victim({{pnn{1}, pnn{2}}}, pnn{2}), pnn{1});
}

} // namespace
} // namespace ctdb::ctdbd
