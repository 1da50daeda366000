// pull_stream: DB_PULL, the records of a frozen database sent to a message address in slices, then
// their number (databases.md 6.6, wire-protocol.md 3.8).
//
// Buffers are closed as soon as they reach RecBufferSizeLimit. While much is queued to the
// requester the stream pauses, so the database is never in memory as a whole. It ends with an error
// if the database thaws or is written to meanwhile.
#pragma once

#include "common/protocol/record_buffer.hpp"
#include "ctdbd/database/answer.hpp"
#include "ctdbd/database/sliced_job.hpp"

namespace ctdb::ctdbd {

class database;
class node_context;

class pull_stream {
public:
    static constexpr std::size_t queued_bytes_max = 8'000'000; // to the requester

    struct destination {
        pnn node;
        ctdb::srvid address;
    };
    // `finished` is told last; it may destroy the stream. Both references outlive it.
    pull_stream(
        node_context& node,
        database& db,
        destination to,
        answer_to<std::uint32_t> done,
        std::function<void(pull_stream*)> finished
    );

    void break_off(); // refused and finished: the database is going

private:
    next_turn turn();
    void append(byte_view key, byte_view value);
    void flush();
    next_turn end(const answer<std::uint32_t>& outcome);

    node_context& node_;
    database& db_;
    destination to_;
    answer_to<std::uint32_t> done_;
    std::function<void(pull_stream*)> finished_;
    std::uint64_t content_epoch_;
    std::size_t buffer_size_max_;
    protocol::record_buffer_writer buffer_;
    std::uint32_t sent_ = 0;
    walk_position position_;
    sliced_job job_;
};

} // namespace ctdb::ctdbd
