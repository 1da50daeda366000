#include "common/logging/line_splitter.hpp"

#include <algorithm>

namespace ctdb::logging {

void line_splitter::feed(std::string_view bytes) {
    while (!bytes.empty()) {
        const std::size_t room = child_line_max - pending_.size();
        const std::size_t end = bytes.find('\n');
        const std::size_t take = std::min({end, bytes.size(), room});
        pending_ += bytes.substr(0, take);
        bytes.remove_prefix(take);
        if (!bytes.empty() && bytes.front() == '\n') {
            bytes.remove_prefix(1);
            hand_out();
        } else if (pending_.size() == child_line_max && !bytes.empty()) {
            hand_out();
        }
    }
}

void line_splitter::finish() {
    if (!pending_.empty()) {
        hand_out();
    }
}

void line_splitter::hand_out() {
    if (!pending_.empty() && pending_.back() == '\r') {
        pending_.pop_back();
    }
    const std::string line = std::move(pending_);
    pending_.clear();
    on_line_(line);
}

} // namespace ctdb::logging
