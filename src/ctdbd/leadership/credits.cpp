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

bool credits::add_failed_recovery(
    pnn node, async::time_point pass_began, async::time_point now, std::chrono::seconds grace_period
) {
    entry& e = counts_[node];
    if (e.count > 0 && e.last >= pass_began) {
        return false;
    }
    if (pass_began - e.last > grace_period) {
        e.count = 0;
    }
    ++e.count;
    e.last = now;
    return true;
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
