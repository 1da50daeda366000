#include "eventd/legacy_view.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

namespace ctdb::eventd {

namespace {
struct succession {
    std::string_view legacy;
    component_event now;
};
constexpr std::array<succession, 20> successions{{
    {"init", {"cluster", "init"}},
    {"setup", {"cluster", "setup"}},
    {"startup", {"service", "startup"}},
    {"startup", {"failover", "startup"}},
    {"shutdown", {"failover", "shutdown"}},
    {"shutdown", {"service", "shutdown"}},
    {"shutdown", {"cluster", "shutdown"}},
    {"monitor", {"service", "monitor"}},
    {"monitor", {"failover", "monitor"}},
    {"startrecovery", {"cluster", "startrecovery"}},
    {"recovered", {"cluster", "recovered"}},
    {"startipreallocate", {"service", "prepare"}},
    {"startipreallocate", {"failover", "prepare"}},
    {"releaseip", {"service", "release"}},
    {"releaseip", {"failover", "release"}},
    {"takeip", {"service", "take"}},
    {"takeip", {"failover", "take"}},
    {"updateip", {"failover", "take"}},
    {"ipreallocated", {"failover", "finalise"}},
    {"ipreallocated", {"service", "reconfigure"}},
}};
} // namespace

std::vector<component_event> successors_of(std::string_view legacy_event) {
    std::vector<component_event> found;
    for (const succession& s : successions) {
        if (s.legacy == legacy_event) {
            found.push_back(s.now);
        }
    }
    return found;
}

event::event_status merge(std::vector<event::event_status> parts) {
    event::event_status all;
    for (event::event_status& part : parts) {
        if (part.summary != 0) {
            all.summary = part.summary;
        }
        std::move(part.scripts.begin(), part.scripts.end(), std::back_inserter(all.scripts));
    }
    std::stable_sort(
        all.scripts.begin(),
        all.scripts.end(),
        [](const event::script_result& a, const event::script_result& b) { return a.name < b.name; }
    );
    return all;
}

} // namespace ctdb::eventd
