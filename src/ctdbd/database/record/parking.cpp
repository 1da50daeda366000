#include "ctdbd/database/record/parking.hpp"

#include <algorithm>
#include <cstring>
#include <iterator>

namespace ctdb::ctdbd {

bool key_order::operator()(byte_view a, byte_view b) const noexcept {
    const std::size_t common = std::min(a.size(), b.size());
    const int order = common == 0 ? 0 : std::memcmp(a.data(), b.data(), common);
    return order != 0 ? order < 0 : a.size() < b.size();
}

chain_line* parking::line(std::uint32_t chain) {
    const auto found = lines_.find(chain);
    return found == lines_.end() ? nullptr : &found->second;
}

key_hold* parking::hold(byte_view key) {
    if (holds_.empty()) {
        return nullptr;
    }
    const auto found = holds_.find(key);
    return found == holds_.end() ? nullptr : &found->second;
}

chain_line& parking::park(std::uint32_t chain, record_request request) {
    request.own();
    chain_line& found = lines_[chain];
    found.requests.push_back(std::move(request));
    return found;
}

void parking::return_to_line(std::uint32_t chain, std::deque<record_request>& requests) {
    chain_line& found = lines_[chain];
    found.requests.insert(
        found.requests.begin(),
        std::make_move_iterator(requests.begin()),
        std::make_move_iterator(requests.end())
    );
    requests.clear();
}

void parking::forget_if_useless(byte_view key) {
    const auto found = holds_.find(key);
    if (found != holds_.end() && found->second.useless()) {
        holds_.erase(found);
    }
}

std::size_t parking::size() const noexcept {
    std::size_t count = 0;
    for (const auto& [chain, line] : lines_) {
        count += line.requests.size();
    }
    for (const auto& [key, hold] : holds_) {
        count += hold.held.size() + hold.readers.size() + hold.collapsed.size();
    }
    return count;
}

} // namespace ctdb::ctdbd
