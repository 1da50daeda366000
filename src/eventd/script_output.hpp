// script_output: what is kept of a script's output. Pure.
//
// The first and the last 64 KiB, whatever a script prints; one line in between says how much is
// missing. Bytes that cannot travel or be printed as one text (NUL) become blanks.
#pragma once

#include "common/base/bytes.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace ctdb::eventd {

class script_output {
public:
    static constexpr std::size_t head_max = 64 * 1024;
    static constexpr std::size_t tail_max = 64 * 1024;

    void append(byte_view piece);
    [[nodiscard]] std::string text() const;

private:
    void append_tail(std::string_view piece);
    std::string head_;
    std::string tail_;          // a ring once it is full
    std::size_t tail_next_ = 0; // where the ring goes on, also its oldest byte
    std::size_t total_ = 0;
};

// The lines of a text for the log: at most `lines_max`, each cut at 1000 bytes, then one that says
// how many were left out.
[[nodiscard]] std::vector<std::string> log_lines(std::string_view text, std::size_t lines_max);

} // namespace ctdb::eventd
