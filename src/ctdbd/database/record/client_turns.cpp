#include "ctdbd/database/record/client_turns.hpp"

#include <algorithm>
#include <functional>
#include <utility>

namespace ctdb::ctdbd {
namespace {

using std::chrono::microseconds;

std::size_t digest(byte_view data) noexcept {
    return std::hash<std::string_view>{}(text_of(data));
}

microseconds time_for(std::size_t others) {
    constexpr std::size_t served_max = client_turns::for_all_max / client_turns::for_each;
    return client_turns::for_each * static_cast<int>(std::min(others, served_max));
}

} // namespace

client_turns::client_turns(std::size_t others, byte_view data, async::time_point now)
    : end_(now + time_for(others)), part_(std::max(time_for(others) / parts_max, part_min)),
      content_(digest(data)) {}

std::optional<async::time_point> client_turns::next_look(async::time_point now) const {
    return now < end_ ? std::optional(std::min(now + part_, end_)) : std::nullopt;
}

bool client_turns::changed(byte_view data) {
    const std::size_t now = digest(data);
    return std::exchange(content_, now) != now;
}

} // namespace ctdb::ctdbd
