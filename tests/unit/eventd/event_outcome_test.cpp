#include "eventd/event_outcome.hpp"

#include <gtest/gtest.h>

namespace ctdb::eventd {
namespace {

event::script_result ended(const char* name, std::int32_t result) {
    return event::script_result{name, {}, {}, result, ""};
}

TEST(EventOutcome, NoScriptsAtAllIsSuccess) {
    const event_outcome outcome(false);
    EXPECT_EQ(outcome.answer(), 0);
    EXPECT_EQ(outcome.status().summary, 0);
}

TEST(EventOutcome, ADisabledScriptIsPassedOver) {
    event_outcome outcome(false);
    outcome.add(ended("10.a", event::result_disabled));
    EXPECT_TRUE(outcome.goes_on());
    outcome.add(ended("20.b", 0));
    EXPECT_EQ(outcome.answer(), 0);
    EXPECT_EQ(outcome.status().scripts.size(), 2U);
}

TEST(EventOutcome, TheFirstFailureEndsTheRun) {
    event_outcome outcome(false);
    outcome.add(ended("10.a", 3));
    EXPECT_FALSE(outcome.goes_on());
    EXPECT_EQ(outcome.answer(), ENOEXEC);
    EXPECT_EQ(outcome.status().summary, 3);
}

TEST(EventOutcome, RunAllGoesOnAndKeepsTheLastFailure) {
    event_outcome outcome(true);
    outcome.add(ended("10.a", 3));
    EXPECT_TRUE(outcome.goes_on());
    outcome.add(ended("20.b", -ENOENT));
    outcome.add(ended("30.c", 0));
    EXPECT_EQ(outcome.status().summary, -ENOENT);
    EXPECT_EQ(outcome.answer(), ENOEXEC);
}

TEST(EventOutcome, AfterTheDeadlineNothingIsRunAnyMore) {
    event_outcome outcome(true);
    outcome.add(ended("10.a", event::result_timed_out));
    EXPECT_FALSE(outcome.goes_on());
    EXPECT_EQ(outcome.answer(), ETIMEDOUT);
}

TEST(EventOutcome, AScriptMayCancelItsRun) {
    event_outcome outcome(true);
    outcome.add(ended("10.a", event::result_cancelled));
    EXPECT_TRUE(outcome.cancelled());
    EXPECT_FALSE(outcome.goes_on());
    EXPECT_EQ(outcome.answer(), ECANCELED);
}

} // namespace
} // namespace ctdb::eventd
