// What `status legacy EVENT` shows on a node without legacy scripts: the results of the events of
// our components that took over, merged (events.md 11.3, 11.6). Pure.
#pragma once

#include "common/event/event_protocol.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace ctdb::eventd {

struct component_event {
    std::string_view component;
    std::string_view event;
    bool operator==(const component_event&) const = default;
};

// Empty for an event that nothing took over.
[[nodiscard]] std::vector<component_event> successors_of(std::string_view legacy_event);

// Scripts in the order of their names; the summary is that of the last part that failed.
[[nodiscard]] event::event_status merge(std::vector<event::event_status> parts);

} // namespace ctdb::eventd
