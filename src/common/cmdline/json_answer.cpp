#include "common/cmdline/json_answer.hpp"

#include <array>
#include <cerrno>
#include <chrono>
#include <ctime>
#include <system_error>

#include <fmt/format.h>

namespace ctdb::cmdline {

std::vector<option> json_options() {
    return {
        {"json", "json", 'j', argument::none, "", "answer with one JSON object", true},
        {"jsonl", "jsonl", '\0', argument::none, "", "the same on one line", true}};
}

std::optional<json_layout> json_layout_of(const parsed_options& given) {
    if (given.has("jsonl")) {
        return json_layout::one_line;
    }
    return given.has("json") ? std::optional(json_layout::indented) : std::nullopt;
}

std::string json_time(std::int64_t microseconds) {
    const std::time_t seconds = microseconds / 1'000'000;
    std::tm parts{};
    ::gmtime_r(&seconds, &parts);
    std::array<char, 64> text{};
    const std::size_t size = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts);
    return fmt::format("{}.{:06}Z", std::string_view(text.data(), size), microseconds % 1'000'000);
}

json json_head(std::string_view schema) {
    const auto since = std::chrono::system_clock::now().time_since_epoch();
    const auto now = std::chrono::duration_cast<std::chrono::microseconds>(since).count();
    json out;
    out["schema"] = schema;
    out["node"] = nullptr;
    out["time"] = json_time(now);
    out["time_epoch"] = static_cast<double>(now) / 1e6;
    return out;
}

json json_failure(int code, std::string_view message, std::string_view hint) {
    const std::string_view said = message.substr(0, message.find_last_not_of('\n') + 1);
    json out;
    json& what = out["error"];
    what["code"] = code == ETIMEDOUT ? "timeout" : code == EINVAL ? "usage" : "internal";
    what["errno"] = code;
    what["message"] = said.empty() ? std::generic_category().message(code) : std::string(said);
    what["hint"] = hint;
    what["node"] = nullptr;
    return out;
}

std::string json_text(const json& object, json_layout how) {
    const int indent = how == json_layout::indented ? 2 : -1;
    return object.dump(indent, ' ', false, json::error_handler_t::replace);
}

} // namespace ctdb::cmdline
