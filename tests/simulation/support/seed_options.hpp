// seed_options: the command line that all simulations share, as a table; what to run comes out of
// it, or what to print before leaving (help, an error).
#pragma once

#include "common/cmdline/parse.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ctdb::simulation {

struct seed_options {
    std::uint64_t first = 0;
    std::uint64_t count = 2000;
    std::optional<std::uint64_t> seed; // this one alone
    bool verbose = false;              // Requires: seed
    bool keep_going = false;           // past failures
    bool bugs = false;                 // with planted bugs, each of which must be found
};

enum class planted_bugs { none, some };

// `arguments` without the program's name.
[[nodiscard]] tl::expected<seed_options, cmdline::ending> seed_options_of(
    std::string_view program, planted_bugs bugs, const std::vector<std::string>& arguments
);

} // namespace ctdb::simulation
