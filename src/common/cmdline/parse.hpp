// Words of a command line -> what they say, by the rules of upstream's programs: options anywhere,
// `--` ends them, no abbreviations. Pure: what must be printed comes back as text.
#pragma once

#include "common/cmdline/program.hpp"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

namespace ctdb::cmdline {

struct parsed_options {
    struct value {
        std::string text;     // of the last time it was given
        int number = 0;       // of an integer
        bool as_long = false; // --name, not -n
    };
    std::map<std::string, value, std::less<>> given; // by id
    std::vector<std::string> words;                  // the rest, in order

    [[nodiscard]] bool has(std::string_view id) const { return given.find(id) != given.end(); }
    [[nodiscard]] std::optional<std::string> text(std::string_view id) const;
    [[nodiscard]] std::optional<int> number(std::string_view id) const;
};

// `Invalid option WHAT: REASON`, WHAT as typed.
struct option_error {
    std::string what;
    std::string reason;
    [[nodiscard]] std::string text() const { return "Invalid option " + what + ": " + reason; }
};

// `arguments` without the program's name.
[[nodiscard]] tl::expected<parsed_options, option_error>
parse_options(const program& table, const std::vector<std::string>& arguments);

// What to do...
struct invocation {
    const command* chosen = nullptr; // into the table; nullptr for a program without commands
    std::vector<std::string> arguments;
    parsed_options options;
};
// ... or what to print before leaving.
struct ending {
    int code = 0;
    std::string out;
    std::string err;
};

// The whole way: options, help and usage, the command, the number of its arguments. `table` must
// outlive the result.
[[nodiscard]] tl::expected<invocation, ending>
interpret(const program& table, const std::vector<std::string>& arguments);

// For main(): words of argv without the name; printing an ending, which returns its code.
[[nodiscard]] std::vector<std::string> arguments_of(int argc, char** argv);
[[nodiscard]] int leave(const ending& with);

} // namespace ctdb::cmdline
