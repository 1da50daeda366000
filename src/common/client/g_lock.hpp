// g_lock: a cluster-wide lock by name, kept in the records of g_lock.tdb in the CTDB tools' own
// format (databases.md 7.1). Samba's format in the same records differs: do not lock the same names
// from both.
//
// Write locks only. The first entry of the record has the lock, ours behind it wait in this order:
// who lets go sends the next one a message (srvids::lock_turn), whose address is the unique_id of
// its entry. Upstream's tools take all entries for holders, never queue and look again every
// second: they get the lock when nobody of ours waits, and nobody is told when they let go, so the
// next in the queue looks again by itself as well, at `recheck`, and those behind it later.
//
// A first entry whose owner is gone is removed by those who wait: of one that has waited, when its
// address is not registered any more (CHECK_PID_SRVID), of others, when the process is gone
// (PROCESS_EXISTS). Where the own ctdbd does not know the own address we do not queue but
// try again after growing pauses. Releasing is explicit, because it has to wait.
#pragma once

#include "common/client/database.hpp"

#include <memory>
#include <optional>
#include <string>

namespace ctdb::client {

// How long after its last look the first in the queue looks again, the second after twice that...
struct g_lock_pace {
    async::duration recheck = std::chrono::milliseconds(250);
    async::duration recheck_longest = std::chrono::seconds(5);
};

class g_lock {
public:
    // `name` with its terminating NUL, as protocol::transaction_lock_key makes it.
    g_lock(std::shared_ptr<database> locks, std::string name, g_lock_pace pace = {});
    g_lock(const g_lock&) = delete;
    g_lock& operator=(const g_lock&) = delete;

    // ETIMEDOUT: still held by somebody alive. EDEADLK: by this very object.
    [[nodiscard]] async::task<result<>> acquire(async::time_point deadline);
    [[nodiscard]] async::task<result<>> release(async::time_point deadline);
    [[nodiscard]] bool held() const noexcept { return held_; }

private:
    enum class attempt : std::uint8_t { taken, busy };

    [[nodiscard]] async::task<result<attempt>> try_once(async::time_point deadline);
    [[nodiscard]] async::task<result<>> remove(protocol::server_id who, async::time_point deadline);
    [[nodiscard]] async::task<result<bool>>
    alive(const protocol::server_id& holder, async::time_point deadline);
    [[nodiscard]] async::task<result<>> listen(async::time_point deadline);
    [[nodiscard]] async::task<> wait_turn();
    [[nodiscard]] result<std::size_t> queue_up(locked_record& record, protocol::g_lock_list& list);
    void wake(const protocol::server_id& next);

    std::shared_ptr<database> locks_;
    bytes key_;
    protocol::server_id self_;
    g_lock_pace pace_;
    bool held_ = false;
    bool asked_for_address_ = false;
    std::unique_ptr<message_subscription> address_; // nothing: does not queue
    std::optional<async::slot<bool>> turn_;         // since the last look; true: was woken
    std::size_t place_ = 0;                         // how many are before this one
    async::duration pause_{};                       // of one that does not queue
};

} // namespace ctdb::client
