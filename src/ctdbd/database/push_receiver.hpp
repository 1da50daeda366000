// push_receiver: DB_PUSH_START to DB_PUSH_CONFIRM: records that arrive as messages are stored in
// slices, inside the transaction if there is one (databases.md 6.7, wire-protocol.md 3.8).
//
// Read-only flags are cleared; volatile records go through the store rule, so that the dmaster's
// copy gets the higher rsn, and are marked as having been on other nodes; empty ones at their
// dmaster (restoredb) are noted for vacuuming. A malformed buffer, a
// record without header or a failed store poisons the push: nothing more is stored, and the number
// that confirm() answers stays short.
#pragma once

#include "common/client/cluster_port.hpp"
#include "common/protocol/record_buffer.hpp"
#include "ctdbd/database/answer.hpp"
#include "ctdbd/database/sliced_job.hpp"

#include <deque>
#include <memory>
#include <utility>
#include <vector>

namespace ctdb::ctdbd {

class database;
class node_context;

struct emptied_record {
    bytes key;
    protocol::record_header header; // as stored
};

class push_receiver {
public:
    static constexpr std::size_t emptied_max = 100'000; // a full run of vacuuming finds the rest
    // Both references outlive it.
    push_receiver(node_context& node, database& db, srvid from);
    ~push_receiver(); // a waiting confirm is refused

    // Answers the number stored once everything that has arrived is. At most once (Requires).
    void confirm(answer_to<std::uint32_t> done);
    // Records wait to be stored, or confirm() has not been answered.
    [[nodiscard]] bool busy() const noexcept { return confirming() || !waiting_.empty(); }
    [[nodiscard]] bool confirming() const noexcept { return confirmed_ != nullptr; }
    // Stored so far, to be vacuumed once they are in the file.
    [[nodiscard]] std::vector<emptied_record> take_emptied() { return std::exchange(emptied_, {}); }

private:
    struct arrived {
        bytes buffer;
        std::size_t offset = 0;    // of the next record
        std::uint32_t records = 0; // left
    };
    void receive(byte_view data);
    next_turn turn();
    bool store_from(arrived& buffer, turn_budget& budget);
    [[nodiscard]] result<> store(byte_view key, byte_view data);
    void poison(const std::string& why);
    void answer_if_done();

    node_context& node_;
    database& db_;
    bool poisoned_ = false;
    std::uint32_t stored_ = 0;
    std::deque<arrived> waiting_;
    std::vector<emptied_record> emptied_;
    answer_to<std::uint32_t> confirmed_;
    sliced_job job_;
    std::unique_ptr<client::message_subscription> subscription_;
};

} // namespace ctdb::ctdbd
