// A program's command line as a table: options in groups, commands with the number of their
// arguments. Everything else - parsing, help, usage, completion, the man page's lists - is made
// from it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ctdb::cmdline {

enum class argument { none, text, integer };

struct option {
    std::string_view id;        // how code asks for it
    std::string_view long_name; // without "--"; "" = none
    char short_name = '\0';
    argument takes = argument::none;
    std::string_view metavar = ""; // what the help calls the argument
    std::string_view help = "";
    bool later = false; // as a command's
};

struct option_group {
    std::string_view title; // "Help options:"; "" = none
    std::vector<option> options;
    int usage_rank = 0; // order of the groups in the brief usage; help keeps the order of the table
};

inline constexpr int any_number = -1;

struct command {
    std::string_view name; // may be several words: "script list"
    std::string_view arguments = "";
    std::string_view help = "";
    int arguments_min = 0;
    int arguments_max = 0;         // any_number: no limit
    bool misuse_shows_all = false; // upstream's tool shows all commands when this one is misused
    bool later =
        false; // not in the help of upstream's release that ours equals; works all the same
};

// How help looks and what misuse returns; each is upstream's for its programs (cli.md 1.1, 8;
// cluster.md 1.1).
enum class style {
    tool,   // ctdb: no name in the usage, unknown command on stderr, commands in fixed columns
    helper, // ctdb-config, ctdb-path, ctdb-event: all help twice
    daemon, // ctdbd, ...: options only, any word is misuse
};

struct program {
    std::string_view name;
    style looks = style::helper;
    std::vector<option_group> groups;
    std::vector<command> commands;
    int misuse_code =
        22; // exit status when a known command gets the wrong arguments (style helper)
};

// Upstream's two tables of help options.
[[nodiscard]] option_group help_with_h();    // "Help Options:" -h, --help
[[nodiscard]] option_group help_and_usage(); // "Help options:" -?, --help, --usage
[[nodiscard]] option debug_option();         // -d, --debug=ERROR|...: id "debug"

} // namespace ctdb::cmdline
