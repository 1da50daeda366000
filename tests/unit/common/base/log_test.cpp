#include "common/base/log.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace ctdb {
namespace {

TEST(LogLevel, AcceptsPrefixesOfAnyCaseAndNumbersUpToTen) {
    EXPECT_EQ(parse_log_level("n"), log_level::notice);
    EXPECT_EQ(parse_log_level("Deb"), log_level::debug);
    EXPECT_EQ(parse_log_level("3"), log_level::notice);
    EXPECT_EQ(parse_log_level("11"), std::nullopt);
    EXPECT_EQ(parse_log_level(""), std::nullopt);
    EXPECT_EQ(parse_log_level("NOTICED"), std::nullopt);
}

TEST(LogLevel, NumbersBetweenLevelsPrintAsTheLevelBelow) {
    EXPECT_EQ(log_level_name(static_cast<log_level>(2)), "WARNING");
    EXPECT_EQ(log_level_name(static_cast<log_level>(7)), "INFO");
}

TEST(Log, WritesOnlyLinesUpToTheCurrentLevel) {
    std::vector<std::string> lines;
    set_log_sink([&lines](log_level, std::string_view line) { lines.emplace_back(line); });
    set_log_level(log_level::notice);
    log_notice("node {} is {}", 1, "up");
    log_info("not shown");
    set_log_sink({});
    EXPECT_EQ(lines, std::vector<std::string>{"node 1 is up"});
}

} // namespace
} // namespace ctdb
