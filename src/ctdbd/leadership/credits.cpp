#include "ctdbd/leadership/credits.hpp"

namespace ctdb::ctdbd {

void credits::add(
    pnn node, std::uint32_t amount, async::time_point now, std::chrono::seconds grace_period
) {
    entry& e = counts_[node];
    if (now - e.last > grace_period) {
        e.count = 0;
    }
    e.count += amount;
    e.last = now;
}

std::vector<pnn> credits::take_offenders(std::uint32_t limit) {
    std::vector<pnn> offenders;
    for (auto& [node, e] : counts_) {
        if (e.count >= limit) {
            offenders.push_back(node);
            e.count = 0;
        }
    }
    return offenders;
}

std::uint32_t credits::count(pnn node) const {
    const auto found = counts_.find(node);
    return found == counts_.end() ? 0 : found->second.count;
}

} // namespace ctdb::ctdbd
