// JSON of the tool (cli.md 13.1): one object per run, stable key order, a newline at the end. With
// --jsonl it stands on one line, and dumps are an object per record.
#pragma once

#include "context.hpp"

#include <nlohmann/json.hpp>

namespace ctdb::tool {

using json = nlohmann::ordered_json;

// "schema", "node", "time"; the command adds its own.
[[nodiscard]] json json_head(const context& ctx, std::string_view command);
void print_json(const context& ctx, const json& object);
void print_json_line(const context& ctx, const json& object); // whatever the form
[[nodiscard]] json json_data(byte_view data); // {"text"} when printable, else {"hex"}
[[nodiscard]] json json_node(pnn node);       // number, null for unknown

// object[name] and object[name_epoch]; null both for a moment that never was.
void put_time(json& object, const std::string& name, const protocol::time_value& moment);

// {"error": {...}} about a run that ends with this code; always one line with --jsonl.
[[nodiscard]] json json_error(const complaints& said, int exit_code);

// At the end of a run: one object whatever happened, the command's own, else why it failed or that
// it is done.
void complete_json(const context& ctx, int code);

} // namespace ctdb::tool
