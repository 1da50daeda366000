// JSON of the tool (cli.md 13.1): one object per run, stable key order, a newline at the end.
#pragma once

#include "context.hpp"

#include <nlohmann/json.hpp>

namespace ctdb::tool {

using json = nlohmann::ordered_json;

// "schema", "node", "time"; the command adds its own.
[[nodiscard]] json json_head(const context& ctx, std::string_view command);
void print_json(const json& object);
[[nodiscard]] json json_data(byte_view data); // {"text"} when printable, else {"hex"}
[[nodiscard]] json json_node(pnn node);       // number, null for unknown

} // namespace ctdb::tool
