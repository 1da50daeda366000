#include "ctdbd/recovery/credits.hpp"

#include <algorithm>

namespace ctdb::ctdbd {

std::vector<pnn> credit_table::over_limit() const {
    std::vector<pnn> nodes;
    for (const auto& [node, credits] : credits_) {
        if (credits >= limit) {
            nodes.push_back(node);
        }
    }
    std::stable_sort(nodes.begin(), nodes.end(), [this](pnn a, pnn b) {
        return credits_.at(a) > credits_.at(b);
    });
    return nodes;
}

} // namespace ctdb::ctdbd
