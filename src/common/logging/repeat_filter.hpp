// Repeats are counted, not repeated: decides what becomes of each line. Pure.
//
// The first of several equal lines in a row passes; the others are counted, and the count is
// written before the next different line, or with the first repeat after ten seconds, so that an
// endless row stays visible.
#pragma once

#include "common/base/log.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ctdb::logging {

class repeat_filter {
public:
    using time_point = std::chrono::steady_clock::time_point;
    static constexpr std::chrono::seconds summary_interval{10};

    struct summary {
        log_level level{};
        std::string text; // `last message repeated N times`
    };
    struct decision {
        std::optional<summary> before; // write this first
        bool write = true;             // then the line itself
    };

    [[nodiscard]] decision line(log_level level, std::string_view text, time_point now);
    [[nodiscard]] std::optional<summary> flush(); // what is still counted

private:
    log_level level_{};
    std::string text_;
    bool any_ = false;
    std::uint64_t repeats_ = 0;
    time_point since_{};
};

} // namespace ctdb::logging
