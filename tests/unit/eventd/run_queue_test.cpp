#include "eventd/run_queue.hpp"

#include <gtest/gtest.h>

namespace ctdb::eventd {
namespace {

using answer = run_queue::answer;
constexpr auto monitor = event_kind::monitor;
constexpr auto other = event_kind::other;

TEST(RunQueue, TheFirstRunStartsAtOnce) {
    run_queue queue;
    EXPECT_EQ(queue.submit(1, other).what, answer::start);
    EXPECT_EQ(queue.running(), 1U);
}

TEST(RunQueue, OthersRunOneAfterTheOtherInTheirOrder) {
    run_queue queue;
    (void)queue.submit(1, other);
    EXPECT_EQ(queue.submit(2, other).what, answer::wait);
    EXPECT_EQ(queue.submit(3, other).what, answer::wait);
    queue.ended();
    EXPECT_EQ(queue.running(), std::nullopt);
    EXPECT_EQ(queue.settled(), 2U);
    queue.ended();
    EXPECT_EQ(queue.settled(), 3U);
    queue.ended();
    EXPECT_EQ(queue.settled(), std::nullopt);
    EXPECT_TRUE(queue.idle());
}

TEST(RunQueue, AMonitorNeverWaitsForOthers) {
    run_queue queue;
    (void)queue.submit(1, other);
    EXPECT_EQ(queue.submit(2, monitor).what, answer::refuse_cancelled);
    (void)queue.submit(3, other);
    EXPECT_EQ(queue.submit(4, monitor).what, answer::refuse_cancelled);
    EXPECT_EQ(queue.waiting(), 1U);
}

TEST(RunQueue, ARunningMonitorGivesWayToAnything) {
    for (const event_kind kind : {monitor, other}) {
        run_queue queue;
        (void)queue.submit(1, monitor);
        const auto s = queue.submit(2, kind);
        EXPECT_EQ(s.what, answer::wait);
        EXPECT_EQ(s.cancel_running, 1U);
        queue.ended();
        EXPECT_EQ(queue.settled(), 2U);
    }
}

TEST(RunQueue, AMonitorMayWaitWhileTheLastRunIsClearedAway) {
    run_queue queue;
    (void)queue.submit(1, other);
    queue.ended();
    EXPECT_EQ(queue.submit(2, monitor).what, answer::wait);
    const auto s = queue.submit(3, other);
    EXPECT_EQ(s.what, answer::wait);
    EXPECT_EQ(s.cancel_running, std::nullopt);
    EXPECT_EQ(s.cancel_waiting, 2U);
    EXPECT_EQ(queue.submit(4, monitor).what, answer::refuse_cancelled);
    EXPECT_EQ(queue.settled(), 3U);
}

TEST(RunQueue, TheQueueHasALimit) {
    run_queue queue;
    (void)queue.submit(0, other);
    for (run_id id = 1; id <= run_queue::waiting_max; ++id) {
        ASSERT_EQ(queue.submit(id, other).what, answer::wait);
    }
    EXPECT_EQ(queue.submit(9999, other).what, answer::refuse_full);
    EXPECT_EQ(queue.waiting(), run_queue::waiting_max);
}

TEST(RunQueue, AWaitingRunCanBeTakenOut) {
    run_queue queue;
    (void)queue.submit(1, other);
    (void)queue.submit(2, other);
    (void)queue.submit(3, other);
    EXPECT_TRUE(queue.drop_waiting(2));
    EXPECT_FALSE(queue.drop_waiting(2));
    EXPECT_FALSE(queue.drop_waiting(1)) << "it runs";
    queue.ended();
    EXPECT_EQ(queue.settled(), 3U);
}

} // namespace
} // namespace ctdb::eventd
