#include "common/client/g_lock.hpp"

#include "common/base/log.hpp"
#include "common/protocol/controls.hpp"
#include "common/protocol/srvids.hpp"

#include <algorithm>

#include <unistd.h>

namespace ctdb::client {

namespace {

namespace srvids = protocol::srvids;

constexpr auto pause_first = std::chrono::milliseconds(2);
constexpr auto pause_longest = std::chrono::milliseconds(250);
constexpr auto leaving_takes = std::chrono::seconds(5);
constexpr std::size_t entries_max = 1000; // 32 KB; who comes later tries again now and then

// Distinguishes several locks of one process, as upstream's library does.
protocol::server_id new_server_id(pnn self) {
    static std::uint32_t last_task = 0;
    protocol::server_id id;
    id.pid = static_cast<std::uint64_t>(::getpid());
    id.task_id = ++last_task;
    id.vnn = self.value;
    id.unique_id = (std::uint64_t{id.task_id} << 32U) | (id.pid & 0xFFFFFFFFU);
    return id;
}

srvid turn_of(const protocol::server_id& id) {
    return srvids::lock_turn(static_cast<std::uint32_t>(id.pid), id.task_id);
}

bool listens(const protocol::server_id& id) {
    return srvids::is_lock_turn(srvid(id.unique_id));
}

protocol::g_lock entry_of(const protocol::server_id& id) {
    protocol::g_lock entry;
    entry.type = protocol::g_lock::kind::write;
    entry.sid = id;
    return entry;
}

result<protocol::g_lock_list> entries_of(const locked_record& record) {
    if (record.data().empty()) {
        return protocol::g_lock_list{};
    }
    return protocol::decode<protocol::g_lock_list>(record.data());
}

result<> store(locked_record& record, const protocol::g_lock_list& list) {
    return list.locks.empty() ? record.erase() : record.store(protocol::encode(list));
}

struct locked_list {
    std::unique_ptr<locked_record> record;
    protocol::g_lock_list list;
};

async::task<result<locked_list>>
fetch_list(database& locks, bytes key, async::time_point deadline) {
    auto fetched = co_await locks.fetch_locked(std::move(key), record_access::write, deadline);
    if (!fetched) {
        co_return pass(fetched);
    }
    auto list = entries_of(**fetched);
    if (!list) {
        co_return pass(list);
    }
    co_return locked_list{std::move(*fetched), std::move(*list)};
}

} // namespace

g_lock::g_lock(std::shared_ptr<database> locks, std::string name, g_lock_pace pace)
    : locks_(std::move(locks)), key_(to_bytes(name)),
      self_(new_server_id(locks_->through().self())), pace_(pace) {}

// A node that does not answer may be alive: only a clear "no" counts.
async::task<result<bool>>
g_lock::alive(const protocol::server_id& holder, async::time_point deadline) {
    namespace controls = protocol::controls;
    client& through = locks_->through();
    const pnn node(holder.vnn);
    const auto pid = static_cast<std::int32_t>(holder.pid);
    if (listens(holder)) {
        const protocol::pid_srvid asked{pid, srvid(holder.unique_id)};
        const auto answer =
            co_await call<controls::check_pid_srvid>(through, node, asked, deadline);
        if (!answer) {
            co_return pass(answer);
        }
        co_return answer->value == 0;
    }
    const auto answer = co_await call<controls::process_exists>(through, node, pid, deadline);
    if (!answer) {
        co_return pass(answer);
    }
    co_return answer->value == 0;
}

// Takes an address, if others will be able to see that it is there.
async::task<result<>> g_lock::listen(async::time_point deadline) {
    asked_for_address_ = true;
    const srvid address = turn_of(self_);
    auto kept = locks_->through().subscribe(address, [this](byte_view) {
        if (turn_) {
            turn_->set(true);
        }
    });
    protocol::server_id listening = self_;
    listening.unique_id = address.value;
    const auto seen = co_await alive(listening, deadline);
    if (!seen) {
        co_return pass(seen);
    }
    if (*seen) {
        address_ = std::move(kept);
        self_ = listening;
    }
    co_return result<>();
}

void g_lock::wake(const protocol::server_id& next) {
    if (next != self_ && listens(next)) {
        client& through = locks_->through();
        through.message(pnn(next.vnn), srvid(next.unique_id), byte_view());
        through.flush();
    }
}

// Place of the own entry, which is put behind the others if it is not there.
result<std::size_t> g_lock::queue_up(locked_record& record, protocol::g_lock_list& list) {
    const auto own = std::ranges::find(list.locks, self_, &protocol::g_lock::sid);
    const auto place = static_cast<std::size_t>(own - list.locks.begin());
    const bool may = place == 0 || (address_ && place < entries_max);
    if (own == list.locks.end() && may) {
        list.locks.push_back(entry_of(self_));
        if (const auto stored = store(record, list); !stored) {
            return pass(stored);
        }
    }
    return place;
}

async::task<result<g_lock::attempt>> g_lock::try_once(async::time_point deadline) {
    for (;;) {
        turn_.emplace(locks_->through().runtime()); // before the look, so that no message is missed
        auto found = co_await fetch_list(*locks_, key_, deadline);
        if (!found) {
            co_return pass(found);
        }
        const auto place = queue_up(*found->record, found->list);
        if (!place) {
            co_return pass(place);
        }
        place_ = *place;
        if (place_ == 0) {
            co_return attempt::taken;
        }
        found->record.reset(); // the holder must be able to let go while we ask
        const protocol::server_id holder = found->list.locks.front().sid;
        if (!asked_for_address_) {
            const auto listening = co_await listen(deadline);
            if (!listening) {
                co_return pass(listening);
            }
            continue;
        }
        const auto lives = co_await alive(holder, deadline);
        if (!lives) {
            co_return pass(lives);
        }
        if (*lives) {
            co_return attempt::busy;
        }
        const auto removed = co_await remove(holder, deadline);
        if (!removed) {
            co_return pass(removed);
        }
    }
}

// Until woken or it is time to look again.
async::task<> g_lock::wait_turn() {
    async::runtime& rt = locks_->through().runtime();
    async::duration limit = pace_.recheck * static_cast<std::int64_t>(place_);
    limit = std::min(limit, pace_.recheck_longest);
    if (!address_) {
        pause_ = std::clamp<async::duration>(2 * pause_, pause_first, pause_longest);
        const auto spread = static_cast<std::int64_t>(rt.random() % 1024); // no convoys
        limit = pause_ / 2 + pause_ * spread / 1024;
    }
    async::timer again(rt, [this] { turn_->set(false); });
    again.arm(rt.now() + limit);
    co_await turn_->take();
}

async::task<result<>> g_lock::acquire(async::time_point deadline) {
    if (held_) {
        co_return fail(EDEADLK, "lock is held by this transaction already");
    }
    pause_ = {};
    for (;;) {
        const auto tried = co_await try_once(deadline);
        if (tried && *tried == attempt::taken) {
            held_ = true;
            co_return result<>();
        }
        const async::time_point now = locks_->through().runtime().now();
        if (!tried || now >= deadline) {
            if (address_) {
                const auto left = co_await remove(self_, now + leaving_takes);
                static_cast<void>(left); // others find the address gone
            }
            if (!tried) {
                co_return pass(tried);
            }
            co_return fail(ETIMEDOUT, "lock is held by another process");
        }
        co_await wait_turn();
    }
}

// An entry that is not there is no error. The next one is told, if this one was the first.
async::task<result<>> g_lock::remove(protocol::server_id who, async::time_point deadline) {
    auto found = co_await fetch_list(*locks_, key_, deadline);
    if (!found) {
        co_return pass(found);
    }
    auto& entries = found->list.locks;
    const bool was_first = !entries.empty() && entries.front().sid == who;
    if (std::erase_if(entries, [&](const protocol::g_lock& l) { return l.sid == who; }) == 0) {
        co_return result<>();
    }
    const auto stored = store(*found->record, found->list);
    found->record.reset(); // the next one can have it at once
    if (stored && who != self_) {
        log_notice("lock of pid {} on node {} removed: its owner is gone", who.pid, who.vnn);
    }
    if (stored && was_first && !entries.empty()) {
        wake(entries.front().sid);
    }
    co_return stored;
}

async::task<result<>> g_lock::release(async::time_point deadline) {
    if (!held_) {
        co_return result<>();
    }
    held_ = false;
    co_return co_await remove(self_, deadline);
}

} // namespace ctdb::client
