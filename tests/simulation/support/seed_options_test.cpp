#include "tests/simulation/support/seed_options.hpp"

#include <gtest/gtest.h>

namespace ctdb::simulation {
namespace {

auto asked(const std::vector<std::string>& words, planted_bugs bugs = planted_bugs::some) {
    return seed_options_of("some_simulation", bugs, words);
}

void refused(const std::vector<std::string>& words, const std::string& why) {
    const auto options = asked(words);
    ASSERT_FALSE(options) << why;
    EXPECT_EQ(options.error().code, 2) << why;
    EXPECT_NE((options.error().err + options.error().out).find(why), std::string::npos)
        << options.error().err << options.error().out;
}

TEST(SeedOptions, WithoutWordsTwoThousandSeedsFromZero) {
    const auto options = asked({});
    ASSERT_TRUE(options);
    EXPECT_EQ(options->first, 0U);
    EXPECT_EQ(options->count, 2000U);
    EXPECT_FALSE(options->seed || options->verbose || options->keep_going || options->bugs);
}

TEST(SeedOptions, ARangeAndGoingOn) {
    const auto options = asked({"--first", "2000", "--count=8000", "--keep-going"});
    ASSERT_TRUE(options);
    EXPECT_EQ(options->first, 2000U);
    EXPECT_EQ(options->count, 8000U);
    EXPECT_TRUE(options->keep_going);
}

TEST(SeedOptions, OneSeedTold) {
    const auto options = asked({"--seed", "17", "--verbose"});
    ASSERT_TRUE(options);
    EXPECT_EQ(options->seed, 17U);
    EXPECT_TRUE(options->verbose);
}

TEST(SeedOptions, HelpNamesEveryOptionAndIsNoError) {
    const auto options = asked({"--help"});
    ASSERT_FALSE(options);
    EXPECT_EQ(options.error().code, 0);
    for (const char* name :
         {"--first", "--count", "--keep-going", "--seed", "--verbose", "--bugs"}) {
        EXPECT_NE(options.error().out.find(name), std::string::npos) << name;
    }
}

TEST(SeedOptions, WhatMakesNoSenseIsSaidAndNothingRuns) {
    refused({"--cuont", "7"}, "--cuont");
    refused({"--count"}, "missing argument");
    refused({"--count", "many"}, "invalid numeric value");
    refused({"--count", "0"}, "at least 1");
    refused({"--first", "-1"}, "not below 0");
    refused({"--first", "99999999999"}, "too large");
    refused({"--verbose"}, "needs --seed");
    refused({"--seed", "1", "--count", "2"}, "exclude each other");
    refused({"--bugs", "--first", "2"}, "exclude each other");
    refused({"17"}, "Usage");
}

TEST(SeedOptions, BugsOnlyWhereSomeCanBePlanted) {
    EXPECT_TRUE(asked({"--bugs"}));
    EXPECT_FALSE(asked({"--bugs"}, planted_bugs::none));
}

} // namespace
} // namespace ctdb::simulation
