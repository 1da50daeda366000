// seqnum_read: the number under the sequence number key of a database that may be in use: waits in
// small steps, and not for long, for the key's chain (GET_DB_SEQNUM, databases.md 5.3).
#pragma once

#include "ctdbd/database/answer.hpp"
#include "ctdbd/database/sliced_job.hpp"

namespace ctdb::ctdbd {

class database;

class seqnum_read {
public:
    static constexpr std::chrono::seconds patience{2}; // nobody holds this chain for long

    // `finished` is told last; it may destroy the read. `db` outlives it.
    seqnum_read(
        async::runtime& rt,
        database& db,
        answer_to<std::uint64_t> done,
        std::function<void(seqnum_read*)> finished
    );
    void break_off(); // refused and finished: the database is going

private:
    next_turn turn();
    next_turn end(const answer<std::uint64_t>& outcome);
    async::runtime& rt_;
    database& db_;
    answer_to<std::uint64_t> done_;
    std::function<void(seqnum_read*)> finished_;
    async::time_point deadline_;
    sliced_job job_;
};

} // namespace ctdb::ctdbd
