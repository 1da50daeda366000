// g_lock: a cluster-wide lock by name, kept in the records of g_lock.tdb in the CTDB tools' own
// format (databases.md 7.1). Samba's format in the same records differs: do not lock the same names
// from both.
//
// Write locks only. A holder whose process is gone (PROCESS_EXISTS on its node says no) is removed
// by the next who wants the lock. Releasing is explicit, because it has to wait; a process that
// ends without it is found dead by the others.
#pragma once

#include "common/client/database.hpp"

#include <memory>
#include <string>

namespace ctdb::client {

class g_lock {
public:
    // `name` with its terminating NUL, as protocol::transaction_lock_key makes it.
    g_lock(std::shared_ptr<database> locks, std::string name);
    g_lock(const g_lock&) = delete;
    g_lock& operator=(const g_lock&) = delete;

    // ETIMEDOUT: still held by somebody alive. EDEADLK: by this very object.
    [[nodiscard]] async::task<result<>> acquire(async::time_point deadline);
    [[nodiscard]] async::task<result<>> release(async::time_point deadline);
    [[nodiscard]] bool held() const noexcept { return held_; }

private:
    enum class attempt : std::uint8_t { taken, busy };
    [[nodiscard]] async::task<result<attempt>> try_once(async::time_point deadline);
    [[nodiscard]] async::task<result<bool>>
    alive(const protocol::server_id& holder, async::time_point deadline);

    std::shared_ptr<database> locks_;
    bytes key_;
    protocol::server_id self_;
    bool held_ = false;
};

} // namespace ctdb::client
