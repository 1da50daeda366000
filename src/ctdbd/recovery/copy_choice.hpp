// copy_choice: whose copies of a database count in a recovery (doc/decisions/0070,
// databases.md 6.6, 12.1 #21). Pure.
//
// Unknown lineages (another implementation led the last recovery, a file is new) are judged as
// upstream does: every volatile copy is merged, the highest sequence number wins. Where lineages
// are known:
//
//   C1  volatile: only copies of the newest lineage are merged: what a node did outside of it was
//       outside of the cluster, what it lacks may have been deleted (I6, I7). Newest is one that
//       the others descend to; of two that went apart, as C3.
//   C2  persistent: a copy that another one descends from never beats it, whatever its number says
//       (I18): what it has beyond the fork was never acknowledged by the cluster.
//   C3  of two histories that went apart the one that spoke for more of the cluster wins, between
//       equals the newer epoch; persistent: but one that did nothing since loses first.
//   C4  persistent, one unknown or of different births: the higher sequence number wins, among
//       equals a known one, then as C3, then the first in node order.
#pragma once

#include "ctdbd/database/lineage.hpp"

#include <vector>

namespace ctdb::ctdbd {

struct copy_state {
    pnn node;
    lineage history;
    std::uint64_t sequence_number = 0;
};

// C1: positions in `histories` of the copies to merge; never empty unless `histories` is.
struct volatile_choice {
    std::vector<std::size_t> counting;
    lineage history; // the newest; unknown if all are
};
[[nodiscard]] volatile_choice counting_copies(const std::vector<lineage>& histories);

// C2 to C4: the position of the copy that counts. Requires: not empty.
[[nodiscard]] std::size_t winning_copy(const std::vector<copy_state>& copies);

// Whether `loser` holds something that `winner` never had: to be kept aside.
[[nodiscard]] bool has_diverged(const copy_state& loser, const copy_state& winner);

// Where histories have gone apart, the sequence number after the recovery: a client whose commit
// was cut short compares with the number it knows, and may find neither that one nor the next,
// which would tell it to repeat a change that was made to another content (databases.md 7.1).
[[nodiscard]] std::uint64_t number_after_divergence(const std::vector<copy_state>& copies);

} // namespace ctdb::ctdbd
