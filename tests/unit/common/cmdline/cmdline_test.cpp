// The texts are those of the reference implementation (tests/unit/tools/recorded), to the letter.
#include "common/cmdline/help.hpp"
#include "common/cmdline/parse.hpp"

#include <cstdio>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <unistd.h>

namespace {

using namespace ctdb::cmdline;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

const program& ctdb_tool() {
    static const program table{
        "ctdb",
        style::tool,
        {{"",
          {{"debug", "debug", 'd', argument::text, "STRING", "debug level"},
           {"timelimit", "timelimit", 't', argument::integer, "INT", "timelimit (in seconds)"},
           {"node", "node", 'n', argument::integer, "INT", "node specification - integer"},
           {"Y", "", 'Y', argument::none, "", "enable machine readable output"},
           {"separator",
            "separator",
            'x',
            argument::text,
            "CHAR",
            "specify separator for machine readable output"},
           {"X", "", 'X', argument::none, "", "enable machine parsable output with separator |"},
           {"verbose", "verbose", 'v', argument::none, "", "enable verbose output"},
           {"maxruntime",
            "maxruntime",
            'T',
            argument::integer,
            "INT",
            "die if runtime exceeds this limit (in seconds)"}},
          2},
         help_and_usage()},
        {{"version", "", "show version of ctdb"},
         {"getvar", "<name>", "get a tunable variable", 1, 1},
         {"attach", "<dbname> [persistent|replicated]", "attach a database", 1, 2},
         {"ping", "", "ping a node", 0, any_number},
         {"dumpdbbackup", "<file>", "dump database from a backup file", 1, 1, true}}};
    return table;
}

const program& event_tool() {
    static const program table{
        "ctdb-event",
        style::helper,
        {help_with_h(), {"Options:", {debug_option()}, 2}},
        {{"run", "<timeout> <component> <event> <args>", "Run an event", 3, any_number},
         {"status", "<component> <event>", "Get status of an event", 2, 2},
         {"script list", "<component>", "List event scripts", 1, 1},
         {"script enable", "<component> <script>", "Enable an event script", 2, 2},
         {"script disable", "<component> <script>", "Disable an event script", 2, 2}},
        1};
    return table;
}

const program& ctdbd() {
    static const program table{
        "ctdbd",
        style::daemon,
        {{"", {{"interactive", "interactive", 'i', argument::none, "", "don't fork"}}, 2},
         help_and_usage()},
        {}};
    return table;
}

const std::string tool_usage =
    "Usage: [-?YXv] [-?|--help] [--usage] [-d|--debug=STRING]\n"
    "        [-t|--timelimit=INT] [-n|--node=INT] [-Y] [-x|--separator=CHAR]\n"
    "        [-X] [-v|--verbose] [-T|--maxruntime=INT]\n";

const std::string tool_help =
    "Usage: [OPTION...]\n"
    "  -d, --debug=STRING       debug level\n"
    "  -t, --timelimit=INT      timelimit (in seconds)\n"
    "  -n, --node=INT           node specification - integer\n"
    "  -Y                       enable machine readable output\n"
    "  -x, --separator=CHAR     specify separator for machine readable output\n"
    "  -X                       enable machine parsable output with separator |\n"
    "  -v, --verbose            enable verbose output\n"
    "  -T, --maxruntime=INT     die if runtime exceeds this limit (in seconds)\n"
    "\n"
    "Help options:\n"
    "  -?, --help               Show this help message\n"
    "      --usage              Display brief usage message\n";

const std::string tool_commands =
    "\nCommands:\n"
    "  version                                      show version of ctdb\n"
    "  getvar          <name>                       get a tunable variable\n"
    "  attach          <dbname> [persistent|replicated]  attach a database\n"
    "  ping                                         ping a node\n"
    "  dumpdbbackup    <file>                       dump database from a backup file\n";

const std::string event_help =
    "Usage: ctdb-event [<options>] <command> [<args>]\n"
    "\n"
    "Help Options:\n"
    "  -h, --help                                      Show this help message\n"
    "\n"
    "Options:\n"
    "  -d, --debug=ERROR|WARNING|NOTICE|INFO|DEBUG     debug level\n"
    "\n"
    "Commands:\n"
    "  run <timeout> <component> <event> <args>     Run an event\n"
    "  status <component> <event>                   Get status of an event\n"
    "  script list <component>                      List event scripts\n"
    "  script enable <component> <script>           Enable an event script\n"
    "  script disable <component> <script>          Disable an event script\n";

ending ended(const program& table, const std::vector<std::string>& words) {
    const auto asked = interpret(table, words);
    return asked ? ending{-1, "it did not end", ""} : asked.error();
}

void expect_end(const ending& end, int code, const std::string& out, const std::string& err) {
    EXPECT_EQ(end.code, code);
    EXPECT_EQ(end.out, out);
    EXPECT_EQ(end.err, err);
}

TEST(ToolStyle, HelpAndUsageAreUpstreams) {
    expect_end(ended(ctdb_tool(), {"--help"}), 0, tool_help, "");
    expect_end(ended(ctdb_tool(), {"-?"}), 0, tool_help, "");
    expect_end(ended(ctdb_tool(), {"--usage"}), 0, tool_usage, "");
}

TEST(ToolStyle, WithoutCommandAllHelpAndOne) {
    expect_end(ended(ctdb_tool(), {}), 1, tool_help + tool_commands, "");
    expect_end(ended(ctdb_tool(), {"-Y"}), 1, tool_help + tool_commands, "");
}

TEST(ToolStyle, UnknownCommandsAreNamedOnStderr) {
    expect_end(ended(ctdb_tool(), {"nosuch"}), 1, "", "Unknown command 'nosuch'\n");
    expect_end(ended(ctdb_tool(), {"getva", "x"}), 1, "", "Unknown command 'getva'\n");
}

TEST(ToolStyle, WrongArgumentsShowTheCommandOnStdout) {
    const std::string line =
        "\nCommands:\n  getvar          <name>                       get a tunable variable\n";
    expect_end(ended(ctdb_tool(), {"getvar"}), 1, tool_usage + line, "");
    expect_end(ended(ctdb_tool(), {"getvar", "a", "b"}), 1, tool_usage + line, "");
    expect_end(ended(ctdb_tool(), {"dumpdbbackup"}), 1, tool_help + tool_commands, "");
}

TEST(ToolStyle, OptionErrorsSayWhatWasTyped) {
    const std::vector<std::pair<std::vector<std::string>, std::string>> cases{
        {{"-h"}, "-h: unknown option"},
        {{"--bogus", "status"}, "--bogus: unknown option"},
        {{"--verb", "ping"}, "--verb: unknown option"},
        {{"-n", "abc", "ping"}, "abc: invalid numeric value"},
        {{"-n", "0,1", "ping"}, "0,1: invalid numeric value"},
        {{"--node=abc", "ping"}, "--node=abc: invalid numeric value"},
        {{"-n"}, "-n: missing argument"},
        {{"-t", "99999999999", "ping"}, "99999999999: number too large or too small"},
        {{"--verbose=1", "ping"}, "--verbose=1: option does not take an argument"}};
    for (const auto& [words, reason] : cases) {
        expect_end(ended(ctdb_tool(), words), 1, "", "Invalid option " + reason + "\n");
    }
}

TEST(Parse, OptionsStandAnywhereUntilTwoDashes) {
    const auto asked =
        interpret(ctdb_tool(), {"attach", "-n", "2", "a.tdb", "-Yvx:", "--", "-persistent"});
    ASSERT_TRUE(asked);
    EXPECT_EQ(asked->chosen->name, "attach");
    EXPECT_THAT(asked->arguments, ElementsAre("a.tdb", "-persistent"));
    EXPECT_EQ(asked->options.number("node"), 2);
    EXPECT_EQ(asked->options.text("separator"), ":");
    EXPECT_TRUE(asked->options.has("Y"));
    EXPECT_TRUE(asked->options.has("verbose"));
    EXPECT_FALSE(asked->options.has("X"));
    EXPECT_EQ(asked->options.number("timelimit"), std::nullopt);
}

TEST(Parse, ArgumentsMayLookLikeOptionsAndTheLastOneCounts) {
    const auto asked =
        interpret(ctdb_tool(), {"-n", "-1", "--timelimit=0x10", "-t3", "-T=7", "ping"});
    ASSERT_TRUE(asked);
    EXPECT_EQ(asked->options.number("node"), -1);
    EXPECT_EQ(asked->options.number("timelimit"), 3);
    EXPECT_EQ(asked->options.number("maxruntime"), 7);
}

TEST(Parse, SuperfluousArgumentsAreTakenWhereUpstreamIgnoresThem) {
    EXPECT_TRUE(interpret(ctdb_tool(), {"ping", "a", "b"}));
    EXPECT_TRUE(interpret(ctdb_tool(), {"ping", "-"}));
}

TEST(HelperStyle, HelpIsPrintedTwice) {
    for (const std::vector<std::string>& words :
         {std::vector<std::string>{}, {"bogus"}, {"script"}, {"-h"}, {"--help"}}) {
        expect_end(ended(event_tool(), words), 1, event_help + event_help, "");
    }
    expect_end(
        ended(event_tool(), {"--bogus"}),
        1,
        event_help + event_help,
        "Invalid option --bogus: unknown option\n"
    );
}

TEST(HelperStyle, MisuseShowsOneCommandWithTheCodeOfTheProgram) {
    expect_end(
        ended(event_tool(), {"status", "legacy"}),
        1,
        "Usage: ctdb-event [-h] [-h|--help]\n"
        "        [-d|--debug=ERROR|WARNING|NOTICE|INFO|DEBUG] <command> [<args>]\n"
        "\n"
        "  status <component> <event>     Get status of an event\n",
        ""
    );
}

TEST(HelperStyle, CommandsOfSeveralWordsAreMatchedWordByWord) {
    const auto asked = interpret(event_tool(), {"script", "enable", "legacy", "00.test"});
    ASSERT_TRUE(asked);
    EXPECT_EQ(asked->chosen->name, "script enable");
    EXPECT_THAT(asked->arguments, ElementsAre("legacy", "00.test"));
    const auto run = interpret(event_tool(), {"run", "--", "-3", "legacy", "monitor"});
    ASSERT_TRUE(run);
    EXPECT_THAT(run->arguments, ElementsAre("-3", "legacy", "monitor"));
}

TEST(DaemonStyle, TakesOptionsOnly) {
    EXPECT_TRUE(interpret(ctdbd(), {"-i"})->options.has("interactive"));
    EXPECT_EQ(interpret(ctdbd(), {})->chosen, nullptr);
    const std::string help = "Usage: ctdbd [OPTION...]\n"
                             "  -i, --interactive     don't fork\n"
                             "\n"
                             "Help options:\n"
                             "  -?, --help            Show this help message\n"
                             "      --usage           Display brief usage message\n";
    expect_end(ended(ctdbd(), {"word"}), 1, help, "");
    expect_end(ended(ctdbd(), {"-?"}), 0, help, "");
    expect_end(ended(ctdbd(), {"-x"}), 1, "", "Invalid option -x: unknown option\n");
}

TEST(Generated, CompletionIsAScriptBashUnderstands) {
    const std::string script = ended(event_tool(), {"--print-bash-completion"}).out;
    EXPECT_THAT(script, HasSubstr("complete -o default -F _ctdb_event ctdb-event"));
    std::FILE* shell = ::popen("bash -n", "w");
    ASSERT_NE(shell, nullptr);
    std::fputs(script.c_str(), shell);
    EXPECT_EQ(::pclose(shell), 0);
}

TEST(Generated, CompletionOffersCommandsAndOptions) {
    const std::string script = bash_completion(event_tool());
    const std::string ask = script + "COMP_WORDS=(ctdb-event st); COMP_CWORD=1; _ctdb_event; "
                                     "[ \"${COMPREPLY[*]}\" = status ] || exit 1\n"
                                     "COMP_WORDS=(ctdb-event --de); _ctdb_event; "
                                     "[ \"${COMPREPLY[*]}\" = --debug ]\n";
    std::FILE* shell = ::popen("bash -s", "w");
    ASSERT_NE(shell, nullptr);
    std::fputs(ask.c_str(), shell);
    EXPECT_EQ(::pclose(shell), 0);
}

TEST(Generated, ManualListsEscapeWhatScdocReads) {
    EXPECT_THAT(
        man_commands(ctdb_tool()), HasSubstr("*attach* \\<dbname> \\[persistent|replicated]\n")
    );
    EXPECT_THAT(man_options(ctdb_tool()), StartsWith("*-d, --debug=STRING*\n\tdebug level\n"));
}

} // namespace
