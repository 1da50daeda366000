#include "json.hpp"

#include "text.hpp"

#include <algorithm>
#include <chrono>

namespace ctdb::tool {

json json_head(const context& ctx, std::string_view command) {
    const auto since = std::chrono::system_clock::now().time_since_epoch();
    const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(since).count();
    protocol::time_value now;
    now.seconds = micros / 1'000'000;
    now.microseconds = micros % 1'000'000;
    json out;
    out["schema"] = fmt::format("ctdb.{}/1", command);
    out["node"] = ctx.ctdbd ? json(ctx.target.value) : json(nullptr);
    out["time"] = rfc3339_text(now);
    return out;
}

void print_json(const json& object) {
    fmt::print("{}\n", object.dump(2, ' ', false, json::error_handler_t::replace));
}

json json_data(byte_view data) {
    const std::string_view text = text_of(data);
    const bool printable =
        std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7F; });
    json out;
    if (printable) {
        out["text"] = text;
    } else {
        out["hex"] = to_hex(data);
    }
    return out;
}

json json_node(pnn node) {
    return node == unknown_pnn ? json(nullptr) : json(node.value);
}

} // namespace ctdb::tool
