#include "common/logging/line_format.hpp"
#include "common/logging/line_splitter.hpp"
#include "common/logging/location.hpp"
#include "common/logging/logging.hpp"
#include "common/logging/repeat_filter.hpp"

#include <map>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using namespace ctdb::logging;
using ctdb::log_level;
using testing::ElementsAre;

TEST(Location, KnowsAllKinds) {
    EXPECT_EQ(parse_location("file:")->where, target::standard_error);
    EXPECT_EQ(parse_location("file:-")->where, target::standard_error);
    EXPECT_EQ(parse_location("syslog")->where, target::syslog);
    EXPECT_EQ(parse_location("syslog:nonblocking")->where, target::syslog_nonblocking);
    EXPECT_EQ(parse_location("syslog:udp")->where, target::syslog_udp);
    EXPECT_EQ(parse_location("syslog:udp-rfc5424")->where, target::syslog_udp_rfc5424);
    for (const char* bad : {"", "file", "bogus:", "syslog:", "syslog:tcp", "stderr"}) {
        EXPECT_FALSE(parse_location(bad)) << bad;
    }
}

TEST(Location, TakesTheWholeRestAsPath) {
    EXPECT_EQ(parse_location("file:/a:b c")->path, "/a:b c");
}

line_origin noon() {
    line_origin origin;
    origin.host = "n1";
    origin.program = "ctdbd";
    origin.pid = 42;
    origin.local.tm_year = 126;
    origin.local.tm_mon = 0;
    origin.local.tm_mday = 2;
    origin.local.tm_hour = 12;
    origin.local.tm_gmtoff = -(3 * 3600 + 30 * 60);
    origin.microseconds = 7;
    return origin;
}

TEST(LineFormat, FileHeaderIsUpstreams) {
    EXPECT_EQ(file_header(noon()), "2026-01-02T12:00:00.000007-03:30 n1 ctdbd[42]: ");
}

TEST(LineFormat, DatagramsCarryPriorityAndName) {
    EXPECT_EQ(syslog_datagram(noon(), log_level::error, "x"), "<27>ctdbd[42]: x");
    EXPECT_EQ(
        rfc5424_datagram(noon(), log_level::debug, "x"),
        "<31>1 2026-01-02T12:00:00.000007-03:30 n1 ctdbd 42 - - x"
    );
}

TEST(LineFormat, DatagramsEndAtTheirLimit) {
    EXPECT_EQ(
        syslog_datagram(noon(), log_level::error, std::string(5000, 'x')).size(), syslog_bytes_max
    );
}

TEST(LineFormat, SeveritiesFollowTheLevels) {
    const std::map<int, int> expected{
        {0, 3}, {1, 4}, {2, 5}, {3, 5}, {5, 5}, {6, 6}, {9, 6}, {10, 7}};
    for (const auto& [level, severity] : expected) {
        EXPECT_EQ(syslog_severity(static_cast<log_level>(level)), severity) << level;
    }
}

TEST(LineFormat, ControlCharactersCannotFakeLines) {
    EXPECT_EQ(printable("a\nb\x1b[1m\tc\x7f"), "a?b?[1m\tc?");
    EXPECT_EQ(printable("grün"), "grün");
}

std::vector<std::string> split(const std::vector<std::string>& chunks) {
    std::vector<std::string> lines;
    line_splitter splitter([&lines](std::string_view line) { lines.emplace_back(line); });
    for (const std::string& chunk : chunks) {
        splitter.feed(chunk);
    }
    splitter.finish();
    return lines;
}

TEST(LineSplitter, LinesComeOutWholeHoweverTheyArrive) {
    EXPECT_THAT(split({"a\nb", "c\n\nd"}), ElementsAre("a", "bc", "", "d"));
    EXPECT_THAT(split({}), ElementsAre());
    EXPECT_THAT(split({"a\n"}), ElementsAre("a"));
}

TEST(LineSplitter, CarriageReturnsAreDropped) {
    EXPECT_THAT(split({"a\r", "\nb\r\n"}), ElementsAre("a", "b"));
}

TEST(LineSplitter, LongLinesAreCutAtTheLimit) {
    const std::string full(child_line_max, 'x');
    EXPECT_THAT(split({full + "\n"}), ElementsAre(full));
    EXPECT_THAT(split({full, "y\n"}), ElementsAre(full, "y"));
    EXPECT_THAT(split({full + full + "\n"}), ElementsAre(full, full));
}

class Repeats : public testing::Test {
protected:
    repeat_filter filter;
    repeat_filter::time_point now{};
    std::vector<std::string> written;

    void line(const std::string& text, log_level level = log_level::error) {
        const auto decided = filter.line(level, text, now);
        if (decided.before) {
            written.push_back(decided.before->text);
        }
        if (decided.write) {
            written.push_back(text);
        }
    }
};

TEST_F(Repeats, AreCountedBeforeTheNextOtherLine) {
    line("a");
    line("a");
    line("a");
    line("b");
    line("a");
    EXPECT_THAT(written, ElementsAre("a", "last message repeated 2 times", "b", "a"));
}

TEST_F(Repeats, OfAnotherLevelAreOtherLines) {
    line("a", log_level::error);
    line("a", log_level::notice);
    EXPECT_THAT(written, ElementsAre("a", "a"));
}

TEST_F(Repeats, StayVisibleWhenTheyGoOn) {
    for (int second = 0; second <= 25; ++second) {
        line("a");
        now += std::chrono::seconds(1);
    }
    EXPECT_THAT(
        written,
        ElementsAre("a", "last message repeated 10 times", "last message repeated 10 times")
    );
    EXPECT_EQ(filter.flush()->text, "last message repeated 5 times");
    EXPECT_FALSE(filter.flush());
}

TEST(SetupFromEnvironment, UsesWhatTheDaemonExported) {
    const auto env = [](const char* name) -> std::optional<std::string> {
        return std::string(name) == "CTDB_LOGGING" ? "file:/x" : "DEBUG";
    };
    const log_setup from = setup_from_environment(env, "helper");
    EXPECT_EQ(from.location, "file:/x");
    EXPECT_EQ(from.level, log_level::debug);
    const auto nothing = [](const char*) -> std::optional<std::string> { return std::nullopt; };
    EXPECT_EQ(setup_from_environment(nothing, "helper").location, "file:");
}

} // namespace
