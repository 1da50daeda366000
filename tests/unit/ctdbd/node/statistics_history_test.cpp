#include "ctdbd/statistics_history.hpp"

#include <gtest/gtest.h>

namespace ctdb::ctdbd {
namespace {

protocol::statistics at(std::int64_t second, std::uint32_t calls, double latency) {
    protocol::statistics s;
    s.current_time.seconds = second;
    s.total_calls = calls;
    s.call_latency.num = static_cast<std::int32_t>(calls);
    s.call_latency.total = latency;
    return s;
}

TEST(StatisticsHistory, ASlotHoldsWhatHappenedInIt) {
    statistics_history history;
    history.end_slot(at(100, 5, 0.5));
    history.end_slot(at(101, 7, 0.75));
    const auto list = history.list();
    ASSERT_EQ(list.stats.size(), statistics_history::slots);
    EXPECT_EQ(list.stats[0].total_calls, 2U);
    EXPECT_EQ(list.stats[0].start_time.seconds, 100);
    EXPECT_EQ(list.stats[0].call_latency.num, 2U);
    EXPECT_DOUBLE_EQ(list.stats[0].call_latency.total, 0.25);
}

TEST(StatisticsHistory, AResetOfTheCountersTakesNothingFromTheRunningSlot) {
    statistics_history history;
    history.end_slot(at(100, 5, 0.5));
    history.reset(at(0, 8, 1.25), at(0, 0, 0)); // 3 calls after the slot began
    history.end_slot(at(101, 4, 0.25));         // and 4 more
    history.end_slot(at(102, 6, 0.5));
    const auto list = history.list();
    EXPECT_EQ(list.stats[1].total_calls, 7U);
    EXPECT_EQ(list.stats[1].start_time.seconds, 100); // else tools do not show it
    EXPECT_EQ(list.stats[1].call_latency.num, 7U);
    EXPECT_DOUBLE_EQ(list.stats[1].call_latency.total, 1.0);
    EXPECT_EQ(list.stats[0].total_calls, 2U);
    EXPECT_EQ(list.stats[0].start_time.seconds, 101);
}

} // namespace
} // namespace ctdb::ctdbd
