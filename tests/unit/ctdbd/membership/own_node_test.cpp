#include "ctdbd/membership/own_node.hpp"
#include "tests/unit/common/async/manual_runtime.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ctdb::ctdbd {
namespace {

using namespace std::chrono_literals;
using protocol::node_flag;
using protocol::node_flags;
using protocol::tunable_id;
using ::testing::ElementsAre;

class OwnNode : public ::testing::Test {
protected:
    own_node_hooks hooks() {
        own_node_hooks h;
        h.become_inactive = [this](std::string_view why) {
            happened.push_back("inactive: " + std::string(why));
        };
        h.become_active = [this](std::string_view why) {
            happened.push_back("active: " + std::string(why));
        };
        h.all_databases_frozen = [this] { return frozen; };
        h.health_changed = [this](const protocol::node_flag_change& c) {
            happened.push_back(flag_names(c.old_flags) + " -> " + flag_names(c.new_flags));
        };
        return h;
    }
    bool has(node_flag flag) const { return table.own_flags().has(flag); }

    testing_support::manual_runtime rt;
    protocol::tunable_list tunables;
    node_table table{
        pnn{0}, {{protocol::ipv4({10, 0, 0, 1}), false}, {protocol::ipv4({10, 0, 0, 2}), false}}};
    std::vector<std::string> happened;
    bool frozen = true;
    own_node own{rt, table, tunables, hooks()};
};

TEST_F(OwnNode, BecomesInactiveWithTheFirstReasonAndActiveWithoutTheLast) { // O1
    own.stop();
    ASSERT_TRUE(own.set_ban({pnn{0}, 60}, "test"));
    own.resume();
    EXPECT_TRUE(own.inactive());
    ASSERT_TRUE(own.set_ban({pnn{0}, 0}, "test"));
    EXPECT_THAT(happened, ElementsAre("inactive: stopped", "active: unbanned"));
}

TEST_F(OwnNode, DisablingDoesNotMakeInactive) {
    own.disable();
    EXPECT_TRUE(has(node_flag::permanently_disabled));
    own.enable();
    EXPECT_FALSE(has(node_flag::permanently_disabled));
    EXPECT_TRUE(happened.empty());
}

TEST_F(OwnNode, BanEndsAfterItsTime) { // O2
    ASSERT_TRUE(own.set_ban({pnn{0}, 60}, "test"));
    EXPECT_EQ(own.ban(), (protocol::ban_state{pnn{0}, 60}));
    rt.advance(59s);
    EXPECT_TRUE(has(node_flag::banned));
    rt.advance(2s);
    EXPECT_FALSE(has(node_flag::banned));
    EXPECT_EQ(own.ban(), (protocol::ban_state{pnn{0}, 0}));
    EXPECT_THAT(happened, ElementsAre("inactive: test", "active: ban is over"));
}

TEST_F(OwnNode, BanStartsAgainWhenDatabasesAreNotFrozen) { // O2
    tunables[tunable_id::recovery_ban_period] = 100;
    frozen = false;
    ASSERT_TRUE(own.set_ban({pnn{0}, 10}, "test"));
    rt.advance(11s);
    EXPECT_TRUE(has(node_flag::banned));
    EXPECT_EQ(own.ban().seconds, 100U);
    frozen = true;
    rt.advance(100s);
    EXPECT_FALSE(has(node_flag::banned));
}

TEST_F(OwnNode, ANewBanReplacesTheRunningOne) {
    ASSERT_TRUE(own.set_ban({pnn{0}, 10}, "first"));
    ASSERT_TRUE(own.set_ban({pnn{0}, 100}, "second"));
    rt.advance(50s);
    EXPECT_TRUE(has(node_flag::banned));
    EXPECT_THAT(happened, ElementsAre("inactive: first"));
}

TEST_F(OwnNode, BansDisabledChangeNothingButUnbanningWorks) { // O3, W47
    ASSERT_TRUE(own.set_ban({pnn{0}, 60}, "test"));
    tunables[tunable_id::enable_bans] = 0;
    ASSERT_TRUE(own.set_ban({pnn{0}, 600}, "test"));
    rt.advance(61s);
    EXPECT_FALSE(has(node_flag::banned)) << "the running ban must still end";
    tunables[tunable_id::enable_bans] = 1;
    ASSERT_TRUE(own.set_ban({pnn{0}, 60}, "test"));
    tunables[tunable_id::enable_bans] = 0;
    ASSERT_TRUE(own.set_ban({pnn{0}, 0}, "test"));
    EXPECT_FALSE(has(node_flag::banned));
}

TEST_F(OwnNode, RefusesABanOfAnotherNode) {
    const auto refused = own.set_ban({pnn{1}, 60}, "test");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, EPERM);
    EXPECT_FALSE(has(node_flag::banned));
}

TEST_F(OwnNode, TellsOnlyChangesOfHealth) {
    own.set_healthy(true, "monitor succeeded");
    own.set_healthy(true, "monitor succeeded");
    own.set_healthy(false, "monitor failed");
    EXPECT_THAT(happened, ElementsAre("UNHEALTHY -> OK", "OK -> UNHEALTHY"));
}

TEST_F(OwnNode, StartsAsConfiguredWithoutHooks) {
    own.start_as(start_flag::disabled_and_stopped);
    EXPECT_TRUE(has(node_flag::stopped));
    EXPECT_TRUE(has(node_flag::permanently_disabled));
    EXPECT_TRUE(happened.empty());
}

} // namespace
} // namespace ctdb::ctdbd
