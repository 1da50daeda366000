// SET_RECMODE NORMAL from an upstream leader: does the cluster lock keep this node out? (cluster.md
// 4.6, databases.md 6.4 step 10); START_RECOVERY: is it the same lock?
#include "tests/unit/ctdbd/node/lone_node.hpp"

#include <gtest/gtest.h>

namespace ctdb {
namespace {

namespace controls = protocol::controls;
using protocol::recovery_mode;
using testing::lone_node;

constexpr pnn leader{1};
constexpr reqid question{7};

class LockProbe : public ::testing::Test {
protected:
    LockProbe() {
        node.daemon().link_up(leader);
        node.settle();
        map_arrives(lone_node::epoch);
    }
    void map_arrives(generation g) {
        const protocol::vnn_map map{g, {pnn{0}, leader}};
        ASSERT_TRUE(node.daemon().set_vnn_map(map));
    }
    void leader_is_ours() {
        node.daemon().table().set_capabilities(
            leader, protocol::upstream_capabilities | protocol::capability::ours
        );
    }
    void leader_says_normal(reqid id = question) {
        node.ask<controls::set_recovery_mode>(leader, id, recovery_mode::normal);
    }
    [[nodiscard]] std::optional<std::int32_t> answered(reqid id = question) const {
        return node.status_of(leader, id);
    }
    lone_node node{"/cluster/lock"};
};

TEST_F(LockProbe, AnUpstreamLeadersWordIsObeyedOnceTheLockProvesToBeHeld) {
    leader_says_normal();
    EXPECT_EQ(node.lock_tried, 1);
    EXPECT_TRUE(node.recovering()) << "before the lock was tried";
    EXPECT_EQ(answered(), std::nullopt);
    node.lock_trial_ends({});
    EXPECT_EQ(answered(), 0);
    EXPECT_FALSE(node.recovering());
}

TEST_F(LockProbe, ALockThatCanBeTakenHereRefusesNormalMode) {
    leader_says_normal();
    node.lock_trial_ends(fail(EPERM, "it can be taken"));
    EXPECT_EQ(answered(), -1);
    EXPECT_TRUE(node.recovering());
}

TEST_F(LockProbe, OurOwnLeaderProvesItByItsKeeper) {
    leader_is_ours();
    leader_says_normal();
    EXPECT_EQ(node.lock_tried, 0);
    EXPECT_EQ(answered(), 0);
    EXPECT_FALSE(node.recovering());
}

TEST_F(LockProbe, NothingIsTriedWithoutAConfiguredLockNorInNormalMode) {
    leader_says_normal();
    node.lock_trial_ends({});
    leader_says_normal(reqid{8});
    EXPECT_EQ(node.lock_tried, 1);
    EXPECT_EQ(answered(reqid{8}), 0);

    lone_node lockless;
    lockless.daemon().link_up(leader);
    ASSERT_TRUE(lockless.daemon().set_vnn_map({lone_node::epoch, {pnn{0}, leader}}));
    lockless.ask<controls::set_recovery_mode>(leader, question, recovery_mode::normal);
    EXPECT_EQ(lockless.lock_tried, 0);
    EXPECT_EQ(lockless.status_of(leader, question), 0);
}

// I12, I14: the trial may take 5 s; meanwhile another recovery may have begun.
TEST_F(LockProbe, ATrialThatAnotherRecoveryOvertookDoesNotEndThatOne) {
    leader_says_normal();
    node.ask<controls::set_recovery_mode>(leader, reqid{8}, recovery_mode::active);
    EXPECT_EQ(answered(reqid{8}), 0);
    node.lock_trial_ends({});
    EXPECT_EQ(answered(), -1);
    EXPECT_TRUE(node.recovering());
}

TEST_F(LockProbe, ATrialThatANewMapOvertookDoesNotEndThatRecovery) {
    leader_says_normal();
    map_arrives(generation{0x3333});
    node.lock_trial_ends({});
    EXPECT_EQ(answered(), -1);
    EXPECT_TRUE(node.recovering());
}

TEST_F(LockProbe, ANodeThatWasStoppedDuringTheTrialDoesNotGoNormal) {
    leader_says_normal();
    node.daemon().own().stop();
    node.settle();
    node.lock_trial_ends({});
    EXPECT_EQ(answered(), -1);
    EXPECT_TRUE(node.recovering());
}

// 12.2: upstream used freed memory when the answer came twice.
TEST_F(LockProbe, ALeaderWithAnotherLockIsNotObeyedHoweverOftenItAnswers) {
    node.ask<controls::start_recovery>(leader, question, protocol::none{});
    const auto asked = node.asked(leader, controls::get_lock_setting::opcode);
    ASSERT_TRUE(asked);
    const bytes other = protocol::encode_reply<controls::get_lock_setting>("/another/lock");
    const protocol::reply_control reply{0, other, {}};
    node.hear(leader, *asked, reply);
    node.hear(leader, *asked, reply);
    EXPECT_EQ(answered(), -1);
    EXPECT_EQ(node.wants_to_leave.size(), 1U);
}

TEST_F(LockProbe, ALeaderWithTheSameLockIs) {
    node.ask<controls::start_recovery>(leader, question, protocol::none{});
    const auto asked = node.asked(leader, controls::get_lock_setting::opcode);
    ASSERT_TRUE(asked);
    const bytes same = protocol::encode_reply<controls::get_lock_setting>("/cluster/lock");
    node.hear(leader, *asked, protocol::reply_control{0, same, {}});
    EXPECT_EQ(answered(), 0);
    EXPECT_TRUE(node.wants_to_leave.empty());
}

} // namespace
} // namespace ctdb
