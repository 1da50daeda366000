// Our ctdb-config and ctdb-path against what the reference implementation's print.
#include "common/path/paths.hpp"
#include "tests/unit/tools/recorded/recorded.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include <unistd.h>

namespace {

using ctdb::test::recorded_entry;
using ctdb::test::replace_all;

constexpr const char* here = CTDB_SOURCE_DIR "/tests/unit/tools/recorded/";

class Recorded : public testing::Test {
protected:
    std::string cluster; // all below it, readable by everybody: one entry runs without privileges
    std::string base;

    void SetUp() override {
        std::string text = (std::filesystem::temp_directory_path() / "ctdb-rec-XXXXXX").string();
        cluster = ::mkdtemp(text.data());
        std::filesystem::permissions(cluster, static_cast<std::filesystem::perms>(0755));
        base = cluster + "/node.0";
        for (const char* dir :
             {"/node.0/db/volatile",
              "/node.0/db/persistent",
              "/node.0/db/state",
              "/shared/.ctdb",
              "/bin",
              "/scratch"}) {
            std::filesystem::create_directories(cluster + dir);
        }
        for (const char* program : {"ctdb-config", "ctdb-path"}) {
            std::filesystem::copy(
                std::string(CTDB_BUILD_DIR "/bin/") + program, cluster + "/bin/" + program
            );
        }
        std::ofstream(base + "/nodes") << "127.0.0.1\n";
        std::ofstream(base + "/debug-hung-script.sh") << "#!/bin/sh\n";
        std::filesystem::permissions(
            base + "/debug-hung-script.sh", std::filesystem::perms::owner_all
        );
    }
    void TearDown() override { std::filesystem::remove_all(cluster); }

    [[nodiscard]] std::string filled(const std::string& text) const {
        return replace_all(replace_all(text, "$CTDB_BASE", base), "$CLUSTER", cluster);
    }

    void config_file(const std::string& text) const {
        std::ofstream(base + "/ctdb.conf") << filled(text);
    }

    void valid_file() const {
        config_file("[logging]\n"
                    "location = file:$CTDB_BASE/log.ctdb\nlog level = INFO\n"
                    "[cluster]\nnode address = 127.0.0.1\n"
                    "cluster lock = $CLUSTER/shared/.ctdb/cluster.lock\n"
                    "[database]\n"
                    "volatile database directory = $CTDB_BASE/db/volatile\n"
                    "persistent database directory = $CTDB_BASE/db/persistent\n"
                    "state database directory = $CTDB_BASE/db/state\n"
                    "[event]\ndebug script = debug-hung-script.sh\n");
    }

    [[nodiscard]] std::map<std::string, std::string> environment_of(const recorded_entry& entry
    ) const {
        std::map<std::string, std::string> variables{
            {"PATH", cluster + "/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
            {"CTDB_TEST_MODE", "yes"},
            {"CTDB_BASE", base}};
        for (const auto& [name, value] : entry.environment) {
            if (value) {
                variables[name] = *value;
            } else {
                variables.erase(name);
            }
        }
        return variables;
    }

    // The reference's directories are Debian's, and in test mode its defaults still lie below /var;
    // ours then lie below CTDB_BASE, so that no test daemon ever touches the machine's databases.
    [[nodiscard]] std::string ours(const recorded_entry& entry, const std::string& text) const {
        const auto variables = environment_of(entry);
        const auto where = ctdb::path::make_paths(
            [&variables](const char* name) -> std::optional<std::string> {
                const auto found = variables.find(name);
                return found == variables.end() ? std::nullopt : std::optional(found->second);
            },
            cluster + "/bin/ctdb-path"
        );
        if (!where) {
            return text;
        }
        std::string changed = replace_all(text, "/var/log/ctdb/log.ctdb", "@log");
        changed = replace_all(changed, "/var/lib/ctdb", where->var);
        changed = replace_all(changed, "@log", where->log + "/log.ctdb");
        if (where->test_mode) {
            return filled(changed);
        }
        changed = replace_all(changed, "/etc/ctdb", where->etc);
        changed = replace_all(changed, "/run/ctdb", where->run);
        return replace_all(changed, "/usr/share/ctdb", where->data);
    }

    void check(const recorded_entry& entry) {
        SCOPED_TRACE(
            entry.state + ": " + entry.command + " (line " + std::to_string(entry.line) + ")"
        );
        const auto done = ctdb::test::run_command(
            filled(entry.command), environment_of(entry), cluster + "/scratch"
        );
        // The release recorded says ERROR here although its daemon uses NOTICE (later ones say so).
        std::string out = replace_all(entry.out, "# log level = ERROR", "# log level = NOTICE");
        // Our default in test mode is what the reference's test cluster sets.
        out = replace_all(out, "\tlocation = file:$CTDB_BASE", "\t# location = file:$CTDB_BASE");
        EXPECT_EQ(done.out, ours(entry, out));
        // "Aborted" is the shell's, not the program's.
        EXPECT_EQ(
            replace_all(done.err, "Aborted\n", ""),
            ours(entry, replace_all(entry.err, "Aborted\n", ""))
        );
        EXPECT_EQ(done.code, entry.code);
    }
};

TEST_F(Recorded, CtdbPathAnswersLikeTheReference) {
    const auto entries = ctdb::test::read_recorded(std::string(here) + "ctdb-path.txt");
    ASSERT_EQ(entries.size(), 36U);
    for (const recorded_entry& entry : entries) {
        check(entry);
    }
}

TEST_F(Recorded, CtdbConfigAnswersLikeTheReference) {
    const auto entries = ctdb::test::read_recorded(std::string(here) + "ctdb-config.txt");
    ASSERT_GT(entries.size(), 70U);
    valid_file();
    int checked = 0;
    for (const recorded_entry& entry : entries) {
        if (entry.command == "cat $CTDB_BASE/ctdb.conf") {
            config_file(entry.out);
            continue;
        }
        if (entry.state == "no ctdb.conf") {
            std::filesystem::remove(base + "/ctdb.conf");
        }
        const bool unprivileged = entry.command.find("setpriv") != std::string::npos;
        if (unprivileged) {
            valid_file();
            std::filesystem::permissions(base + "/ctdb.conf", std::filesystem::perms::owner_read);
        }
        // The reference takes a file it cannot parse for an empty one: the worst of its traps.
        // Ours: see below.
        const bool trap = entry.state.find("syntax error") != std::string::npos;
        if (!trap && !(unprivileged && ::geteuid() != 0)) {
            check(entry);
            ++checked;
        }
    }
    EXPECT_GT(checked, 60);
}

TEST_F(Recorded, CtdbConfigNamesTheLineOfASyntaxError) {
    config_file("[cluster]\n\ngarbage line\n= 3\n[data\n");
    for (const char* command : {"ctdb-config validate", "ctdb-config get cluster transport"}) {
        const auto done =
            ctdb::test::run_command(command, environment_of({}), cluster + "/scratch");
        EXPECT_EQ(done.code, 22);
        const std::string file = base + "/ctdb.conf";
        EXPECT_EQ(
            done.err,
            file + ":3: \"garbage line\" is no option; expected KEY = VALUE\n" + file +
                ":4: an option without a name; expected KEY = VALUE\n" + file +
                ":5: section \"[data\" does not end; expected \"]\"\nFailed to load config file " +
                file + "\n"
        );
    }
}

TEST_F(Recorded, CtdbConfigStrictNamesEveryLine) {
    config_file("[cluster]\nleader timeout = 0\nnode adress = 1.2.3.4\n[legacy]\n"
                "start as stopped = perhaps\n[cluster]\nleader timeout = 5x\n");
    const auto done = ctdb::test::run_command(
        "ctdb-config validate --strict", environment_of({}), cluster + "/scratch"
    );
    const std::string file = base + "/ctdb.conf";
    EXPECT_EQ(
        done.err,
        file + ":2: [cluster] leader timeout = 0; expected a number above 0\n" + file +
            ":3: unknown option [cluster] node adress; did you mean \"node address\"?\n" + file +
            ":5: [legacy] start as stopped = perhaps; expected true, yes, false or no\n" + file +
            ":7: [cluster] leader timeout = 5x is read as 5; expected a number and nothing else\n"
    );
    EXPECT_EQ(done.code, 22);
}

TEST_F(Recorded, CtdbConfigDumpsOurOptionsWhenTheyAreSetOrAskedFor) {
    config_file("[cluster]\nfencing = yes\n");
    const auto plain =
        ctdb::test::run_command("ctdb-config dump", environment_of({}), cluster + "/scratch");
    EXPECT_NE(plain.out.find("\tfencing = yes\n"), std::string::npos);
    EXPECT_EQ(plain.out.find("nodes list"), std::string::npos);
    const auto all =
        ctdb::test::run_command("ctdb-config dump --all", environment_of({}), cluster + "/scratch");
    EXPECT_NE(all.out.find("\t# nodes list = \n"), std::string::npos);
    EXPECT_NE(all.out.find("\t# keepalive interval = 5\n"), std::string::npos);
}

TEST_F(Recorded, CtdbPathKnowsTheDirectoriesOfLaterReleases) {
    const auto done = ctdb::test::run_command(
        "ctdb-path lockdir && ctdb-path piddir append x && ctdb-path socketdir",
        environment_of({}),
        cluster + "/scratch"
    );
    EXPECT_EQ(done.out, base + "/run\n" + base + "/run/x\n" + base + "/run\n");
    const auto wrong = ctdb::test::run_command(
        "ctdb-path lockdir append", environment_of({}), cluster + "/scratch"
    );
    EXPECT_EQ(wrong.code, 22);
}

} // namespace
