#include "common/conf/diagnostic.hpp"

#include "common/base/log.hpp"

#include <algorithm>
#include <cctype>

namespace ctdb::conf {

namespace {

char lower(char c) {
    return static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
}

// Levenshtein, letters compared in any case. Names are short: quadratic is fine.
std::size_t distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) {
        row[j] = j;
    }
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t replaced = diagonal + (lower(a[i - 1]) == lower(b[j - 1]) ? 0 : 1);
            diagonal = row[j];
            row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
        }
    }
    return row[b.size()];
}

} // namespace

std::string diagnostic::text(std::string_view file) const {
    std::string out(file);
    if (line > 0) {
        out += fmt::format(":{}", line);
    }
    out += ": " + what;
    if (!expected.empty()) {
        out += "; " + expected;
    }
    return out;
}

bool has_errors(const std::vector<diagnostic>& findings) noexcept {
    return std::any_of(findings.begin(), findings.end(), [](const diagnostic& d) {
        return d.level == severity::error;
    });
}

void log_findings(std::string_view file, const std::vector<diagnostic>& findings) {
    for (const diagnostic& d : findings) {
        const log_level level = d.level == severity::error ? log_level::error : log_level::warning;
        log(level, "{}", d.text(file));
    }
}

std::string_view closest(std::string_view wanted, const std::vector<std::string_view>& candidates) {
    // A third of the letters wrong is still a typing error; more is another word.
    std::size_t best = std::max<std::size_t>(1, wanted.size() / 3) + 1;
    std::string_view found;
    for (const std::string_view candidate : candidates) {
        if (const std::size_t d = distance(wanted, candidate); d < best) {
            best = d;
            found = candidate;
        }
    }
    return found;
}

} // namespace ctdb::conf
