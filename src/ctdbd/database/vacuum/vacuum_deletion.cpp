#include "ctdbd/database/vacuum/vacuum_deletion.hpp"

#include "common/async/combinators.hpp"
#include "common/base/log.hpp"
#include "common/protocol/controls.hpp"
#include "ctdbd/database/database_set.hpp"
#include "ctdbd/database/record/planted_bug.hpp"
#include "ctdbd/database/sliced_job.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace ctdb::ctdbd {
namespace {

// Our own copy may be locked by a client for a moment: looked at again so often, then left to a
// later run.
constexpr int tries_max = 25;
constexpr std::chrono::milliseconds try_interval{20};

} // namespace

void vacuum_deletion::add(deletion entry) {
    size_ += entry.key.size() + protocol::record_header_size + protocol::record_fixed_size;
    batch_.push_back(std::move(entry));
}

async::task<result<>> vacuum_deletion::carry_out() {
    if (batch_.empty()) {
        co_return result<>();
    }
    const bool gone = co_await gone_elsewhere();
    const auto usable = frame_.usable();
    if (!gone || !usable) {
        put_back();
        co_return usable ? result<>() : pass(usable);
    }
    result<> deleted = co_await delete_own();
    put_back();
    co_return deleted;
}

// A member of the map without a link to us keeps its copies, and with a recovery they would come
// back (I7).
bool vacuum_deletion::all_can_be_asked(const std::vector<pnn>& others) const {
    const auto& members = frame_.node.vnn_map().map;
    return std::all_of(members.begin(), members.end(), [&](pnn member) {
        return member == frame_.node.self() ||
               std::find(others.begin(), others.end(), member) != others.end();
    });
}

// False: a node has not answered, nothing may be deleted here. Records that a node keeps are put
// back and leave the batch.
async::task<bool> vacuum_deletion::gone_elsewhere() {
    protocol::record_buffer wanted;
    wanted.db_id = frame_.id;
    for (const deletion& entry : batch_) {
        wanted.records.push_back({reqid{0}, entry.key, protocol::encode(entry.header)});
    }
    std::vector<pnn> others = frame_.node.active_nodes();
    std::erase(others, frame_.node.self());
    if (!all_can_be_asked(others)) {
        co_return false;
    }
    std::vector<async::task<result<protocol::record_buffer>>> asked;
    for (const pnn node : others) {
        asked.push_back(client::call<protocol::controls::try_delete_records>(
            frame_.node.port(), node, wanted, frame_.control_deadline()
        ));
    }
    const auto answers = co_await async::gather(std::move(asked));
    std::set<bytes> kept;
    for (const auto& refused : answers) {
        if (!refused) {
            log_info("vacuum of {:#010x}: {}", frame_.id.value, refused.error().what);
            co_return false;
        }
        for (const protocol::marshalled_record& record : refused->records) { // all of them (12.2)
            kept.insert(record.key);
        }
    }
    if (planted(planted_bug::refusals_ignored)) {
        kept.clear();
    }
    const auto stays = std::partition(batch_.begin(), batch_.end(), [&kept](const deletion& d) {
        return !kept.contains(d.key);
    });
    std::for_each(stays, batch_.end(), [this](deletion& d) {
        frame_.deletions.locked(std::move(d));
    });
    batch_.erase(stays, batch_.end());
    co_return true;
}

async::task<result<>> vacuum_deletion::delete_own() {
    for (int tries = 0; !batch_.empty() && tries < tries_max; ++tries) {
        while (!batch_.empty()) {
            result<> some = delete_some();
            if (!some) {
                co_return some;
            }
            co_await async::sleep_for(frame_.node.runtime(), async::duration::zero());
        }
        std::swap(batch_, busy_);
        if (!batch_.empty()) {
            co_await async::sleep_for(frame_.node.runtime(), try_interval);
        }
    }
    co_return result<>();
}

// One turn of the loop.
result<> vacuum_deletion::delete_some() {
    const auto db = frame_.usable();
    if (!db) {
        return pass(db);
    }
    turn_budget budget(frame_.node.runtime());
    do {
        deletion entry = std::move(batch_.back());
        batch_.pop_back();
        if (delete_one(**db, entry) == outcome::busy) {
            busy_.push_back(std::move(entry));
        }
    } while (!batch_.empty() && budget.spend(1));
    return {};
}

vacuum_deletion::outcome vacuum_deletion::delete_one(database& db, const deletion& entry) {
    const auto locked = db.store().try_lock(entry.key);
    if (!locked || *locked == lock_state::busy) {
        return outcome::busy;
    }
    bool may_go = false;
    const auto read = db.store().read(entry.key, [&](byte_view stored) {
        may_go = may_delete_last(frame_.place_of(db, entry.key), entry.header, stored); // I23
    });
    if (read && *read && may_go) {
        if (const auto erased = db.store().erase(entry.key)) {
            ++frame_.deleted;
        } else {
            log_error("vacuum of {}: {}", db.name(), erased.error().what);
        }
    }
    db.store().unlock(entry.key);
    return outcome::done;
}

void vacuum_deletion::put_back() {
    for (auto* rest : {&batch_, &busy_}) {
        for (deletion& entry : std::exchange(*rest, {})) {
            frame_.deletions.locked(std::move(entry));
        }
    }
    size_ = 0;
}

} // namespace ctdb::ctdbd
