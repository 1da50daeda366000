// credits: who failed how often in one recovery (databases.md 6.4, 12.1 #19). Pure.
#pragma once

#include "common/base/ids.hpp"

#include <map>
#include <vector>

namespace ctdb::ctdbd {

class credit_table {
public:
    static constexpr std::uint32_t limit = 3; // so many and the node may be banned

    void add(pnn node) { ++credits_[node]; }
    [[nodiscard]] const std::map<pnn, std::uint32_t>& all() const noexcept { return credits_; }
    // Nodes at or over the limit, most credits first, node order among equals.
    [[nodiscard]] std::vector<pnn> over_limit() const;

private:
    std::map<pnn, std::uint32_t> credits_;
};

} // namespace ctdb::ctdbd
