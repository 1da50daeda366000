#include "ctdbd/database/seqnum_read.hpp"

#include "common/protocol/hash.hpp"
#include "ctdbd/database/database.hpp"

namespace ctdb::ctdbd {
namespace {

[[nodiscard]] result<std::uint64_t> read_number(const local_store& store) {
    std::uint64_t number = 0;
    const auto found = store.read(protocol::sequence_number_key(), [&](byte_view value) {
        number = protocol::sequence_number_of(protocol::data_after_header(value));
    });
    if (!found) {
        return pass(found);
    }
    return number;
}

} // namespace

seqnum_read::seqnum_read(
    async::runtime& rt,
    database& db,
    answer_to<std::uint64_t> done,
    std::function<void(seqnum_read*)> finished
)
    : rt_(rt), db_(db), done_(std::move(done)), finished_(std::move(finished)),
      deadline_(rt.now() + patience), job_(rt, [this] { return turn(); }) {
    job_.start();
}

next_turn seqnum_read::turn() {
    if (db_.phase() == database::freeze_phase::frozen_txn) {
        const auto number = read_number(db_.store());
        return number ? end(*number) : end(refuse(number.error()));
    }
    if (db_.phase() != database::freeze_phase::none) {
        return end(refuse("database {} is frozen", db_.name()));
    }
    const auto lock = db_.store().try_lock(protocol::sequence_number_key());
    if (!lock) {
        return end(refuse(lock.error()));
    }
    if (*lock == lock_state::locked) {
        const auto number = read_number(db_.store());
        db_.store().unlock(protocol::sequence_number_key());
        return number ? end(*number) : end(refuse(number.error()));
    }
    if (rt_.now() >= deadline_) {
        return end(refuse("database {}: sequence number record is locked", db_.name()));
    }
    return next_turn::after_pause;
}

void seqnum_read::break_off() {
    end(refuse("database {} was detached", db_.name()));
}

next_turn seqnum_read::end(const answer<std::uint64_t>& outcome) {
    const auto done = std::move(done_);
    const auto finished = std::move(finished_);
    const answer<std::uint64_t> kept = outcome;
    finished(this); // *this is gone
    done(kept);
    return next_turn::never;
}

} // namespace ctdb::ctdbd
