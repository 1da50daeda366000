#include "eventd/script_output.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace ctdb::eventd {

namespace {
constexpr std::size_t line_max = 1000;
} // namespace

void script_output::append(byte_view raw) {
    std::string_view piece = text_of(raw);
    total_ += piece.size();
    const std::size_t to_head = std::min(piece.size(), head_max - head_.size());
    head_.append(piece.substr(0, to_head));
    piece.remove_prefix(to_head);
    append_tail(piece);
}

void script_output::append_tail(std::string_view piece) {
    if (piece.size() > tail_max) {
        piece.remove_prefix(piece.size() - tail_max);
    }
    const std::size_t grow = std::min(piece.size(), tail_max - tail_.size());
    tail_.append(piece.substr(0, grow));
    piece.remove_prefix(grow);
    while (!piece.empty()) {
        const std::size_t part = std::min(piece.size(), tail_max - tail_next_);
        std::copy_n(piece.begin(), part, tail_.begin() + static_cast<std::ptrdiff_t>(tail_next_));
        tail_next_ = (tail_next_ + part) % tail_max;
        piece.remove_prefix(part);
    }
}

std::string script_output::text() const {
    std::string all = head_;
    if (const std::size_t missing = total_ - head_.size() - tail_.size(); missing > 0) {
        all += fmt::format("\n[... {} bytes of output left out ...]\n", missing);
    }
    all.append(tail_, tail_next_);
    all.append(tail_, 0, tail_next_);
    std::replace(all.begin(), all.end(), '\0', ' ');
    return all;
}

std::vector<std::string> log_lines(std::string_view text, std::size_t lines_max) {
    std::vector<std::string> lines;
    std::size_t left_out = 0;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        if (lines.size() < lines_max) {
            lines.emplace_back(text.substr(0, std::min(end, line_max)));
        } else {
            ++left_out;
        }
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    if (left_out > 0) {
        lines.push_back(fmt::format("[{} more lines not logged]", left_out));
    }
    return lines;
}

} // namespace ctdb::eventd
