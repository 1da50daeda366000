#include "failoverd/authority.hpp"

#include <gtest/gtest.h>

namespace ctdb::failoverd {
namespace {

using namespace std::chrono_literals;

const async::time_point start{std::chrono::hours(1)};

authority_rule member() {
    authority_rule rule({20s, 6s});
    rule.ctdbd_is(true, start);
    rule.active_is(true);
    return rule;
}

TEST(Authority, LastsForItsTimeAfterTheLastStatusThatALeaderAnswered) {
    authority_rule rule = member();
    rule.vouched_for(start + 5s);
    EXPECT_EQ(rule.objection(start + 25s), "");
    EXPECT_EQ(rule.objection(start + 26s), "no leader has answered");
    rule.vouched_for(start + 1s); // older news do not shorten it
    EXPECT_EQ(rule.objection(start + 25s), "");
}

TEST(Authority, EndsAtOnceWithCtdbdAndWithTheNodesActivity) {
    authority_rule rule = member();
    rule.active_is(false);
    EXPECT_EQ(rule.objection(start), "the node is inactive");
    rule.active_is(true);
    rule.ctdbd_is(false, start);
    EXPECT_EQ(rule.objection(start), "ctdbd is gone");
}

TEST(Authority, ALeaderWithAClusterLockNeedsItVerifiedWithinFiveSeconds) {
    authority_rule rule = member();
    rule.leading_is(true, false);
    EXPECT_EQ(rule.objection(start + 1h), "");
    rule.leading_is(true, true);
    rule.lock_verified(start);
    EXPECT_EQ(rule.objection(start + 5s), "");
    EXPECT_EQ(rule.objection(start + 6s), "the cluster lock is not verified");
}

TEST(Authority, ARenewalLaterThanHalfTheLeaseIsNotMade) {
    const authority_rule rule = member();
    EXPECT_EQ(rule.renewal_interval(), 1500ms);
    EXPECT_FALSE(rule.too_late_to_renew(start, start + 3s));
    EXPECT_TRUE(rule.too_late_to_renew(start, start + 3001ms));
}

} // namespace
} // namespace ctdb::failoverd
