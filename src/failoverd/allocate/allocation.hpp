// Who gets which public address: upstream's three algorithms with upstream's ties (failover.md 4).
// Pure.
//
// Results equal upstream's to the last tie; LCP2 keeps its sums in a matrix, so that a thousand
// addresses take milliseconds. Node numbers run from 0 to nodes - 1.
#pragma once

#include "common/base/ids.hpp"
#include "common/protocol/sock_addr.hpp"

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace ctdb::failoverd {

enum class allocation_algorithm : std::uint32_t {
    deterministic = 0,
    nondeterministic = 1,
    lcp2 = 2
};

struct address_input {
    protocol::sock_addr address;
    pnn holder = unknown_pnn;   // claimed by
    std::set<pnn> available_on; // nodes that could host it
};

struct allocation_input {
    std::uint32_t nodes = 0; // size of the node map, deleted ones included
    std::vector<address_input> addresses;
    allocation_algorithm algorithm = allocation_algorithm::lcp2;
    bool no_takeover = false;                // NoIPTakeover
    bool no_failback = false;                // NoIPFailback
    std::set<pnn> rebalance;                 // force
    std::map<protocol::sock_addr, pnn> home; // home_nodes, deterministic only
};

struct allocated {
    protocol::sock_addr address;
    pnn holder = unknown_pnn; // unknown_pnn: nobody
    bool operator==(const allocated&) const = default;
};

// In upstream's order: by address, descending.
[[nodiscard]] std::vector<allocated> allocate(const allocation_input& input);

} // namespace ctdb::failoverd
