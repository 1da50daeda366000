#include "common/base/log.hpp"

#include <array>
#include <charconv>
#include <cstdio>

#include <strings.h>

namespace ctdb {

namespace {

// The process's log settings: the one global of the project, because every module logs and a test
// reads the lines.
struct log_settings {
    log_level level = log_level::notice;
    log_sink sink;
};

log_settings& settings() {
    static log_settings instance;
    return instance;
}

struct named_level {
    std::string_view name;
    log_level level;
};
constexpr std::array<named_level, 5> named_levels{{
    {"ERROR", log_level::error},
    {"WARNING", log_level::warning},
    {"NOTICE", log_level::notice},
    {"INFO", log_level::info},
    {"DEBUG", log_level::debug},
}};

// Numbers between two levels print as the lower named one above them (cluster.md 10.1).
constexpr log_level level_of_number(int number) noexcept {
    if (number <= 0) {
        return log_level::error;
    }
    if (number <= 2) {
        return log_level::warning;
    }
    if (number <= 4) {
        return log_level::notice;
    }
    return number <= 9 ? log_level::info : log_level::debug;
}

} // namespace

void set_log_sink(log_sink sink) {
    settings().sink = std::move(sink);
}

void set_log_level(log_level level) {
    settings().level = level;
}

log_level current_log_level() noexcept {
    return settings().level;
}

std::string_view log_level_name(log_level level) noexcept {
    const log_level named = level_of_number(static_cast<int>(level));
    for (const named_level& entry : named_levels) {
        if (entry.level == named) {
            return entry.name;
        }
    }
    return "UNKNOWN";
}

std::optional<log_level> parse_log_level(std::string_view text) noexcept {
    if (text.empty()) {
        return std::nullopt;
    }
    int number = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (failure == std::errc{} && end == text.data() + text.size()) {
        return number >= 0 && number <= 10 ? std::optional(static_cast<log_level>(number))
                                           : std::nullopt;
    }
    for (const named_level& entry : named_levels) {
        if (text.size() <= entry.name.size() &&
            strncasecmp(entry.name.data(), text.data(), text.size()) == 0) {
            return entry.level;
        }
    }
    return std::nullopt;
}

void log_line(log_level level, std::string_view line) noexcept {
    try {
        if (settings().sink) {
            settings().sink(level, line);
            return;
        }
    } catch (...) {
        // A sink that cannot write must not stop the daemon: fall back to stderr.
    }
    std::fprintf(stderr, "%.*s\n", static_cast<int>(line.size()), line.data());
}

} // namespace ctdb
