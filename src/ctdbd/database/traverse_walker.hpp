// traverse_walker: one node's part of a traverse: sends the records that are its own to the
// collector, in slices, and then the end mark (databases.md 9).
//
// Volatile: records whose dmaster is this node, empty ones only on request. Others: every record.
// It pauses while much waits to be sent: to the collector's node, or, where that is this node, to
// the client that asked; and while the collector says so, whose client is slow (I28).
#pragma once

#include "common/protocol/types_database.hpp"
#include "ctdbd/database/sliced_job.hpp"

namespace ctdb::ctdbd {

class database;
class database_set;
class node_context;

class traverse_walker {
public:
    static constexpr std::size_t queued_bytes_max = 4'000'000; // to the client here
    static constexpr std::size_t link_bytes_max = 1'000'000;   // to another node

    // `finished` is told last; it may destroy the walker. Both references outlive it.
    traverse_walker(
        node_context& node,
        database_set& databases,
        const protocol::traverse_all_ext& request,
        std::function<void(traverse_walker*)> finished
    );

    [[nodiscard]] const protocol::traverse_all_ext& request() const noexcept { return request_; }
    void pause() { paused_ = true; }
    void go_on();

private:
    next_turn turn();
    [[nodiscard]] bool must_wait(const database& db);
    next_turn end();
    void send(byte_view key, byte_view value);
    void visit(bool is_volatile, byte_view key, byte_view value);

    node_context& node_;
    database_set& databases_;
    protocol::traverse_all_ext request_;
    std::function<void(traverse_walker*)> finished_;
    bool paused_ = false;
    walk_position position_;
    sliced_job job_;
};

} // namespace ctdb::ctdbd
