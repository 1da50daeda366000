// The texts of ctdb-event, as upstream's tool prints them (samples of 4.17). Pure but for the time
// zone.
#pragma once

#include "common/cmdline/json_answer.hpp"
#include "common/event/event_protocol.hpp"
#include "common/event/script_dir.hpp"

#include <string>
#include <vector>

namespace ctdb::event_tool {

// What is printed after `run` ended with `code`; nothing for success.
[[nodiscard]] std::string run_report(const event::run_request& asked, std::int32_t code);

struct report {
    std::string text;
    int exit_code = 0;
};
[[nodiscard]] report status_report(const event::status_request& asked, const event::reply& answer);

[[nodiscard]] std::string list_report(const event::script_listing& listing);

// The same as JSON (cli.md 13.1), an object without a line end.
using layout = cmdline::json_layout;
[[nodiscard]] std::string
status_json(const event::status_request& asked, const event::reply& answer, layout how);
[[nodiscard]] std::string
list_json(const std::string& component, const event::script_listing& listing, layout how);
// Of a command that has done what its arguments ask for.
[[nodiscard]] std::string done_json(const std::vector<std::string>& arguments, layout how);
// Of any command that failed: errno and what was said.
[[nodiscard]] std::string error_json(int code, const std::string& said, layout how);

} // namespace ctdb::event_tool
