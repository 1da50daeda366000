#include "report.hpp"

#include <cmath>

#include <nlohmann/json.hpp>

namespace ctdb::event_tool {

namespace {

using cmdline::json_head;
using cmdline::json_text;
using event::script_result;
using nlohmann::ordered_json;

std::string_view state_of(const script_result& s) {
    switch (s.result) {
    case 0:
        return "ok";
    case event::result_timed_out:
        return "timedout";
    case event::result_disabled:
        return "disabled";
    default:
        return s.result < 0 ? "cannot_run" : "error";
    }
}

ordered_json script_json(const script_result& s) {
    const bool ran = s.result >= 0 || s.result == event::result_timed_out;
    ordered_json out;
    out["name"] = s.name;
    out["state"] = state_of(s);
    out["exit"] = s.result >= 0 ? ordered_json(s.result) : ordered_json(nullptr);
    const std::chrono::duration<double> took = s.end - s.begin;
    out["duration_s"] =
        ran && s.end >= s.begin ? ordered_json(took.count()) : ordered_json(nullptr);
    out["started"] = ran ? ordered_json(cmdline::json_time(s.begin.time_since_epoch().count()))
                         : ordered_json(nullptr);
    const auto micros = static_cast<double>(s.begin.time_since_epoch().count());
    out["started_epoch"] = ran ? ordered_json(micros / 1e6) : ordered_json(nullptr);
    out["output"] = s.output;
    return out;
}

void add_lines(
    ordered_json& scripts, const std::vector<event::script_listing::line>& lines, bool provided
) {
    for (const auto& line : lines) {
        ordered_json one;
        one["name"] = line.name;
        one["enabled"] = line.enabled;
        one["provided"] = provided;
        // of a provided script: linked as it should be; a local one needs no link
        one["link_ok"] = provided ? ordered_json(line.enabled) : ordered_json(nullptr);
        scripts.push_back(std::move(one));
    }
}

} // namespace

std::string
status_json(const event::status_request& asked, const event::reply& answer, layout how) {
    if (answer.result != 0 || !answer.status) {
        const report said = status_report(asked, answer);
        return error_json(said.exit_code, said.text, how);
    }
    ordered_json out = json_head("ctdb.event/1");
    out["component"] = asked.component;
    out["event"] = asked.event;
    out["scripts"] = ordered_json::array();
    for (const script_result& s : answer.status->scripts) {
        if (s.result != event::result_not_reached) {
            out["scripts"].push_back(script_json(s));
        }
    }
    return json_text(out, how);
}

std::string
list_json(const std::string& component, const event::script_listing& listing, layout how) {
    ordered_json out = json_head("ctdb.event-script/1");
    out["component"] = component;
    out["scripts"] = ordered_json::array();
    add_lines(out["scripts"], listing.provided, true);
    add_lines(out["scripts"], listing.local, false);
    return json_text(out, how);
}

std::string done_json(const std::vector<std::string>& arguments, layout how) {
    ordered_json out = json_head("ctdb.event/1");
    out["done"] = arguments;
    return json_text(out, how);
}

std::string error_json(int code, const std::string& said, layout how) {
    constexpr std::string_view hint = "`ctdb event script list COMPONENT` lists the scripts";
    return json_text(cmdline::json_failure(code, said, hint), how);
}

} // namespace ctdb::event_tool
