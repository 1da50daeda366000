#include "common/async/turn_part.hpp"

#include <fmt/format.h>

namespace ctdb::async {

turn_part::named& turn_part::longest_of_turn() noexcept {
    static thread_local named longest;
    return longest;
}

void turn_part::forget() noexcept {
    longest_of_turn() = named{};
}

turn_part::turn_part(const char* what, std::uint32_t number) noexcept
    : what_(what), number_(number), began_(std::chrono::steady_clock::now()),
      known_(longest_of_turn().took) {}

turn_part::~turn_part() {
    named& longest = longest_of_turn();
    const std::chrono::nanoseconds took = std::chrono::steady_clock::now() - began_;
    const bool inner_is_longest = longest.took > known_;
    if (took > (inner_is_longest ? 2 * longest.took : longest.took)) {
        longest = named{what_, number_, took};
    }
}

std::string turn_part::longest(std::chrono::nanoseconds at_least) {
    const named& longest = longest_of_turn();
    if (longest.what == nullptr || longest.took < at_least) {
        return {};
    }
    const auto ms = std::chrono::duration<double, std::milli>(longest.took).count();
    const bool numbered = longest.number != no_number;
    return numbered ? fmt::format("{:.0f} ms of it: {} {}", ms, longest.what, longest.number)
                    : fmt::format("{:.0f} ms of it: {}", ms, longest.what);
}

} // namespace ctdb::async
