#include "report.hpp"

#include <array>
#include <cerrno>
#include <cmath>
#include <ctime>
#include <system_error>

#include <nlohmann/json.hpp>

namespace ctdb::event_tool {

namespace {

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

std::string utc(event::wall_time t) {
    const auto micros = t.time_since_epoch().count();
    const std::time_t seconds = micros / 1'000'000;
    std::tm parts{};
    ::gmtime_r(&seconds, &parts);
    std::array<char, 64> text{};
    const std::size_t size = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts);
    return fmt::format("{}.{:06}Z", std::string_view(text.data(), size), micros % 1'000'000);
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
    out["started"] = ran ? ordered_json(utc(s.begin)) : ordered_json(nullptr);
    const auto micros = static_cast<double>(s.begin.time_since_epoch().count());
    out["started_epoch"] = ran ? ordered_json(micros / 1e6) : ordered_json(nullptr);
    out["output"] = s.output;
    return out;
}

// Eventd is one node's; nobody tells which.
ordered_json head(std::string_view schema) {
    const auto now = std::chrono::system_clock::now();
    const auto moment = std::chrono::time_point_cast<std::chrono::microseconds>(now);
    ordered_json out;
    out["schema"] = schema;
    out["node"] = nullptr;
    out["time"] = utc(moment);
    out["time_epoch"] = static_cast<double>(moment.time_since_epoch().count()) / 1e6;
    return out;
}

std::string text_of(const ordered_json& object, layout how) {
    const int indent = how == layout::indented ? 2 : -1;
    return object.dump(indent, ' ', false, ordered_json::error_handler_t::replace);
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
    ordered_json out = head("ctdb.event/1");
    out["component"] = asked.component;
    out["event"] = asked.event;
    out["scripts"] = ordered_json::array();
    for (const script_result& s : answer.status->scripts) {
        if (s.result != event::result_not_reached) {
            out["scripts"].push_back(script_json(s));
        }
    }
    return text_of(out, how);
}

std::string
list_json(const std::string& component, const event::script_listing& listing, layout how) {
    ordered_json out = head("ctdb.event-script/1");
    out["component"] = component;
    out["scripts"] = ordered_json::array();
    add_lines(out["scripts"], listing.provided, true);
    add_lines(out["scripts"], listing.local, false);
    return text_of(out, how);
}

std::string done_json(const std::vector<std::string>& arguments, layout how) {
    ordered_json out = head("ctdb.event/1");
    out["done"] = arguments;
    return text_of(out, how);
}

std::string error_json(int code, const std::string& said, layout how) {
    const std::string message = said.substr(0, said.find_last_not_of('\n') + 1);
    ordered_json out;
    ordered_json& what = out["error"];
    what["code"] = code == ETIMEDOUT ? "timeout" : code == EINVAL ? "usage" : "internal";
    what["errno"] = code;
    what["message"] = message.empty() ? std::generic_category().message(code) : message;
    what["hint"] = "`ctdb event script list COMPONENT` lists the scripts";
    what["node"] = nullptr;
    return text_of(out, how);
}

} // namespace ctdb::event_tool
