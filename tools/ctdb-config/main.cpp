// ctdb-config: shows and checks ctdb.conf (cli.md 8.1, 13.7). Output and exit codes of dump, get
// and validate are upstream's.
#include "common/base/log.hpp"
#include "common/cmdline/help.hpp"
#include "common/cmdline/parse.hpp"
#include "common/conf/config.hpp"
#include "common/path/paths.hpp"
#include "other_files.hpp"
#include "show.hpp"
#include "show_json.hpp"

#include <cerrno>
#include <cstdio>
#include <string>
#include <vector>

namespace {

using namespace ctdb;
using cmdline::ending;

constexpr bool later = true; // not in the help, which upstream's tests compare to the letter

const cmdline::program& table() {
    static const cmdline::program program{
        "ctdb-config",
        cmdline::style::helper,
        {cmdline::help_with_h(),
         {"Options:",
          {cmdline::debug_option(),
           {"all",
            "all",
            '\0',
            cmdline::argument::none,
            "",
            "also options upstream has not",
            later},
           {"strict", "strict", '\0', cmdline::argument::none, "", "warnings count", later}},
          2},
         cmdline::help_and_usage(),
         {"", cmdline::json_options()}},
        {{"dump", "", "Dump configuration"},
         {"get", "<section> <key>", "Get a config value", 2, 2},
         {"validate", "", "Validate configuration file"},
         {"explain", "<section> <key>", "Explain an option", 2, 2, false, later},
         {"has-nodes", "", "Tell whether this machine is set up as a node", 0, 0, false, later},
         {"sample", "", "Print a file with every option explained", 0, 0, false, later},
         {"manual", "", "Print the options for the manual page", 0, 0, false, later}},
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

using cmdline::json;

class tool {
public:
    tool(path::paths where, const cmdline::parsed_options& given)
        : where_(std::move(where)), file_(where_.config_file()),
          json_(cmdline::json_layout_of(given)), all_(given.has("all")),
          strict_(given.has("strict")) {}

    // Objects fail as the words do, with the same status and the same lines on stderr.
    ending run(const cmdline::invocation& asked) {
        ending done = run_command(asked);
        if (json_ && done.out.empty()) {
            const std::string hint = "`ctdb-config dump --all` lists the options";
            done.out = shown(cmdline::json_failure(done.code, done.err, hint));
        }
        return done;
    }

private:
    path::paths where_;
    std::string file_;
    std::string reading_; // said at level DEBUG, as upstream does
    std::optional<cmdline::json_layout> json_;
    bool all_;
    bool strict_;

    ending run_command(const cmdline::invocation& asked) {
        const std::string_view name = asked.chosen->name;
        if (name == "validate") {
            return validate();
        }
        if (name == "has-nodes") {
            return has_nodes();
        }
        if (name == "sample") {
            return text(config_tool::sample(where_));
        }
        if (name == "manual") {
            return text(config_tool::manual());
        }
        return show(name, asked.arguments);
    }

    [[nodiscard]] std::string shown(const json& object) const {
        return cmdline::json_text(object, *json_) + "\n";
    }

    [[nodiscard]] ending text(const std::string& of) const {
        json out = cmdline::json_head("ctdb.config/1");
        out["text"] = of;
        return {0, json_ ? shown(out) : of, ""};
    }

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

    ending validate() {
        const conf::load_outcome loaded =
            load(conf::missing_file::is_error, conf::unknown_options::refuse);
        std::vector<config_tool::file_findings> files{{file_, loaded.findings}};
        ending done{0, "", reading_ + diagnostics(loaded.findings, file_)};
        if (strict_) {
            done = validate_all(loaded, files);
        } else if (!loaded.settings) {
            done = failed(loaded);
        }
        if (json_) {
            done.out = shown(config_tool::problems_json(files));
        }
        return done;
    }

    // Every file the daemons read, every finding with its line.
    [[nodiscard]] ending validate_all(
        const conf::load_outcome& loaded, std::vector<config_tool::file_findings>& files
    ) const {
        const conf::config settings = loaded.settings.value_or(conf::config(where_));
        for (config_tool::file_findings& file : config_tool::check_other_files(settings)) {
            files.push_back(std::move(file));
        }
        std::string text;
        bool errors = !loaded.settings;
        for (const config_tool::file_findings& file : files) {
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
        json out = cmdline::json_head("ctdb.config/1");
        out["has_nodes"] = listed;
        return {listed ? 0 : 1, json_ ? shown(out) : "", ""};
    }

    // dump, get and explain.
    ending show(std::string_view name, const std::vector<std::string>& words) {
        const conf::load_outcome loaded =
            load(conf::missing_file::is_default, conf::unknown_options::warn);
        if (!loaded.settings && name != "explain") {
            return failed(loaded);
        }
        const conf::config settings = loaded.settings.value_or(conf::config(where_));
        ending done = name == "dump" ? dump(settings) : show_option(name, settings, words);
        done.err = reading_ + done.err;
        return done;
    }

    [[nodiscard]] ending dump(const conf::config& settings) const {
        using config_tool::extent;
        const extent which = all_ ? extent::all : extent::upstream;
        return {
            0,
            json_ ? shown(config_tool::dump_json(settings, which))
                  : config_tool::dump(settings, which),
            ""};
    }

    [[nodiscard]] ending show_option(
        std::string_view name, const conf::config& settings, const std::vector<std::string>& words
    ) const {
        const conf::option* found = conf::find_option(words.at(0), words.at(1));
        if (found == nullptr) {
            return {
                ENOENT,
                "",
                fmt::format(
                    "Configuration option [{}] -> \"{}\" not defined\n", words.at(0), words.at(1)
                )};
        }
        if (name == "get") {
            return {
                0,
                json_ ? shown(config_tool::get_json(settings, *found))
                      : settings.text(*found) + "\n",
                ""};
        }
        return {
            0,
            json_ ? shown(config_tool::explain_json(settings, *found))
                  : config_tool::explain(*found, where_),
            ""};
    }
};

} // namespace

int main(int argc, char** argv) {
    auto asked = cmdline::interpret(table(), cmdline::arguments_of(argc, argv));
    if (!asked) {
        return cmdline::leave(asked.error());
    }
    const std::string level = asked->options.text("debug").value_or("ERROR");
    set_log_level(parse_log_level(level).value_or(log_level::error));
    return cmdline::leave(tool(path::process_paths(), asked->options).run(*asked));
}
