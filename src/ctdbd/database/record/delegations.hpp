// delegations: which nodes hold copies of our records that they may read, and the revokes that run
// (databases.md 3).
//
// What upstream keeps in the file `<path>.RO` is kept in memory: only the dmaster's daemon ever
// looks at it, it does not outlive the daemon, and a recovery empties it. Only containers; the
// engine decides and sends.
#pragma once

#include "common/protocol/types_record.hpp"
#include "ctdbd/database/record/parking.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <set>

namespace ctdb::ctdbd {

class delegations {
public:
    struct revoke {
        bytes key;
        rsn at; // of the dmaster's record while the revoke runs
        std::set<pnn> missing;
        bool failed = false;
        async::time_point since;
    };

    void add(byte_view key, pnn reader) { readers_[to_bytes(key)].insert(reader); }
    [[nodiscard]] std::set<pnn> readers_of(byte_view key) const;
    void forget(byte_view key);

    // The ticket names the revoke; no two of a process are the same.
    void start(std::uint64_t ticket, revoke r) { revokes_.emplace(ticket, std::move(r)); }
    [[nodiscard]] bool runs(std::uint64_t ticket) const { return revokes_.contains(ticket); }
    // A reader has answered, or cannot: true if that was the last one.
    [[nodiscard]] bool answered(std::uint64_t ticket, pnn reader, bool ok);
    [[nodiscard]] const bytes& key_of(std::uint64_t ticket) const {
        return revokes_.at(ticket).key;
    }
    [[nodiscard]] std::optional<revoke> finish(std::uint64_t ticket);

    void clear();
    [[nodiscard]] std::size_t size() const noexcept { return readers_.size(); }

private:
    std::map<bytes, std::set<pnn>, key_order> readers_;
    std::map<std::uint64_t, revoke> revokes_;
};

} // namespace ctdb::ctdbd
