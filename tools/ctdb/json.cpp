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
    put_time(out, "time", now);
    return out;
}

void print_json(const context& ctx, const json& object) {
    if (ctx.answer != nullptr) {
        *ctx.answer = object;
        ctx.answered = true;
        return;
    }
    if (ctx.options.json == json_form::lines) {
        print_json_line(ctx, object);
        return;
    }
    fmt::print("{}\n", object.dump(2, ' ', false, json::error_handler_t::replace));
    ctx.answered = true;
}

void print_json_line(const context& ctx, const json& object) {
    fmt::print("{}\n", object.dump(-1, ' ', false, json::error_handler_t::replace));
    ctx.answered = true;
}

void put_time(json& object, const std::string& name, const protocol::time_value& moment) {
    if (moment.seconds == 0) {
        object[name] = nullptr;
        object[name + "_epoch"] = nullptr;
        return;
    }
    object[name] = rfc3339_text(moment);
    object[name + "_epoch"] =
        static_cast<double>(moment.seconds) + static_cast<double>(moment.microseconds) / 1e6;
}

json json_error(const complaints& said, int exit_code) {
    const trouble kind = said.kind(exit_code);
    json out;
    json& what = out["error"];
    what["code"] = trouble_name(kind);
    what["errno"] = said.errno_value(exit_code);
    what["message"] = said.text(exit_code);
    what["hint"] = hint_for(kind);
    what["node"] = said.node() ? json_node(*said.node()) : json(nullptr);
    return out;
}

void complete_json(const context& ctx, int code) {
    if (!ctx.json() || ctx.answered) {
        return;
    }
    if (code != 0) {
        print_json(ctx, json_error(ctx.said, code));
        return;
    }
    json out = json_head(ctx, ctx.command->name);
    out["messages"] = ctx.told;
    if (!ctx.said.lines().empty()) {
        out["messages"].push_back(ctx.said.lines());
    }
    print_json(ctx, out);
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
