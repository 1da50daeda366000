// JSON of the helper programs (cli.md 13.1): what every object begins with, what a failure looks
// like, how an object becomes text.
#pragma once

#include "common/cmdline/parse.hpp"

#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace ctdb::cmdline {

using json = nlohmann::ordered_json; // keys stay in the order they are set

enum class json_layout {
    indented, // --json
    one_line, // --jsonl
};

// --json and --jsonl, for a program's table; asked for by json_layout_of().
[[nodiscard]] std::vector<option> json_options();
[[nodiscard]] std::optional<json_layout> json_layout_of(const parsed_options& given);

// "schema", "node" (null: these programs belong to no node), "time" and "time_epoch".
[[nodiscard]] json json_head(std::string_view schema);

// {"error": ...}; `code` is the exit status, an errno. Line ends behind `message` are dropped.
[[nodiscard]] json json_failure(int code, std::string_view message, std::string_view hint);

[[nodiscard]] std::string json_text(const json& object, json_layout how); // no line end

// Microseconds since 1970 as RFC 3339, UTC.
[[nodiscard]] std::string json_time(std::int64_t microseconds);

} // namespace ctdb::cmdline
