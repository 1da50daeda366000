#include "common/client/g_lock.hpp"

#include "common/base/log.hpp"
#include "common/protocol/controls.hpp"

#include <algorithm>

#include <unistd.h>

namespace ctdb::client {

namespace {

constexpr auto pause_first = std::chrono::milliseconds(2);
constexpr auto pause_longest = std::chrono::milliseconds(250);

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

result<protocol::g_lock_list> holders_of(const locked_record& record) {
    if (record.data().empty()) {
        return protocol::g_lock_list{};
    }
    return protocol::decode<protocol::g_lock_list>(record.data());
}

} // namespace

g_lock::g_lock(std::shared_ptr<database> locks, std::string name)
    : locks_(std::move(locks)), key_(to_bytes(name)),
      self_(new_server_id(locks_->through().self())) {}

// A node that does not answer may be alive: only a clear "no" counts.
async::task<result<bool>>
g_lock::alive(const protocol::server_id& holder, async::time_point deadline) {
    using control = protocol::controls::process_exists;
    const auto answer = co_await call<control>(
        locks_->through(), pnn(holder.vnn), static_cast<std::int32_t>(holder.pid), deadline
    );
    if (!answer) {
        co_return pass(answer);
    }
    co_return answer->value == 0;
}

async::task<result<g_lock::attempt>> g_lock::try_once(async::time_point deadline) {
    auto fetched = co_await locks_->fetch_locked(key_, record_access::write, deadline);
    if (!fetched) {
        co_return pass(fetched);
    }
    auto list = holders_of(**fetched);
    if (!list) {
        co_return pass(list);
    }
    while (!list->locks.empty()) {
        const protocol::server_id holder = list->locks.front().sid;
        if (holder == self_) {
            co_return fail(EDEADLK, "lock is held by this transaction already");
        }
        fetched->reset(); // the holder must be able to let go while we ask
        const auto lives = co_await alive(holder, deadline);
        if (!lives) {
            co_return pass(lives);
        }
        if (*lives) {
            co_return attempt::busy;
        }
        fetched = co_await locks_->fetch_locked(key_, record_access::write, deadline);
        if (!fetched) {
            co_return pass(fetched);
        }
        list = holders_of(**fetched);
        if (!list) {
            co_return pass(list);
        }
        const auto is_dead = [&](const protocol::g_lock& l) { return l.sid == holder; };
        if (std::erase_if(list->locks, is_dead) > 0) {
            log_notice(
                "lock of pid {} on node {} removed: process is gone", holder.pid, holder.vnn
            );
        }
    }
    protocol::g_lock own;
    own.type = protocol::g_lock::kind::write;
    own.sid = self_;
    list->locks.push_back(own);
    const auto stored = (*fetched)->store(protocol::encode(*list));
    if (!stored) {
        co_return pass(stored);
    }
    co_return attempt::taken;
}

async::task<result<>> g_lock::acquire(async::time_point deadline) {
    async::runtime& rt = locks_->through().runtime();
    async::duration pause = pause_first;
    for (;;) {
        const auto tried = co_await try_once(deadline);
        if (!tried) {
            co_return pass(tried);
        }
        if (*tried == attempt::taken) {
            held_ = true;
            co_return result<>();
        }
        if (rt.now() >= deadline) {
            co_return fail(ETIMEDOUT, "lock is held by another process");
        }
        const auto spread = static_cast<std::int64_t>(rt.random() % 1024); // no convoys
        co_await async::sleep_for(rt, pause / 2 + pause * spread / 1024);
        pause = std::min<async::duration>(2 * pause, pause_longest);
    }
}

async::task<result<>> g_lock::release(async::time_point deadline) {
    if (!held_) {
        co_return result<>();
    }
    held_ = false;
    const auto fetched = co_await locks_->fetch_locked(key_, record_access::write, deadline);
    if (!fetched) {
        co_return pass(fetched);
    }
    auto list = holders_of(**fetched);
    if (!list) {
        co_return pass(list);
    }
    const auto is_self = [this](const protocol::g_lock& l) { return l.sid == self_; };
    std::erase_if(list->locks, is_self);
    if (list->locks.empty()) {
        co_return (*fetched)->erase();
    }
    co_return (*fetched)->store(protocol::encode(*list));
}

} // namespace ctdb::client
