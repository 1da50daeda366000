// What the benchmark clients share: connections to the nodes of a running cluster, ours or
// upstream's, and a database open through each of them.
#pragma once

#include "common/client/database.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ctdb::bench {

using connections = std::vector<std::unique_ptr<client::client>>;
using strings = std::vector<std::string>;
using async::time_point;
using seconds = std::chrono::duration<double>;

constexpr auto patience = std::chrono::seconds(60); // with anything that should happen at once

// The whole text is a decimal number and not 0.
[[nodiscard]] std::optional<unsigned> number_in(std::string_view text);

[[nodiscard]] async::task<result<connections>>
connect_all(async::event_loop& loop, const strings& sockets);

// One database on every node; locks are slept for.
struct attached {
    std::vector<std::unique_ptr<client::databases>> owners;
    std::vector<std::shared_ptr<client::database>> on;
};
[[nodiscard]] async::task<result<attached>>
attach_everywhere(connections& nodes, std::string name, client::attach_options options);

// The file of a database as the node has it. Requires that this process has no other handle of it.
[[nodiscard]] async::task<result<std::unique_ptr<tdb::file>>>
open_file(client::client& node, db_id id);

// Of the records that a program makes many of.
[[nodiscard]] bytes key_of(unsigned number);

// Fetch, lock, store, unlock.
[[nodiscard]] async::task<result<>> store(client::database& db, bytes key, byte_view data);

} // namespace ctdb::bench
