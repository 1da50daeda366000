#include "cluster.hpp"

#include "common/protocol/controls.hpp"

#include <charconv>

#include <fmt/format.h>

namespace ctdb::bench {

std::optional<unsigned> number_in(std::string_view text) {
    unsigned value = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (code != std::errc() || end != text.data() + text.size() || value == 0) {
        return std::nullopt;
    }
    return value;
}

async::task<result<connections>> connect_all(async::event_loop& loop, const strings& sockets) {
    connections nodes;
    for (const std::string& socket : sockets) {
        const time_point deadline = loop.now() + patience;
        auto node = co_await client::client::connect(loop, socket, deadline);
        if (!node) {
            co_return pass(node);
        }
        nodes.push_back(std::move(*node));
    }
    co_return std::move(nodes);
}

async::task<result<attached>>
attach_everywhere(connections& nodes, std::string name, client::attach_options options) {
    attached out;
    for (const auto& node : nodes) {
        auto owner = std::make_unique<client::databases>(*node, client::waiting::blocking);
        auto db = co_await owner->attach(name, options, node->loop().now() + patience);
        if (!db) {
            co_return pass(db);
        }
        out.owners.push_back(std::move(owner));
        out.on.push_back(std::move(*db));
    }
    co_return std::move(out);
}

async::task<result<std::unique_ptr<tdb::file>>> open_file(client::client& node, db_id id) {
    namespace controls = protocol::controls;
    const time_point deadline = node.loop().now() + patience;
    const auto path = co_await client::call<controls::get_db_path>(node, node.self(), id, deadline);
    const auto flags =
        co_await client::call<controls::db_open_flags>(node, node.self(), id, deadline);
    if (!path || !flags) {
        co_return path ? pass(flags) : pass(path);
    }
    tdb::open_options options;
    options.path = *path;
    options.flags = static_cast<int>(flags->value);
    co_return tdb::file::open(options);
}

bytes key_of(unsigned number) {
    return to_bytes(fmt::format("record {}", number));
}

async::task<result<>> store(client::database& db, bytes key, byte_view data) {
    const time_point deadline = db.through().loop().now() + patience;
    const auto record =
        co_await db.fetch_locked(std::move(key), client::record_access::write, deadline);
    if (!record) {
        co_return pass(record);
    }
    co_return (*record)->store(data);
}

} // namespace ctdb::bench
