#include "cluster.hpp"

#include <charconv>

namespace ctdb::bench {

std::optional<unsigned> number_in(std::string_view text) {
    unsigned value = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (code != std::errc() || end != text.data() + text.size() || value == 0) {
        return std::nullopt;
    }
    return value;
}

result<connections> connect_all(async::event_loop& loop, const strings& sockets) {
    connections nodes;
    for (const std::string& socket : sockets) {
        const time_point deadline = loop.now() + patience;
        auto node = loop.run_until_done(client::client::connect(loop, socket, deadline));
        if (!node) {
            return pass(node);
        }
        nodes.push_back(std::move(*node));
    }
    return nodes;
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
