// local_store: one database file of this node, as the database engine sees it. A door: tdb_store in
// the daemon, memory_store in tests and in the simulation.
//
// Values are raw tdb values: 24 bytes of record header, then the data (databases.md 0.1); the store
// does not interpret them.
//
// Locks (databases.md 4). A chain is the unit of locking: several keys share one. The engine never
// waits: it tries, and if the chain is busy asks to be called when an agent outside the loop has
// got the lock.
//   L1  read/write/erase need the key's chain held (try_lock, or inside a `locked` call) or the
//   store frozen. L2  every try_lock that returned true is followed by unlock in the same turn of
//   the loop; a `locked` call ends the lock when it returns. L3  frozen: an agent holds the whole
//   database and no client gets in; reads and writes need no chain lock; try_lock says busy. L4
//   transactions, wipe and walks over a changing database exist only while frozen.
#pragma once

#include "common/async/runtime.hpp"
#include "common/base/bytes.hpp"
#include "common/base/result.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace ctdb::ctdbd {

enum class lock_state : std::uint8_t { locked, busy };
enum class walk_state : std::uint8_t { more, finished };

// Where a sliced walk stands; owned by the caller, valid while the store is not wiped.
struct walk_position {
    std::uint32_t chain = 0;
    std::vector<std::uint32_t> busy; // chains that somebody held when the walk came by; done last
    bool blocked = false;            // only such chains were left: pause before the next call
};

class local_store {
public:
    local_store() = default;
    local_store(const local_store&) = delete;
    local_store& operator=(const local_store&) = delete;
    virtual ~local_store() = default; // lets go of every lock; outstanding callbacks are not called

    [[nodiscard]] virtual std::string path() const = 0;
    [[nodiscard]] virtual int open_flags() const = 0; // as DB_OPEN_FLAGS reports them
    [[nodiscard]] virtual std::uint32_t chain_of(byte_view key) const = 0;

    // Record locks.
    [[nodiscard]] virtual result<lock_state> try_lock(byte_view key) = 0;
    virtual void unlock(byte_view key) = 0;
    // Calls `locked` once from the loop with the chain of `key` held (success) or not (error: the
    // agent failed). At most one wait per chain at a time (Requires); the engine queues the rest.
    // cancel_wait forgets it.
    virtual void lock_when_free(byte_view key, std::function<void(result<>)> locked) = 0;
    virtual void cancel_wait(byte_view key) = 0;

    // Records. Missing: nullopt. The view given to `use` is valid only during the call.
    [[nodiscard]] virtual result<bool> read(
        byte_view key, const std::function<void(byte_view value)>& use
    ) const = 0; // false: no such record
    virtual result<> write(byte_view key, byte_view value) = 0;
    virtual result<>
    write(byte_view key, byte_view header, byte_view data) = 0; // value = header + data
    virtual result<> erase(byte_view key) = 0;                  // missing is no error

    // Freeze: the whole database locked by an agent.
    virtual void freeze(std::function<void(result<>)> frozen) = 0; // `frozen` once, from the loop
    virtual void thaw() = 0; // also cancels a freeze that is under way
    [[nodiscard]] virtual bool is_frozen() const = 0;
    // The agent that held the freeze is gone: the store has thawed by itself and any transaction is
    // cancelled.
    virtual void on_freeze_lost(std::function<void()> lost) = 0;

    // A transaction on the frozen database: nobody sees anything of it before its commit, and once
    // something is changed in it, read and walk are refused (EBUSY). Wipe exists only inside.
    virtual result<> begin_transaction() = 0;
    // `committed` once, at once or from the loop; persistent: on disk then. Until then nothing but
    // thaw is allowed, after which it is not called and the commit comes about all the same.
    virtual void commit_transaction(std::function<void(result<>)> committed) = 0;
    virtual void cancel_transaction() = 0;
    virtual result<> wipe() = 0;
    // A commit broke off in the middle: what is missing here says nothing. Until one succeeds.
    [[nodiscard]] virtual bool holds_a_part() const { return false; }
    // Keeps what was committed last in a file beside this one and returns its path. Frozen only; a
    // transaction may be open.
    virtual result<std::string> keep_copy() = 0;

    // Visits at most about `records` records per call, whole chains at a time; visited records may
    // not be changed by `visit`. Frozen: everything exactly once. Not frozen: each chain is
    // consistent in itself.
    [[nodiscard]] virtual result<walk_state> walk(
        walk_position& position,
        std::size_t records,
        const std::function<void(byte_view key, byte_view value)>& visit
    ) = 0;

    // Applies a record buffer (UPDATE_RECORD, databases.md 7.3) in one durable transaction outside
    // the loop and then calls `done` from the loop. volatile_rule: keys that do not exist locally
    // are skipped. A record whose stored rsn is not smaller and whose value differs fails the whole
    // buffer. Waits for a freeze to end; in order per store. ECANCELED: a frozen transaction was
    // committed first (I12). ETIMEDOUT: not done by the deadline, and given up.
    virtual void apply_update(
        bytes record_buffer,
        bool volatile_rule,
        async::time_point deadline,
        std::function<void(result<>)> done
    ) = 0;

    // Records were deleted: puts the free space of the file together outside the loop once it lies
    // in `pieces_max` pieces or more (RepackLimit). At most one such job runs; no answer.
    virtual void tidy(std::uint32_t /*pieces_max*/) {}
    // `synced` once what was written before is on disk; from the loop, or at once where nothing is
    // to be waited for.
    virtual void sync(std::function<void(result<>)> synced) { synced({}); }

    // tdb sequence number (ENABLE_SEQNUM); every write by us or a client raises it once enabled.
    virtual void enable_sequence_number() = 0;
    [[nodiscard]] virtual std::uint32_t sequence_number() const = 0;
    virtual void raise_sequence_number() = 0;

    // Statistics of lock waits that left the try-lock path are counted by the engine, not here.
};

// What to open. Kinds differ in directory, flags and durability (databases.md 1.1).
struct store_spec {
    std::string name;
    enum class kind : std::uint8_t { volatile_db, persistent, replicated } is = kind::volatile_db;
};

// Opens databases of this node; the door to the file system.
class store_factory {
public:
    store_factory() = default;
    store_factory(const store_factory&) = delete;
    store_factory& operator=(const store_factory&) = delete;
    virtual ~store_factory() = default;

    [[nodiscard]] virtual result<std::unique_ptr<local_store>> open(const store_spec& spec) = 0;
    // Names of persistent databases found on disk at start (databases.md 1.3).
    [[nodiscard]] virtual result<std::vector<std::string>> find_persistent() = 0;

    // Health of persistent databases (databases.md 1.3): empty = healthy.
    [[nodiscard]] virtual std::string health(const std::string& name) const = 0;
    virtual result<> set_health(const std::string& name, const std::string& reason) = 0;

    // Where the copies of persistent databases come from, opaque here; empty: not known. Written
    // all together and durably; what is not named is forgotten.
    [[nodiscard]] virtual bytes saved_lineage(const std::string& name) const = 0;
    virtual result<> save_lineages(const std::map<std::string, bytes>& lineages) = 0;
};

} // namespace ctdb::ctdbd
