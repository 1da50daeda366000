// leader_chaos: one seed = one cluster, a number of random faults, then healing and the limits.
#pragma once

#include <cstdint>
#include <string>

namespace ctdb::simulation {

struct chaos_outcome {
    std::string problem;   // "" = all invariants held
    std::string described; // the cluster: "5 nodes, lock, ours"
    double settled_after_s = 0;
};

[[nodiscard]] chaos_outcome run_leader_chaos(std::uint64_t seed);

} // namespace ctdb::simulation
