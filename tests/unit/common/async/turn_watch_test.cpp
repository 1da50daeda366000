#include "common/async/turn_part.hpp"
#include "common/async/turn_watch.hpp"
#include "common/base/log.hpp"

#include <vector>

#include <gtest/gtest.h>

namespace ctdb::async {
namespace {

using namespace std::chrono_literals;

turn_watch::duration wall_now;
turn_watch::duration processor_now;
int processor_looks;

turn_watch::clocks fake_clocks() {
    turn_watch::clocks fake{};
    fake.wall = []() noexcept { return wall_now; };
    fake.processor = []() noexcept {
        ++processor_looks;
        return processor_now;
    };
    return fake;
}

class TurnWatch : public testing::Test {
protected:
    TurnWatch() {
        wall_now = 100s;
        processor_now = 5s;
        processor_looks = 0;
        set_log_level(log_level::info);
        set_log_sink([this](log_level level, std::string_view line) {
            lines.emplace_back(level, line);
        });
    }
    ~TurnWatch() override {
        set_log_sink({});
        set_log_level(before);
    }
    static void pass_time(turn_watch::duration wall, turn_watch::duration processor) {
        wall_now += wall;
        processor_now += processor;
    }
    void turn(turn_watch::duration wall, turn_watch::duration processor) {
        watch.begins();
        pass_time(wall, processor);
        watch.ends();
    }
    log_level before = current_log_level();
    std::vector<std::pair<log_level, std::string>> lines;
    turn_watch watch{fake_clocks()};
};

TEST_F(TurnWatch, TellsWorkFromWaiting) {
    turn(30ms, 4ms);
    EXPECT_EQ(watch.long_turns(), 1u);
    EXPECT_EQ(watch.longest().took, 30ms);
    EXPECT_EQ(watch.longest().processor, 4ms);
    pass_time(1s, 3ms); // between turns: of none
    turn(20ms, 15ms);
    EXPECT_EQ(watch.long_turns(), 2u);
    EXPECT_EQ(watch.longest().took, 30ms);
    EXPECT_EQ(watch.most_processor(), 15ms);
    EXPECT_NE(watch.report().find("2 turns over 10 ms, the longest 30.0 ms"), std::string::npos);
}

void keep_busy(std::chrono::nanoseconds time) {
    const auto until = std::chrono::steady_clock::now() + time;
    while (std::chrono::steady_clock::now() < until) {
    }
}

// Whatever else the machine does meanwhile: time that passes outside of the inner part makes the
// outer one the longest at most sometimes.
bool inner_is_named() {
    turn_part::forget();
    {
        const turn_part outer("packets");
        const turn_part inner("control", 40);
        keep_busy(20ms);
    }
    return turn_part::longest().ends_with(" ms of it: control 40");
}

TEST_F(TurnWatch, NamesTheLongestPartOfALongTurn) {
    watch.begins();
    bool named = false;
    for (int i = 0; i < 5 && !named; ++i) {
        named = inner_is_named();
    }
    { const turn_part other("a timer"); }
    EXPECT_TRUE(named) << turn_part::longest();
    pass_time(30ms, 30ms);
    watch.ends();
    ASSERT_EQ(lines.size(), 1u);
    EXPECT_NE(lines[0].second.find(" ms of it: "), std::string::npos) << lines[0].second;
    pass_time(1s, 0s);
    turn(30ms, 4ms); // what was named belongs to the turn before
    ASSERT_EQ(lines.size(), 2u);
    EXPECT_EQ(lines[1].second.find("of it"), std::string::npos) << lines[1].second;
}

TEST_F(TurnWatch, NamesTheWholeWhenItsPartsAreMany) {
    turn_part::forget();
    {
        const auto begun = std::chrono::steady_clock::now();
        const turn_part outer("packets");
        for (int i = 0; i < 5; ++i) {
            const turn_part inner("control", 40);
            keep_busy(1ms);
        }
        keep_busy(2 * (std::chrono::steady_clock::now() - begun)); // most of it is its own
    }
    EXPECT_NE(turn_part::longest().find("packets"), std::string::npos) << turn_part::longest();
}

TEST_F(TurnWatch, ShortTurnsAreNotCountedAndHardlyLookAtTheProcessorsTime) {
    for (int i = 0; i < 1000; ++i) { // 10 ms altogether
        turn(10us, 9us);
    }
    turn(9999us, 9999us);
    EXPECT_EQ(watch.long_turns(), 0u);
    EXPECT_LE(processor_looks, 12);
    EXPECT_TRUE(lines.empty());
}

// The work of short turns just before is within the millisecond of its error.
TEST_F(TurnWatch, AfterShortTurnsTheProcessorsTimeIsExactToAMillisecond) {
    for (int i = 0; i < 990; ++i) {
        turn(1us, 1us);
    }
    turn(20ms, 5ms);
    EXPECT_GE(watch.longest().processor, 5ms);
    EXPECT_LT(watch.longest().processor, 6ms);
}

TEST_F(TurnWatch, AnEndWithoutABeginningIsNone) {
    pass_time(1h, 1h);
    watch.ends();
    EXPECT_EQ(watch.long_turns(), 0u);
}

TEST_F(TurnWatch, LogsALineInASecondAndHowManyItHasLeftOut) {
    for (int i = 0; i < 10; ++i) {
        turn(50ms, 1ms);
    }
    ASSERT_EQ(lines.size(), 1u);
    EXPECT_EQ(lines[0].first, log_level::info);
    pass_time(1s, 0s);
    turn(12ms, 1ms);
    ASSERT_EQ(lines.size(), 2u);
    EXPECT_NE(lines[1].second.find("9 more over 10 ms"), std::string::npos) << lines[1].second;
}

TEST_F(TurnWatch, WarnsOfEachVeryLongTurn) {
    turn(1500ms, 1ms);
    turn(2s, 1ms);
    ASSERT_EQ(lines.size(), 2u);
    EXPECT_EQ(lines[0].first, log_level::warning);
    EXPECT_EQ(lines[1].first, log_level::warning);
}

} // namespace
} // namespace ctdb::async
