// monitor_rules: what the leader concludes from what the nodes say (cluster.md 5.1 rows 14-25,
// databases.md 6.2). Functions without state: survey in, findings out.
#pragma once

#include "common/protocol/types_membership.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace ctdb::ctdbd {

// One node's own words; what is missing it did not answer in time.
struct node_report {
    pnn node;
    std::optional<protocol::node_map> map;
    std::optional<protocol::capabilities> capabilities;
    std::optional<protocol::recovery_mode> mode;
    std::optional<protocol::vnn_map> vnn_map;
    [[nodiscard]] bool complete() const noexcept { return map && capabilities && mode && vnn_map; }
};

struct survey {
    pnn leader;
    protocol::node_map nodes;         // the leader's
    std::vector<node_report> reports; // of each connected node, the leader's own first
    [[nodiscard]] const node_report* of(pnn node) const;
};

// Puts each connected node's word about itself into `nodes` (only it knows) and says what has to be
// pushed to all: every node about which somebody thinks otherwise. Looked up by PNN (W42).
[[nodiscard]] std::vector<protocol::node_flag_change> reconcile_flags(survey& s);

enum class recovery_cause : std::uint8_t {
    unfinished, // the last one failed
    asked_for,  // a node's recovery mode is ACTIVE
    lock_not_held,
    other_node_list,
    membership, // the vnn map is not the active location masters
    other_vnn_map
};
struct recovery_need {
    recovery_cause cause = recovery_cause::asked_for;
    std::optional<pnn> culprit; // gets a credit
    std::string why;
    // Recoveries for equal reasons are limited in rate, others not (W50).
    [[nodiscard]] bool same_as(const recovery_need& other) const {
        return cause == other.cause && why == other.why;
    }
};
// First finding wins, in the order of 5.1. Nodes that did not answer are left out (W41).
[[nodiscard]] std::optional<recovery_need> need_of_recovery(const survey& s);

// The location masters as they should be: active nodes with the capability, else the leader alone
// (W44, W45).
[[nodiscard]] std::vector<pnn> expected_location_masters(const survey& s);

// Two nodes that the leader can talk to, but not they to each other (databases.md 12.1 #20).
struct mesh_gap {
    pnn a; // a < b
    pnn b;
    auto operator<=>(const mesh_gap&) const = default;
};
[[nodiscard]] std::vector<mesh_gap> mesh_gaps(const survey& s);
// Whom to leave out so that the others form a full mesh: most gaps first, then the higher number;
// never the leader.
[[nodiscard]] std::optional<pnn> mesh_victim(const std::vector<mesh_gap>& gaps, pnn leader);

} // namespace ctdb::ctdbd
