// version_rule: which version number a keepalive announces to whom, and what a peer's number means
// (cluster.md 2.6). A pure core.
//
// Upstream shuts the younger of two nodes with different versions down, so we announce to a peer
// what it announces itself: the first keepalive to it waits for its first one, 10 s at most. Strict
// (CTDB_TEST_SAMBA_VERSION): announce that number and obey upstream's rule.
#pragma once

#include "common/async/runtime.hpp"
#include "common/base/ids.hpp"

#include <cstdint>
#include <map>
#include <optional>

namespace ctdb::ctdbd {

struct version_settings {
    std::uint32_t own = 0;    // announced where there is nobody to follow
    bool strict = false;      // CTDB_TEST_SAMBA_VERSION is set, or configured so
    bool allow_mixed = false; // AllowMixedVersions
};

enum class version_verdict : std::uint8_t {
    fine,
    differs,  // log it; not ours to act on
    shut_down // strict: the younger daemon leaves (sequence 1.5, exit code 0)
};

// As in a keepalive packet; nothing: a packet of bare header length.
struct announced_version {
    std::uint32_t version = 0;
    std::uint32_t uptime_seconds = 0;
};

class version_rule {
public:
    static constexpr std::chrono::seconds wait_for_peer{10};

    explicit version_rule(version_settings settings) : settings_(settings) {}
    void set_allow_mixed(bool allowed) { settings_.allow_mixed = allowed; }

    void connected(pnn node, async::time_point now);
    void lost(pnn node) { peers_.erase(node); }
    void set_ours(pnn node, bool ours);
    [[nodiscard]] version_verdict received(
        pnn node, const std::optional<announced_version>& theirs, std::uint32_t own_uptime_seconds
    );
    // What to put into a keepalive to this node; nothing: do not send one yet.
    [[nodiscard]] std::optional<std::uint32_t> to_announce(pnn node, async::time_point now) const;

private:
    struct peer {
        async::time_point since;
        bool ours = false;
        std::optional<std::uint32_t> version;
    };
    [[nodiscard]] std::uint32_t without_example() const;
    version_settings settings_;
    std::map<pnn, peer> peers_;
};

} // namespace ctdb::ctdbd
