// guarded_file: the daemon's handle of one TDB file with its lock state. The only place that takes
// marks, and the only way the daemon reads or writes the file.
//
// State            | holds                          | access allowed to
// -----------------|--------------------------------|----------------------------------------------
// open             | chains, each really or (at     | keys of held chains
//                  | most one) by an agent's lock   |
// frozen           | an agent holds the whole file  | everything; marked only for the access itself
//
// G1 At most one chain is marked, and never while frozen. G2 Freezing requires that no chain is
// held. G3 Marks of the whole file exist only inside one call. G4 No call sleeps for a lock that a
// client may hold for long. Misuse stops the process (ensure). Destroying it gives back every lock.
#pragma once

#include "common/tdb/file.hpp"

#include <optional>
#include <vector>

namespace ctdb::tdb {

class guarded_file {
public:
    enum class state : std::uint8_t { open, frozen };

    explicit guarded_file(std::unique_ptr<file> opened);
    guarded_file(const guarded_file&) = delete;
    guarded_file& operator=(const guarded_file&) = delete;
    ~guarded_file();

    [[nodiscard]] state now() const noexcept { return state_; }
    [[nodiscard]] bool frozen() const noexcept { return state_ != state::open; }
    [[nodiscard]] bool holds_chain(std::uint32_t chain) const noexcept;
    [[nodiscard]] bool holds_any_chain() const noexcept { return !held_.empty(); }
    [[nodiscard]] file& raw() noexcept { return *file_; } // attributes and sequence number only
    [[nodiscard]] const file& raw() const noexcept { return *file_; }

    // Chain locks, nesting per chain. Requires: not frozen.
    [[nodiscard]] result<bool> try_lock(byte_view key); // false: busy
    void unlock(byte_view key);
    [[nodiscard]] result<> begin_marked(byte_view key); // an agent holds the key's chain
    void end_marked(byte_view key);

    // Requires: an agent holds the whole file, until thawed() or lost().
    void frozen_by_agent();
    void thawed(); // also when the agent is gone

    [[nodiscard]] result<bool> read(byte_view key, const std::function<void(byte_view)>& use) const;
    result<> write(byte_view key, byte_view value);
    result<> write(byte_view key, byte_view head, byte_view tail);
    result<> erase(byte_view key);
    // One chain: frozen or held by this very call. nullopt: busy.
    result<std::optional<std::size_t>> walk_chain(
        std::uint32_t chain, const std::function<void(byte_view key, byte_view value)>& visit
    );
    // Many chains under one mark. Requires: frozen. Stops before `end` once `records` were visited;
    // returns the chain to go on with.
    result<std::uint32_t> walk_chains(
        std::uint32_t begin,
        std::uint32_t end,
        std::size_t records,
        const std::function<void(byte_view key, byte_view value)>& visit
    );
    // walk_chains from the first chain to the last for files that may have few records and many
    // chains: the same result in a fraction of the time.
    result<std::uint32_t> walk_from_start(
        std::size_t records, const std::function<void(byte_view key, byte_view value)>& visit
    );

private:
    struct held_chain {
        std::uint32_t chain;
        std::uint32_t times; // real locks taken by us; the mark is not counted
        bool marked;
    };
    class access;
    [[nodiscard]] held_chain* find(std::uint32_t chain) noexcept;
    void drop_if_unused(std::uint32_t chain);

    std::unique_ptr<file> file_;
    state state_ = state::open;
    mutable bool marked_ = false;  // the whole file, by the access that is running
    std::vector<held_chain> held_; // rarely more than two
};

} // namespace ctdb::tdb
