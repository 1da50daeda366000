// Logging: one event per line - what, which object, cause, numbers with units (style guide 11).
//
// The level and the sink are the process's own, set once in main() (and by SET_DEBUG); everything
// else only calls log(). Before a sink is set, lines go to stderr. Levels are CTDB's
// (cluster.md 10.1).
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <fmt/format.h>

namespace ctdb {

enum class log_level : int { error = 0, warning = 1, notice = 3, info = 5, debug = 10 };

// A sink writes one line (no newline in it). It must not log and must not throw.
using log_sink = std::function<void(log_level, std::string_view line)>;

void set_log_sink(log_sink sink);    // empty: back to stderr
void set_log_level(log_level level); // messages above it are not formatted
[[nodiscard]] log_level current_log_level() noexcept;
[[nodiscard]] std::string_view log_level_name(log_level level) noexcept; // "NOTICE"

// Any case-insensitive prefix of a level's name, or digits 0-10; the empty text is refused (W68).
[[nodiscard]] std::optional<log_level> parse_log_level(std::string_view text) noexcept;

void log_line(log_level level, std::string_view line) noexcept;

template <class... Args>
void log(log_level level, fmt::format_string<Args...> format, Args&&... args) {
    if (level <= current_log_level()) {
        log_line(level, fmt::format(format, std::forward<Args>(args)...));
    }
}
template <class... Args>
void log_error(fmt::format_string<Args...> f, Args&&... a) {
    log(log_level::error, f, std::forward<Args>(a)...);
}
template <class... Args>
void log_warning(fmt::format_string<Args...> f, Args&&... a) {
    log(log_level::warning, f, std::forward<Args>(a)...);
}
template <class... Args>
void log_notice(fmt::format_string<Args...> f, Args&&... a) {
    log(log_level::notice, f, std::forward<Args>(a)...);
}
template <class... Args>
void log_info(fmt::format_string<Args...> f, Args&&... a) {
    log(log_level::info, f, std::forward<Args>(a)...);
}
template <class... Args>
void log_debug(fmt::format_string<Args...> f, Args&&... a) {
    log(log_level::debug, f, std::forward<Args>(a)...);
}

} // namespace ctdb
