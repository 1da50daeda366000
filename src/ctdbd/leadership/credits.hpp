// credits: how often each node was to blame lately, and who is to be banned for it (cluster.md
// 3.6). A pure core, kept by the leader only.
//
// Keyed by PNN (W48). A count older than RecoveryGracePeriod is forgotten before adding to it; the
// time that a recovery takes to fail does not make it older.
#pragma once

#include "common/async/runtime.hpp"
#include "common/base/ids.hpp"

#include <cstdint>
#include <map>
#include <vector>

namespace ctdb::ctdbd {

class credits {
public:
    void
    add(pnn node, std::uint32_t amount, async::time_point now, std::chrono::seconds grace_period);
    // One for a recovery that `node` made fail, unless it got some since the pass began that ran it
    // (false): a node is to blame once for what went wrong once.
    bool add_failed_recovery(
        pnn node,
        async::time_point pass_began,
        async::time_point now,
        std::chrono::seconds grace_period
    );
    // Those with at least `limit` (2 x number of nodes, deleted included); their counts start anew.
    [[nodiscard]] std::vector<pnn> take_offenders(std::uint32_t limit);
    void clear() { counts_.clear(); } // a recovery was completed
    [[nodiscard]] std::uint32_t count(pnn node) const;

private:
    struct entry {
        std::uint32_t count = 0;
        async::time_point last;
    };
    std::map<pnn, entry> counts_;
};

} // namespace ctdb::ctdbd
