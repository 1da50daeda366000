// One finding about a file an administrator wrote: where, what, what would be right.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ctdb::conf {

enum class severity { warning, error };

struct diagnostic {
    severity level = severity::error;
    int line = 0;         // 1 = first; 0 = the file as a whole
    std::string what;     // names the object and the value found
    std::string expected; // `expected a number above 0`, `did you mean "..."?`; may be empty
    std::vector<std::string>
        upstream; // the lines upstream's ctdb-config writes about it; empty: it is silent

    // `FILE:LINE: what; expected`
    [[nodiscard]] std::string text(std::string_view file) const;
};

[[nodiscard]] bool has_errors(const std::vector<diagnostic>& findings) noexcept;

// Writes every finding to the log at its own level.
void log_findings(std::string_view file, const std::vector<diagnostic>& findings);

// The candidate that a person most likely meant, or "" when none is near.
[[nodiscard]] std::string_view
closest(std::string_view wanted, const std::vector<std::string_view>& candidates);

} // namespace ctdb::conf
