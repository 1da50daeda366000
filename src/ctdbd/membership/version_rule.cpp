#include "ctdbd/membership/version_rule.hpp"

namespace ctdb::ctdbd {

void version_rule::connected(pnn node, async::time_point now) {
    peers_[node] = peer{now, false, std::nullopt};
}

void version_rule::set_ours(pnn node, bool ours) {
    if (const auto found = peers_.find(node); found != peers_.end()) {
        found->second.ours = ours;
    }
}

version_verdict version_rule::received(
    pnn node, const std::optional<announced_version>& theirs, std::uint32_t own_uptime_seconds
) {
    if (const auto found = peers_.find(node); found != peers_.end() && theirs) {
        found->second.version = theirs->version;
    }
    if (settings_.allow_mixed) {
        return version_verdict::fine;
    }
    if (!theirs) {
        return settings_.strict ? version_verdict::shut_down : version_verdict::differs;
    }
    if (theirs->version == settings_.own) {
        return version_verdict::fine;
    }
    if (!settings_.strict) {
        return version_verdict::differs;
    }
    const bool they_are_older = theirs->uptime_seconds > own_uptime_seconds;
    const bool they_win_the_tie =
        theirs->uptime_seconds == own_uptime_seconds && theirs->version > settings_.own;
    return they_are_older || they_win_the_tie ? version_verdict::shut_down
                                              : version_verdict::differs;
}

std::optional<std::uint32_t> version_rule::to_announce(pnn node, async::time_point now) const {
    if (settings_.strict) {
        return settings_.own;
    }
    const auto found = peers_.find(node);
    if (found == peers_.end()) {
        return without_example();
    }
    const peer& p = found->second;
    if (p.version && !p.ours) {
        return p.version;
    }
    if (p.ours || now - p.since >= wait_for_peer) {
        return without_example();
    }
    return std::nullopt;
}

// What an upstream peer announces, else our own: so our nodes agree on what they follow.
std::uint32_t version_rule::without_example() const {
    for (const auto& [node, p] : peers_) {
        if (p.version && !p.ours) {
            return *p.version;
        }
    }
    return settings_.own;
}

} // namespace ctdb::ctdbd
