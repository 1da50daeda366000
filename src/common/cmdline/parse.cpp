#include "common/cmdline/parse.hpp"

#include "common/cmdline/help.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <limits>

#include <fmt/format.h>

namespace ctdb::cmdline {

namespace {

// The later group wins: ctdb-config has two `--help`, and the second one is it.
const option* find_long(const program& table, std::string_view name) {
    const option* found = nullptr;
    for (const option_group& group : table.groups) {
        for (const option& o : group.options) {
            found = !name.empty() && o.long_name == name ? &o : found;
        }
    }
    return found;
}

const option* find_short(const program& table, char name) {
    for (const option_group& group : table.groups) {
        for (const option& o : group.options) {
            if (o.short_name == name) {
                return &o;
            }
        }
    }
    return nullptr;
}

// A whole C number; nothing and the reason otherwise.
struct number_or_reason {
    std::optional<int> number;
    const char* reason = "";
};

number_or_reason read_integer(const std::string& text) {
    char* end = nullptr;
    errno = 0;
    const long long value = std::strtoll(text.c_str(), &end, 0);
    if (end == text.c_str() || *end != '\0') {
        return {std::nullopt, "invalid numeric value"};
    }
    if (errno == ERANGE || value > std::numeric_limits<int>::max() ||
        value < std::numeric_limits<int>::min()) {
        return {std::nullopt, "number too large or too small"};
    }
    return {static_cast<int>(value), ""};
}

class option_parser {
public:
    option_parser(const program& table, const std::vector<std::string>& words)
        : table_(table), words_(words) {}

    tl::expected<parsed_options, option_error> run() {
        while (!error_ && next_ < words_.size()) {
            word(words_[next_++]);
        }
        if (error_) {
            return tl::unexpected<option_error>(*error_);
        }
        return std::move(out_);
    }

private:
    const program& table_;
    const std::vector<std::string>& words_;
    std::size_t next_ = 0; // words_[next_ - 1] is what an error names
    bool only_words_ = false;
    parsed_options out_;
    std::optional<option_error> error_;

    void fail(const char* reason) { error_ = option_error{words_[next_ - 1], reason}; }

    void word(const std::string& text) {
        if (only_words_ || text.size() < 2 || text.front() != '-') {
            out_.words.push_back(text);
        } else if (text == "--") {
            only_words_ = true;
        } else if (text[1] == '-') {
            long_option(text);
        } else {
            short_options(text);
        }
    }

    void long_option(const std::string& text) {
        const std::size_t equals = text.find('=');
        const option* found = find_long(table_, text.substr(2, equals - 2));
        if (equals == std::string::npos) {
            found = find_long(table_, text.substr(2));
        }
        if (found == nullptr) {
            fail("unknown option");
        } else if (equals == std::string::npos) {
            take(*found, std::nullopt, true);
        } else if (found->takes == argument::none) {
            fail("option does not take an argument");
        } else {
            take(*found, text.substr(equals + 1), true);
        }
    }

    // -Yv is two flags; the rest behind an option with an argument is that argument (-n3, -n=3).
    void short_options(const std::string& text) {
        for (std::size_t i = 1; i < text.size() && !error_; ++i) {
            const option* found = find_short(table_, text[i]);
            if (found == nullptr) {
                fail("unknown option");
                return;
            }
            if (found->takes == argument::none) {
                take(*found, std::nullopt, false);
                continue;
            }
            std::string rest = text.substr(i + 1);
            if (!rest.empty() && rest.front() == '=') {
                rest.erase(0, 1);
            }
            take(*found, i + 1 == text.size() ? std::nullopt : std::optional(rest), false);
            return;
        }
    }

    void take(const option& which, std::optional<std::string> text, bool as_long) {
        parsed_options::value value;
        value.as_long = as_long;
        if (which.takes != argument::none && !text) {
            if (next_ == words_.size()) {
                fail("missing argument");
                return;
            }
            text = words_[next_++];
        }
        value.text = text.value_or("");
        if (which.takes == argument::integer) {
            const number_or_reason read = read_integer(value.text);
            if (!read.number) {
                fail(read.reason);
                return;
            }
            value.number = *read.number;
        }
        out_.given.insert_or_assign(std::string(which.id), std::move(value));
    }
};

std::vector<std::string_view> words_of(std::string_view name) {
    std::vector<std::string_view> words;
    while (!name.empty()) {
        const std::size_t end = std::min(name.find(' '), name.size());
        words.push_back(name.substr(0, end));
        name.remove_prefix(std::min(end + 1, name.size()));
    }
    return words;
}

// The first command of the table whose words begin the line: "datadir append" stands before
// "datadir".
const command* find_command(const program& table, const std::vector<std::string>& words) {
    for (const command& c : table.commands) {
        const auto name = words_of(c.name);
        if (name.size() <= words.size() && std::equal(name.begin(), name.end(), words.begin())) {
            return &c;
        }
    }
    return nullptr;
}

bool fits(const command& c, std::size_t count) {
    return count >= static_cast<std::size_t>(c.arguments_min) &&
           (c.arguments_max == any_number || count <= static_cast<std::size_t>(c.arguments_max));
}

ending misuse(const program& table) {
    const std::string help = full_help(table);
    // Upstream's helper programs print it twice, and tests compare that.
    return {1, table.looks == style::helper ? help + help : help, ""};
}

ending bad_option(const program& table, const option_error& error) {
    ending end{1, "", error.text() + "\n"};
    if (table.looks == style::helper) {
        end.out = misuse(table).out;
    }
    return end;
}

std::optional<ending> asked_for_help(const program& table, const parsed_options& options) {
    if (options.has("help")) {
        return misuse(table);
    }
    if (options.has("usage")) {
        return ending{0, brief_usage(table), ""};
    }
    if (const auto found = options.given.find("autohelp"); found != options.given.end()) {
        // ctdb-config has two help tables; its `--help` shows the brief usage.
        const bool brief = table.looks == style::helper && found->second.as_long;
        return ending{0, brief ? brief_usage(table) : option_help(table), ""};
    }
    return std::nullopt;
}

// Not in the help: how the build makes completion and man pages.
std::optional<ending>
made_from_table(const program& table, const std::vector<std::string>& arguments) {
    if (arguments.size() != 1) {
        return std::nullopt;
    }
    if (arguments.front() == "--print-bash-completion") {
        return ending{0, bash_completion(table), ""};
    }
    if (arguments.front() == "--print-man-lists") {
        return ending{0, man_options(table) + man_commands(table), ""};
    }
    return std::nullopt;
}

tl::expected<invocation, ending> choose(const program& table, parsed_options options) {
    invocation made;
    made.options = std::move(options);
    const std::vector<std::string>& words = made.options.words;
    if (table.commands.empty()) {
        if (!words.empty()) {
            return tl::unexpected<ending>(misuse(table));
        }
        return made;
    }
    made.chosen = find_command(table, words);
    if (made.chosen == nullptr && table.looks == style::tool && !words.empty()) {
        return tl::unexpected<ending>(ending{
            1, "", fmt::format("Unknown command '{}'\n", words.front())});
    }
    if (made.chosen == nullptr) {
        return tl::unexpected<ending>(misuse(table));
    }
    const auto skip = static_cast<std::ptrdiff_t>(words_of(made.chosen->name).size());
    made.arguments.assign(words.begin() + skip, words.end());
    if (!fits(*made.chosen, made.arguments.size())) {
        const int code = table.looks == style::tool ? 1 : table.misuse_code;
        return tl::unexpected<ending>(ending{code, command_misuse(table, *made.chosen), ""});
    }
    return made;
}

} // namespace

std::optional<std::string> parsed_options::text(std::string_view id) const {
    const auto found = given.find(id);
    return found == given.end() ? std::nullopt : std::optional(found->second.text);
}

std::optional<int> parsed_options::number(std::string_view id) const {
    const auto found = given.find(id);
    return found == given.end() ? std::nullopt : std::optional(found->second.number);
}

tl::expected<parsed_options, option_error>
parse_options(const program& table, const std::vector<std::string>& arguments) {
    return option_parser(table, arguments).run();
}

tl::expected<invocation, ending>
interpret(const program& table, const std::vector<std::string>& arguments) {
    if (auto made = made_from_table(table, arguments)) {
        return tl::unexpected<ending>(std::move(*made));
    }
    auto options = parse_options(table, arguments);
    if (!options) {
        return tl::unexpected<ending>(bad_option(table, options.error()));
    }
    if (auto help = asked_for_help(table, *options)) {
        return tl::unexpected<ending>(std::move(*help));
    }
    return choose(table, std::move(*options));
}

std::vector<std::string> arguments_of(int argc, char** argv) {
    return {argv + std::min(argc, 1), argv + argc};
}

int leave(const ending& with) {
    std::fputs(with.err.c_str(), stderr);
    std::fputs(with.out.c_str(), stdout);
    // A reader that went away or a full disk must not look like success.
    return std::fflush(stdout) == 0 || with.code != 0 ? with.code : 1;
}

} // namespace ctdb::cmdline
