// The texts are those recorded from upstream's tool.
#include "tools/ctdb-event/report.hpp"

#include <cerrno>
#include <cstdlib>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace ctdb::event_tool {
namespace {

using event::script_result;

class Report : public testing::Test {
protected:
    void SetUp() override { ::setenv("TZ", "UTC", 1); }
    static event::wall_time at(int milliseconds) {
        const auto base = std::chrono::seconds(1795361637); // Sun Nov 22 15:33:57 2026
        return event::wall_time(base + std::chrono::milliseconds(milliseconds));
    }
    static script_result ended(std::string name, std::int32_t result, std::string output = "") {
        return script_result{std::move(name), at(0), at(4), result, std::move(output)};
    }
    static report show(std::int32_t summary, std::vector<script_result> scripts) {
        event::reply answer;
        answer.to = event::command::status;
        answer.status = event::event_status{summary, std::move(scripts)};
        return status_report({"legacy", "monitor"}, answer);
    }
    static event::run_request asked() {
        event::run_request r;
        r.component = "legacy";
        r.event = "monitor";
        return r;
    }
};

TEST_F(Report, ASuccessfulScriptShowsItsTimeAndNoOutput) {
    const auto r = show(0, {ended("00.test", 0, "chatty\n")});
    EXPECT_EQ(r.text, "00.test              OK         0.004 Sun Nov 22 15:33:57 2026\n");
    EXPECT_EQ(r.exit_code, 0);
}

TEST_F(Report, AFailureShowsItsOutputAsItWas) {
    const auto r = show(3, {ended("10.fail", 3, "line1\n\nline3\n")});
    EXPECT_EQ(
        r.text,
        "10.fail              ERROR      0.004 Sun Nov 22 15:33:57 2026\n"
        "  OUTPUT: line1\n\nline3\n\n"
    );
    EXPECT_EQ(r.exit_code, 3);
}

TEST_F(Report, AFailureWithoutOutputStillHasItsLine) {
    const auto r = show(1, {ended("10.fail", 1)});
    EXPECT_EQ(
        r.text,
        "10.fail              ERROR      0.004 Sun Nov 22 15:33:57 2026\n"
        "  OUTPUT: \n"
    );
}

TEST_F(Report, ADisabledScriptsLineEndsInTwoBlanks) {
    EXPECT_EQ(show(0, {ended("10.fail", -ENOEXEC)}).text, "10.fail              DISABLED  \n");
}

TEST_F(Report, ATimeoutShowsWhenItBegan) {
    const auto r = show(-ETIMEDOUT, {ended("10.fail", -ETIMEDOUT, "starting\n")});
    EXPECT_EQ(
        r.text,
        "10.fail              TIMEDOUT   Sun Nov 22 15:33:57 2026\n"
        "  OUTPUT: starting\n\n"
    );
    EXPECT_EQ(r.exit_code, ETIMEDOUT);
}

TEST_F(Report, AScriptThatCannotRunSaysWhy) {
    const auto r = show(-ENOENT, {ended("40.interp", -ENOENT)});
    EXPECT_EQ(r.text, "40.interp            CANNOT RUN (No such file or directory)\n  OUTPUT: \n");
    EXPECT_EQ(r.exit_code, ENOENT);
}

TEST_F(Report, ScriptsNotReachedAreNotShown) {
    EXPECT_EQ(show(0, {ended("50.samba", -ENOMSG)}).text, "");
}

TEST_F(Report, ErrorsOfStatusHaveTheirTexts) {
    event::reply answer;
    answer.to = event::command::status;
    answer.result = EINVAL;
    auto r = status_report({"legacy", "nosuch"}, answer);
    EXPECT_EQ(r.text, "Event nosuch has never run in legacy\n");
    EXPECT_EQ(r.exit_code, EINVAL);
    answer.result = ENOENT;
    r = status_report({"nosuch", "monitor"}, answer);
    EXPECT_EQ(r.text, "Event dir for nosuch does not exist\n");
    answer.result = EIO;
    r = status_report({"legacy", "monitor"}, answer);
    EXPECT_EQ(r.text, "Unknown error (5) for event monitor in legacy\n");
}

TEST_F(Report, RunTellsHowItEnded) {
    EXPECT_EQ(run_report(asked(), 0), "");
    EXPECT_EQ(run_report(asked(), ENOENT), "Event dir for legacy does not exist\n");
    EXPECT_EQ(run_report(asked(), ETIMEDOUT), "Event monitor in legacy timed out\n");
    EXPECT_EQ(run_report(asked(), ECANCELED), "Event monitor in legacy got cancelled\n");
    EXPECT_EQ(run_report(asked(), ENOEXEC), "Event monitor in legacy failed\n");
    EXPECT_EQ(run_report(asked(), EIO), "Failed to run event monitor in legacy, result=5\n");
}

TEST_F(Report, TheListSeparatesProvidedFromLocalScripts) {
    event::script_listing listing;
    listing.provided = {{"10.a", false}, {"30.c", true}};
    EXPECT_EQ(list_report(listing), "  10.a\n* 30.c\n");
    listing.local = {{"20.b", true}};
    EXPECT_EQ(list_report(listing), "  10.a\n* 30.c\n\n* 20.b\n");
    listing.provided.clear();
    EXPECT_EQ(list_report(listing), "* 20.b\n");
}

TEST_F(Report, JsonSaysHowEachScriptEnded) {
    event::reply answer;
    answer.to = event::command::status;
    answer.status = event::event_status{
        1,
        {ended("00.a", 0, "chatty\n"),
         ended("10.b", 1, "why \xff\n"),
         ended("20.c", event::result_timed_out),
         ended("30.d", event::result_disabled),
         ended("40.e", -EACCES),
         ended("50.f", event::result_not_reached)}};
    const auto object =
        nlohmann::json::parse(status_json({"service", "monitor"}, answer, layout::indented));
    EXPECT_EQ("ctdb.event/1", object.at("schema"));
    EXPECT_EQ("monitor", object.at("event"));
    const auto& scripts = object.at("scripts");
    ASSERT_EQ(5U, scripts.size()); // what was not reached is not listed
    EXPECT_EQ("ok", scripts[0].at("state"));
    EXPECT_EQ(0, scripts[0].at("exit"));
    EXPECT_EQ("2026-11-22T15:33:57.000000Z", scripts[0].at("started"));
    EXPECT_DOUBLE_EQ(0.004, scripts[0].at("duration_s"));
    EXPECT_EQ("error", scripts[1].at("state"));
    EXPECT_EQ("timedout", scripts[2].at("state"));
    EXPECT_TRUE(scripts[2].at("exit").is_null());
    EXPECT_EQ("disabled", scripts[3].at("state"));
    EXPECT_TRUE(scripts[3].at("started").is_null());
    EXPECT_EQ("cannot_run", scripts[4].at("state"));
}

TEST_F(Report, JsonOfAnEventThatNeverRanIsAnError) {
    event::reply answer;
    answer.to = event::command::status;
    answer.result = EINVAL;
    const auto object =
        nlohmann::json::parse(status_json({"service", "monitor"}, answer, layout::indented));
    EXPECT_EQ(EINVAL, object.at("error").at("errno"));
    EXPECT_EQ("Event monitor has never run in service", object.at("error").at("message"));
}

TEST_F(Report, JsonListsProvidedAndLocalScripts) {
    event::script_listing listing;
    listing.provided = {{"01.a", true}, {"02.b", false}};
    listing.local = {{"03.c", true}};
    const auto object = nlohmann::json::parse(list_json("service", listing, layout::one_line));
    ASSERT_EQ(3U, object.at("scripts").size());
    EXPECT_EQ(true, object.at("scripts")[0].at("link_ok"));
    EXPECT_EQ(false, object.at("scripts")[1].at("enabled"));
    EXPECT_EQ(false, object.at("scripts")[2].at("provided"));
}

} // namespace
} // namespace ctdb::event_tool
