// ctdb-config: shows and checks ctdb.conf (cli.md 8.1, 13.7). Output and exit codes of dump, get
// and validate are upstream's.
#include "common/base/log.hpp"
#include "common/cmdline/help.hpp"
#include "common/cmdline/parse.hpp"
#include "common/conf/config.hpp"
#include "common/path/paths.hpp"
#include "other_files.hpp"
#include "show.hpp"

#include <cerrno>
#include <cstdio>
#include <string>
#include <vector>

namespace {

using namespace ctdb;
using cmdline::ending;

const cmdline::program& table() {
    static const cmdline::program program{
        "ctdb-config",
        cmdline::style::helper,
        {cmdline::help_with_h(),
         {"Options:", {cmdline::debug_option()}, 2},
         cmdline::help_and_usage()},
        {{"dump", "", "Dump configuration"},
         {"get", "<section> <key>", "Get a config value", 2, 2},
         {"validate", "", "Validate configuration file"}},
        EINVAL};
    return program;
}

// Not in the help above, which upstream's tests compare to the letter; in ctdb-config(1).
const cmdline::program& more_table() {
    static const cmdline::program program{
        "ctdb-config",
        cmdline::style::helper,
        {cmdline::help_with_h(),
         {"Options:",
          {cmdline::debug_option(),
           {"all", "all", '\0', cmdline::argument::none, "", "also options upstream has not"},
           {"strict", "strict", '\0', cmdline::argument::none, "", "warnings count"}},
          2},
         cmdline::help_and_usage()},
        {{"dump", "", "Dump configuration"},
         {"validate", "", "Validate configuration file"},
         {"explain", "<section> <key>", "Explain an option", 2, 2},
         {"has-nodes", "", "Tell whether this machine is set up as a node"},
         {"sample", "", "Print a configuration file with every option explained"},
         {"manual", "", "Print the options for the manual page"}},
        EINVAL};
    return program;
}

// Findings as this program's users expect them: upstream's words where it has some, else FILE:LINE.
// The rest goes with
// --strict or -d DEBUG, where people ask for more.
std::string diagnostics(const std::vector<conf::diagnostic>& findings, const std::string& file) {
    std::string text;
    for (const conf::diagnostic& d : findings) {
        const bool error = d.level == conf::severity::error;
        if (!error && current_log_level() < log_level::warning) {
            continue;
        }
        for (const std::string& line : d.upstream) {
            text += line + "\n";
        }
        if (d.upstream.empty() && d.line > 0) {
            text += d.text(file) + "\n";
        }
    }
    return text;
}

// Every finding as FILE:LINE.
std::string locations(const std::vector<conf::diagnostic>& findings, const std::string& file) {
    std::string text;
    for (const conf::diagnostic& d : findings) {
        text += d.text(file) + "\n";
    }
    return text;
}

class tool {
public:
    explicit tool(path::paths where) : where_(std::move(where)), file_(where_.config_file()) {}

    ending run(const cmdline::invocation& asked) {
        if (asked.chosen->name == "validate") {
            return validate(asked.options.has("strict"));
        }
        if (asked.chosen->name == "explain") {
            return explain(asked.arguments.at(0), asked.arguments.at(1));
        }
        if (asked.chosen->name == "has-nodes") {
            return has_nodes();
        }
        if (asked.chosen->name == "sample") {
            return {0, config_tool::sample(where_), ""};
        }
        if (asked.chosen->name == "manual") {
            return {0, config_tool::manual(), ""};
        }
        conf::load_outcome loaded =
            load(conf::missing_file::is_default, conf::unknown_options::warn);
        if (!loaded.settings) {
            return failed(loaded);
        }
        ending done = asked.chosen->name == "dump"
                          ? dump(*loaded.settings, asked.options.has("all"))
                          : get(*loaded.settings, asked.arguments.at(0), asked.arguments.at(1));
        done.err = reading_ + done.err;
        return done;
    }

private:
    path::paths where_;
    std::string file_;
    std::string reading_; // said at level DEBUG, as upstream does

    conf::load_outcome load(conf::missing_file missing, conf::unknown_options unknown) {
        if (current_log_level() >= log_level::debug) {
            reading_ = fmt::format("Reading config file {}\n", file_);
        }
        return conf::load(where_, unknown, missing);
    }

    [[nodiscard]] ending failed(const conf::load_outcome& loaded) const {
        return {
            loaded.code,
            "",
            reading_ + diagnostics(loaded.findings, file_) +
                fmt::format("Failed to load config file {}\n", file_)};
    }

    ending validate(bool strict) {
        const conf::load_outcome loaded =
            load(conf::missing_file::is_error, conf::unknown_options::refuse);
        if (strict) {
            return validate_all(loaded);
        }
        if (!loaded.settings) {
            return failed(loaded);
        }
        return {0, "", reading_ + diagnostics(loaded.findings, file_)};
    }

    // Every file the daemons read, every finding with its line.
    [[nodiscard]] ending validate_all(const conf::load_outcome& loaded) const {
        const conf::config settings = loaded.settings.value_or(conf::config(where_));
        std::string text = locations(loaded.findings, file_);
        bool errors = !loaded.settings;
        for (const config_tool::file_findings& file : config_tool::check_other_files(settings)) {
            text += locations(file.findings, file.name);
            errors = errors || conf::has_errors(file.findings);
        }
        const int code = loaded.settings ? EINVAL : loaded.code;
        return {errors ? code : (text.empty() ? 0 : 1), "", reading_ + text};
    }

    // For units: 0 = there are nodes or a program that lists them, 1 = this machine is not set up.
    [[nodiscard]] ending has_nodes() const {
        const conf::load_outcome loaded =
            conf::load(where_, conf::unknown_options::warn, conf::missing_file::is_default);
        // A broken file is the daemon's to refuse, loudly: the unit must not be skipped for it.
        const bool listed = !loaded.settings || config_tool::has_nodes(*loaded.settings);
        return {listed ? 0 : 1, "", ""};
    }

    static ending dump(const conf::config& settings, bool all) {
        using config_tool::extent;
        return {0, config_tool::dump(settings, all ? extent::all : extent::upstream), ""};
    }

    static ending not_defined(const std::string& section, const std::string& key) {
        return {
            ENOENT,
            "",
            fmt::format("Configuration option [{}] -> \"{}\" not defined\n", section, key)};
    }

    static ending
    get(const conf::config& settings, const std::string& section, const std::string& key) {
        const conf::option* found = conf::find_option(section, key);
        return found == nullptr ? not_defined(section, key)
                                : ending{0, settings.text(*found) + "\n", ""};
    }

    [[nodiscard]] ending explain(const std::string& section, const std::string& key) const {
        const conf::option* found = conf::find_option(section, key);
        return found == nullptr ? not_defined(section, key)
                                : ending{0, config_tool::explain(*found, where_), ""};
    }
};

// The words by upstream's table; what only ours knows by ours. What neither understands is answered
// in upstream's words.
tl::expected<cmdline::invocation, ending> understand(const std::vector<std::string>& words) {
    auto asked = cmdline::interpret(table(), words);
    if (asked || asked.error().code == 0) {
        return asked;
    }
    auto more = cmdline::interpret(more_table(), words);
    if (more || more.error().code == 0) {
        return more;
    }
    return asked;
}

} // namespace

int main(int argc, char** argv) {
    auto asked = understand(cmdline::arguments_of(argc, argv));
    if (!asked) {
        return cmdline::leave(asked.error());
    }
    const std::string level = asked->options.text("debug").value_or("ERROR");
    set_log_level(parse_log_level(level).value_or(log_level::error));
    return cmdline::leave(tool(path::process_paths()).run(*asked));
}
