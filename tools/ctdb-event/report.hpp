// The texts of ctdb-event, as upstream's tool prints them (samples of 4.17). Pure but for the time
// zone.
#pragma once

#include "common/event/event_protocol.hpp"
#include "common/event/script_dir.hpp"

#include <string>

namespace ctdb::event_tool {

// What is printed after `run` ended with `code`; nothing for success.
[[nodiscard]] std::string run_report(const event::run_request& asked, std::int32_t code);

struct report {
    std::string text;
    int exit_code = 0;
};
[[nodiscard]] report status_report(const event::status_request& asked, const event::reply& answer);

[[nodiscard]] std::string list_report(const event::script_listing& listing);

} // namespace ctdb::event_tool
