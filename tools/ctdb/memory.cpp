// Memory maps of the daemon.
#include "commands.hpp"
#include "json.hpp"
#include "text.hpp"

namespace ctdb::tool {

namespace controls = protocol::controls;

namespace {

void show(const context& ctx, const std::string& text) {
    if (!ctx.json()) {
        fmt::print("{}", text);
        return;
    }
    json out = json_head(ctx, ctx.command->name);
    out["text"] = text;
    print_json(ctx, out);
}

} // namespace

run dumpmemory(context& ctx) {
    const auto map = co_await ask<controls::dump_memory>(ctx, ctx.target);
    if (!map) {
        co_return map.error().code;
    }
    show(ctx, map->text);
    co_return 0;
}

// Upstream has a second daemon for recovery; with ours whoever leads answers for it.
run rddumpmemory(context& ctx) {
    const srvid address = ctx.next_answer_address();
    async::slot<std::string> map(ctx.loop);
    auto heard = [&map](byte_view data) { map.set(until_nul(data)); };
    const auto kept = ctx.ctdbd->subscribe(address, heard);
    protocol::srvid_message ask_for;
    ask_for.pnn = ctx.self;
    ask_for.srvid = address;
    ctx.ctdbd->message(ctx.target, protocol::srvids::mem_dump, protocol::encode(ask_for));
    const std::string text = co_await map.take(); // -T ends it
    show(ctx, text);
    co_return 0;
}

} // namespace ctdb::tool
