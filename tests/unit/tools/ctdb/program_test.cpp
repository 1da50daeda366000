#include "common/cmdline/help.hpp"
#include "common/cmdline/parse.hpp"
#include "tools/ctdb/program.hpp"

#include <fstream>
#include <iterator>
#include <set>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using namespace ctdb;
using namespace ctdb::tool;
using testing::HasSubstr;

constexpr const char* usage = "Usage: [-?YXv] [-?|--help] [--usage] [-d|--debug=STRING]\n"
                              "        [-t|--timelimit=INT] [-n|--node=INT] [-Y] "
                              "[-x|--separator=CHAR]\n"
                              "        [-X] [-v|--verbose] [-T|--maxruntime=INT]\n";

TEST(ToolProgram, HasEveryCommandOfUpstream) {
    EXPECT_EQ(78U, table().commands.size()); // with pushrecord of later releases
}

// Issue 2, scope 7.
TEST(ToolProgram, RunsTheCommandsPromised) {
    for (const char* name :
         {"status",       "listnodes", "nodestatus", "pnn",    "ping",     "uptime",   "leader",
          "ip",           "getdbmap",  "attach",     "catdb",  "readkey",  "writekey", "pstore",
          "pfetch",       "ptrans",    "getvar",     "setvar", "listvars", "disable",  "enable",
          "stop",         "continue",  "ban",        "unban",  "recover",  "shutdown", "getpid",
          "ipreallocate", "runstate",  "version"}) {
        EXPECT_NE(nullptr, action_of(name).run) << name;
    }
}

// Their daemons' side is to come.
TEST(ToolProgram, OnlyCommandsAboutAddressesAreMissing) {
    std::set<std::string_view> missing;
    for (const cmdline::command& c : table().commands) {
        if (action_of(c.name).run == nullptr) {
            missing.insert(c.name);
        }
    }
    const std::set<std::string_view> expected{
        "setifacelink",
        "lvs",
        "gratarp",
        "tickle",
        "moveip",
        "addip",
        "delip",
        "natgw",
        "reloadips"};
    EXPECT_EQ(missing, expected);
}

TEST(ToolProgram, WrongNumberOfArgumentsShowsTheCommandsOwnLine) {
    const auto asked = cmdline::interpret(table(), {"getvar"});
    ASSERT_FALSE(asked);
    EXPECT_EQ(1, asked.error().code);
    EXPECT_EQ(
        std::string(usage) +
            "\nCommands:\n"
            "  getvar          <name>                       get a tunable variable\n",
        asked.error().out
    );
    EXPECT_EQ("", asked.error().err);
}

TEST(ToolProgram, UnknownWordsAndOptionsGoToStderr) {
    EXPECT_EQ("Unknown command 'nosuch'\n", cmdline::interpret(table(), {"nosuch"}).error().err);
    EXPECT_EQ(
        "Invalid option abc: invalid numeric value\n",
        cmdline::interpret(table(), {"-n", "abc", "status"}).error().err
    );
    EXPECT_EQ(
        "Invalid option -h: unknown option\n", cmdline::interpret(table(), {"-h"}).error().err
    );
}

TEST(ToolProgram, AListOfNodesIsOnlyUnderstoodByItsOwnTable) {
    const std::vector<std::string> words{"-n", "0,2", "--json", "ping"};
    EXPECT_FALSE(cmdline::interpret(table(), words));
    const auto asked = cmdline::interpret(table_with_lists(), words);
    ASSERT_TRUE(asked);
    EXPECT_EQ("0,2", asked->options.text("nodes"));
}

TEST(ToolProgram, OnlyQuestionsGoToManyNodes) {
    for (const char* name : {"status", "ping", "getvar", "ip", "getdbmap", "dbstatistics"}) {
        EXPECT_EQ(reach::any_nodes, action_of(name).reach) << name;
    }
    for (const char* name : {"setvar", "stop", "ban", "recover", "statisticsreset", "addtickle"}) {
        EXPECT_EQ(reach::any_node, action_of(name).reach) << name;
    }
}

TEST(ToolProgram, HelpNamesCommandsInUpstreamsColumns) {
    const std::string help = cmdline::full_help(table());
    EXPECT_THAT(
        help, HasSubstr("  version                                      show version of ctdb\n")
    );
    EXPECT_THAT(
        help, HasSubstr("  attach          <dbname> [persistent|replicated]  attach a database\n")
    );
}

TEST(ToolProgram, JsonIsUnderstoodAnywhereButNotInUpstreamsHelp) {
    const auto asked = cmdline::interpret(table(), {"getvar", "-vj", "X", "--jsonl"});
    ASSERT_TRUE(asked);
    EXPECT_TRUE(asked->options.has("json"));
    EXPECT_TRUE(asked->options.has("jsonl"));
    EXPECT_EQ(std::vector<std::string>{"X"}, asked->arguments);
    EXPECT_EQ(std::string::npos, cmdline::full_help(table()).find("json"));
    EXPECT_EQ(std::string::npos, cmdline::brief_usage(table()).find("json"));
    EXPECT_THAT(cmdline::bash_completion(table()), HasSubstr("--json --jsonl"));
    EXPECT_THAT(cmdline::man_options(table()), HasSubstr("*-j, --json*"));
}

TEST(ToolProgram, TheManPageHasTheTablesCommands) {
    std::ifstream file(CTDB_SOURCE_DIR "/doc/man/ctdb.1.scd");
    const std::string page{std::istreambuf_iterator<char>(file), {}};
    EXPECT_THAT(page, HasSubstr(cmdline::man_commands(table())));
    for (const cmdline::option& o : table().groups.front().options) {
        const std::string name = o.long_name.empty() ? fmt::format("*-{}", o.short_name)
                                                     : fmt::format("--{}", o.long_name);
        EXPECT_THAT(page, HasSubstr(name));
    }
}

} // namespace
