// announcements: which address is to be announced when (failover.md 7.1): at 0, 0.2, 1.1 and 2.2 s
// after it was taken, until it is released. Pure.
//
// The last ones matter: Linux ignores a second change of a neighbour entry within a second.
#pragma once

#include "common/async/runtime.hpp"

#include <array>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace ctdb::contrackd {

class announcements {
public:
    using time_point = async::time_point;
    static constexpr std::array<std::chrono::milliseconds, 4> schedule{
        std::chrono::milliseconds(0),
        std::chrono::milliseconds(200),
        std::chrono::milliseconds(1100),
        std::chrono::milliseconds(2200)};
    static constexpr std::size_t addresses_max = 65536; // of the cluster

    struct subject {
        std::string address;
        std::string interface; // "": wherever the address is
        auto operator<=>(const subject&) const = default;
    };

    void begin(subject what, time_point now) {
        if (running_.size() < addresses_max) {
            running_[std::move(what)] = {now, 0};
        }
    }
    void cancel(const std::string& address) {
        std::erase_if(running_, [&address](const auto& r) { return r.first.address == address; });
    }
    struct turn {
        subject what;
        std::size_t round = 0; // of the schedule
        bool operator==(const turn&) const = default;
    };
    // Those to be sent now; what has been announced for the last time is forgotten.
    [[nodiscard]] std::vector<turn> due(time_point now) {
        std::vector<turn> all;
        for (auto& [what, state] : running_) {
            if (state.next < schedule.size() && now >= state.began + schedule[state.next]) {
                all.push_back({what, state.next++});
            }
        }
        std::erase_if(running_, [](const auto& r) { return r.second.next >= schedule.size(); });
        return all;
    }
    [[nodiscard]] std::optional<time_point> next_due() const {
        std::optional<time_point> first;
        for (const auto& [what, state] : running_) {
            const time_point at = state.began + schedule[state.next];
            first = !first || at < *first ? at : *first;
        }
        return first;
    }

private:
    struct progress {
        time_point began{};
        std::size_t next = 0;
    };
    std::map<subject, progress> running_;
};

} // namespace ctdb::contrackd
