// memory_file: one database file in memory, shared like a real one between the daemon's
// memory_store and the processes of clients, with the locks of tdb.
//
// Locks: one exclusive lock per chain and one over everything. A lock that becomes free goes to a
// random waiter at once; the waiter hears of it from its own runtime. While somebody waits for the
// whole file, no chain is given away. A process that dies leaves no lock behind.
#pragma once

#include "common/async/runtime.hpp"
#include "common/base/bytes.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

namespace ctdb::simulation {

using lock_owner = std::uint64_t; // a process, or an agent of one; 0: nobody

struct view_order {
    using is_transparent = void;
    bool operator()(byte_view a, byte_view b) const noexcept;
};
using record_map = std::map<bytes, bytes, view_order>;

class memory_file {
public:
    explicit memory_file(std::uint32_t chains);
    memory_file(const memory_file&) = delete;
    memory_file& operator=(const memory_file&) = delete;

    [[nodiscard]] std::uint32_t chain_of(byte_view key) const;
    [[nodiscard]] std::uint32_t chains() const noexcept;

    // ---- records ----
    [[nodiscard]] const bytes* find(byte_view key) const;
    void write(byte_view key, byte_view value);
    void erase(byte_view key);
    [[nodiscard]] const record_map& chain(std::uint32_t number) const { return records_[number]; }
    [[nodiscard]] const std::vector<record_map>& all() const noexcept { return records_; }
    void replace_all(std::vector<record_map> records); // a transaction commits
    std::uint32_t sequence_number = 0;
    bool counts_writes = false; // TDB_SEQNUM
    // For checkers: before and after a write outside of a transaction; null: not there.
    std::function<void(byte_view key, const bytes* before, const bytes* after)> on_change;
    std::function<void()> on_replaced;

    // ---- locks ----
    [[nodiscard]] bool try_lock(std::uint32_t chain, lock_owner owner);
    [[nodiscard]] bool holds(std::uint32_t chain, lock_owner owner) const;
    void unlock(std::uint32_t chain, lock_owner owner);
    void unlock_all(lock_owner owner);
    [[nodiscard]] bool all_locked() const noexcept { return whole_ != 0; }
    [[nodiscard]] bool any_chain_locked() const noexcept { return locked_ != 0; }
    [[nodiscard]] static lock_owner new_owner() noexcept;

    // A wait for a lock; destroying it ends the wait, and gives back a lock that was granted but
    // not yet told.
    class wait {
    public:
        static constexpr std::uint32_t everything = 0xFFFFFFFF;
        wait(
            std::shared_ptr<memory_file> file,
            std::uint32_t chain,
            lock_owner owner,
            async::runtime& rt,
            std::function<void()> locked // the lock is the caller's now; may destroy the wait
        );
        wait(const wait&) = delete;
        wait& operator=(const wait&) = delete;
        ~wait();

    private:
        friend class memory_file;
        void tell();
        std::shared_ptr<memory_file> file_;
        std::uint32_t chain_;
        lock_owner owner_;
        std::function<void()> locked_;
        async::deferred told_;
        bool granted_ = false;
        bool done_ = false;
        async::runtime& runtime_;
    };

private:
    void grant();
    void changed(byte_view key, const bytes* before, const bytes* after);
    [[nodiscard]] wait* choose(std::uint32_t chain);

    std::vector<record_map> records_;
    std::vector<lock_owner> chain_owner_;
    std::uint32_t locked_ = 0; // chains
    lock_owner whole_ = 0;
    std::vector<wait*> waiting_;
};

} // namespace ctdb::simulation
