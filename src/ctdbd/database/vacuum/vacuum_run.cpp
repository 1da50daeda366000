#include "ctdbd/database/vacuum/vacuum_run.hpp"

#include "common/async/combinators.hpp"
#include "common/base/log.hpp"
#include "common/protocol/controls.hpp"
#include "ctdbd/database/database_set.hpp"
#include "ctdbd/database/sliced_job.hpp"
#include "ctdbd/database/vacuum/fetch_queue.hpp"

#include <utility>

namespace ctdb::ctdbd {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t keys_per_message = 5000; // VACUUM_FETCH
constexpr int look_pauses_max = 50;

async::task<result<protocol::none>> send_keys(
    client::cluster_port& port, pnn to, protocol::record_buffer keys, async::time_point deadline
) {
    auto told = co_await client::call<protocol::controls::vacuum_fetch>(
        port, to, std::move(keys), deadline
    );
    co_return told;
}

} // namespace

vacuum_run::vacuum_run(const vacuum_frame& frame, vacuum_depth depth, vacuum_cause cause)
    : frame_(frame), depth_(depth), cause_(cause), deletion_(frame_),
      fetch_ended_(frame.node.runtime()) {}

async::task<result<>> vacuum_run::carry_out() {
    using locked = delete_queue::locked_ones;
    frame_.fetches.begin_run();
    frame_.deletions.begin_run(cause_ == vacuum_cause::timer ? locked::take_up : locked::rest);
    if (depth_ == vacuum_depth::full) {
        result<> looked = co_await look();
        if (!looked) {
            co_return looked;
        }
    }
    result<> fetched = co_await fetch();
    if (!fetched) {
        co_return fetched;
    }
    result<> removed = co_await remove();
    if (!removed) {
        co_return removed;
    }
    co_return co_await fetches_below(1); // databases.md 8.3: the answer waits for them
}

result<> vacuum_run::usable() const {
    const auto db = frame_.usable();
    return db ? result<>() : pass(db);
}

void vacuum_run::break_off() {
    deletion_.put_back();
    for (auto& [lmaster, entries] : std::exchange(for_lmasters_, {})) {
        for (deletion& entry : entries) {
            frame_.deletions.locked(std::move(entry));
        }
    }
}

// ---- full runs: records emptied without SCHEDULE_FOR_DELETION ----

async::task<result<>> vacuum_run::look() {
    walk_position position;
    for (int pauses = 0; pauses < look_pauses_max;) {
        const auto state = look_some(position);
        if (!state) {
            co_return pass(state);
        }
        if (*state == walk_state::finished) {
            co_return result<>();
        }
        const async::duration rest = position.blocked ? sliced_job::pause : 0ms;
        pauses += position.blocked ? 1 : 0;
        co_await async::sleep_for(frame_.node.runtime(), rest);
    }
    co_return result<>(); // chains that somebody holds for long are for the next full run
}

result<walk_state> vacuum_run::look_some(walk_position& position) {
    const auto db = frame_.usable();
    if (!db) {
        return pass(db);
    }
    return walk_one_turn(
        frame_.node.runtime(),
        (*db)->store(),
        position,
        [this](byte_view key, byte_view value) {
            const auto header = empty_record(value);
            if (header && header->dmaster == frame_.node.self()) {
                frame_.deletions.add_to_run(key, *header);
            }
        }
    );
}

// ---- records that others want deleted here ----

async::task<result<>> vacuum_run::fetch() {
    for (;;) {
        const auto more = fetch_some();
        if (!more) {
            co_return pass(more);
        }
        if (!*more) {
            co_return result<>();
        }
        co_await async::sleep_for(frame_.node.runtime(), async::duration::zero());
        result<> room = co_await fetches_below(fetches_max);
        if (!room) {
            co_return room;
        }
    }
}

// One turn of the loop; false: nothing is left.
result<bool> vacuum_run::fetch_some() {
    const auto db = frame_.usable();
    if (!db) {
        return pass(db);
    }
    turn_budget budget(frame_.node.runtime());
    while (fetching_ < fetches_max) {
        const auto key = frame_.fetches.next();
        if (!key) {
            return false;
        }
        fetch_one(**db, *key);
        if (!budget.spend(1)) {
            break;
        }
    }
    return true;
}

// A locked or a missing record is left alone: a live one is fetched by those who need it.
void vacuum_run::fetch_one(database& db, const bytes& key) {
    const auto locked = db.store().try_lock(key);
    if (!locked || *locked == lock_state::busy) {
        return;
    }
    bool wanted = false;
    const auto read = db.store().read(key, [&](byte_view stored) {
        const auto header = protocol::header_of(stored);
        wanted = header && header->dmaster != frame_.node.self();
    });
    db.store().unlock(key);
    if (read && wanted && frame_.calls.fetch) {
        ++fetching_;
        frame_.calls.fetch(db, key);
    }
}

void vacuum_run::fetch_answered() {
    if (fetching_ > 0) {
        --fetching_;
        fetch_ended_.notify();
    }
}

async::task<result<>> vacuum_run::fetches_below(std::size_t count) {
    while (fetching_ >= count) {
        co_await fetch_ended_.wait(); // the owner ends a wait that takes too long
        const auto usable = frame_.usable();
        if (!usable) {
            co_return pass(usable);
        }
    }
    co_return result<>();
}

// ---- deleting ----

async::task<result<>> vacuum_run::remove() {
    while (!frame_.deletions.run_is_empty()) {
        const result<> judged = judge_some();
        if (!judged) {
            co_return judged;
        }
        if (deletion_.full() || frame_.deletions.run_is_empty()) {
            const result<> gone = co_await deletion_.carry_out();
            if (!gone) {
                co_return gone;
            }
        }
        if (keys_for_lmasters_ >= keys_per_message) {
            co_await tell_lmasters();
        }
        co_await async::sleep_for(frame_.node.runtime(), async::duration::zero());
    }
    co_await tell_lmasters();
    const auto db = frame_.usable();
    if (!db) {
        co_return pass(db);
    }
    after_deletions(**db);
    co_return result<>();
}

// One turn of the loop.
result<> vacuum_run::judge_some() {
    const auto db = frame_.usable();
    if (!db) {
        return pass(db);
    }
    turn_budget budget(frame_.node.runtime());
    do {
        auto entry = frame_.deletions.next();
        if (!entry) {
            break;
        }
        judge(**db, std::move(*entry));
    } while (!deletion_.full() && keys_for_lmasters_ < keys_per_message && budget.spend(1));
    return {};
}

void vacuum_run::judge(database& db, deletion entry) {
    const auto locked = db.store().try_lock(entry.key);
    if (!locked || *locked == lock_state::busy) {
        frame_.deletions.locked(std::move(entry));
        return;
    }
    const vacuum_place place = frame_.place_of(db, entry.key);
    auto verdict = vacuum_verdict::keep;
    const auto read = db.store().read(entry.key, [&](byte_view stored) {
        verdict = judge_for_deletion(place, entry.header, stored);
        if (verdict != vacuum_verdict::keep) {
            entry.header = *empty_record(stored); // what the others compare with
        }
    });
    if (read && *read && verdict == vacuum_verdict::delete_here) {
        frame_.deleted += db.store().erase(entry.key) ? 1 : 0;
    }
    db.store().unlock(entry.key);
    if (verdict == vacuum_verdict::delete_everywhere) {
        deletion_.add(std::move(entry));
    } else if (verdict == vacuum_verdict::tell_lmaster) {
        for_lmasters_[place.lmaster].push_back(std::move(entry));
        ++keys_for_lmasters_;
    }
}

// All at once; whoever does not answer is told again by a later run. The lists stay where they are
// until then: the wait may be broken off.
async::task<> vacuum_run::tell_lmasters() {
    std::vector<async::task<result<protocol::none>>> told;
    for (const auto& [lmaster, entries] : for_lmasters_) {
        protocol::record_buffer keys;
        keys.db_id = frame_.id;
        for (const deletion& entry : entries) {
            keys.records.push_back({reqid{0}, entry.key, {}});
        }
        told.push_back(
            send_keys(frame_.node.port(), lmaster, std::move(keys), frame_.control_deadline())
        );
    }
    const auto answers = co_await async::gather(std::move(told));
    keys_for_lmasters_ = 0;
    auto answer = answers.begin();
    for (auto& [lmaster, entries] : std::exchange(for_lmasters_, {})) {
        if (!*answer) {
            log_info("vacuum of {:#010x}: {}", frame_.id.value, answer->error().what);
            for (deletion& entry : entries) {
                frame_.deletions.locked(std::move(entry));
            }
        }
        ++answer;
    }
}

// Freed space lies in pieces: an agent puts it together when there are many (RepackLimit).
void vacuum_run::after_deletions(database& db) {
    if (frame_.deleted > 0) {
        db.store().tidy(frame_.node.tunable(protocol::tunable_id::repack_limit));
    }
}

} // namespace ctdb::ctdbd
