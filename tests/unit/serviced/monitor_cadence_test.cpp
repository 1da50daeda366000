#include "serviced/monitor_cadence.hpp"

#include <cerrno>

#include <gtest/gtest.h>

namespace ctdb::serviced {
namespace {

using namespace std::chrono_literals;
using verdict = monitor_cadence::verdict;

TEST(MonitorCadence, TheFirstSuccessMakesHealthyAndPausesFollowUpstream) {
    monitor_cadence cadence;
    EXPECT_FALSE(cadence.healthy());
    EXPECT_EQ(cadence.judge(0), verdict::healthy);
    for (const auto pause : {5s, 10s, 15s, 15s}) {
        EXPECT_EQ(cadence.next_pause(), pause);
        EXPECT_EQ(cadence.judge(0), verdict::unchanged);
    }
}

TEST(MonitorCadence, WithoutAChangePausesDoubleFromTwoSeconds) {
    monitor_cadence cadence;
    for (const auto pause : {2s, 4s, 8s, 15s, 15s}) {
        EXPECT_EQ(cadence.judge(ECANCELED), verdict::unchanged);
        EXPECT_EQ(cadence.next_pause(), pause);
    }
}

TEST(MonitorCadence, AFailureMakesUnhealthyAtOnce) {
    monitor_cadence cadence;
    (void)cadence.judge(0);
    EXPECT_EQ(cadence.judge(ENOEXEC), verdict::unhealthy);
    EXPECT_EQ(cadence.next_pause(), 5s);
    EXPECT_EQ(cadence.judge(ENOEXEC), verdict::unchanged);
    EXPECT_EQ(cadence.judge(0), verdict::healthy);
}

TEST(MonitorCadence, OnlyManyTimeoutsInARowCount) {
    monitor_cadence cadence;
    cadence.set({15s, 3});
    (void)cadence.judge(0);
    EXPECT_EQ(cadence.judge(ETIMEDOUT), verdict::unchanged);
    EXPECT_EQ(cadence.judge(ETIMEDOUT), verdict::unchanged);
    EXPECT_EQ(cadence.judge(0), verdict::unchanged);
    EXPECT_EQ(cadence.timeouts(), 0U);
    EXPECT_EQ(cadence.judge(ETIMEDOUT), verdict::unchanged);
    EXPECT_EQ(cadence.judge(ETIMEDOUT), verdict::unchanged);
    EXPECT_EQ(cadence.judge(ETIMEDOUT), verdict::unhealthy);
}

TEST(MonitorCadence, ACancelledRunSaysNothing) {
    monitor_cadence cadence;
    (void)cadence.judge(0);
    EXPECT_EQ(cadence.judge(ECANCELED), verdict::unchanged);
    EXPECT_TRUE(cadence.healthy());
}

TEST(MonitorCadence, AnEventThatCannotBeRunIsNoHealth) {
    monitor_cadence cadence;
    (void)cadence.judge(0);
    EXPECT_EQ(cadence.could_not_run(), verdict::unhealthy);
    EXPECT_EQ(cadence.next_pause(), 5s);
}

TEST(MonitorCadence, RestartedServicesEarnTheirHealthAgain) {
    monitor_cadence cadence;
    (void)cadence.judge(0);
    cadence.services_started();
    EXPECT_FALSE(cadence.healthy());
    EXPECT_EQ(cadence.judge(0), verdict::healthy);
}

TEST(MonitorCadence, AShorterMonitorIntervalCountsAtOnce) {
    monitor_cadence cadence;
    cadence.set({1s, 20});
    (void)cadence.judge(0);
    EXPECT_EQ(cadence.next_pause(), 1s);
    EXPECT_EQ(cadence.next_pause(), 1s);
    cadence.set({0s, 20});
    EXPECT_EQ(cadence.next_pause(), 1s) << "never without a pause";
}

} // namespace
} // namespace ctdb::serviced
