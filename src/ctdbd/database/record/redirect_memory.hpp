// redirect_memory: the orphan detector of a location master (databases.md 12.1 #1b).
//
// A lmaster that redirects a request to X remembers it. If the same request comes back over X's own
// link while the header here still says X with the same rsn, X does not own the record: whatever
// made X owner was sent to X before the redirect on the same ordered link, and had X handed the
// record on, its REQ_DMASTER would have come here before the request did. Nobody owns it: a packet
// was lost.
//
// Requires: asked under the record's lock, with no DMASTER packet of the key waiting here (the
// engine's lines see to that). Bounded: the oldest are forgotten.
#pragma once

#include "common/async/runtime.hpp"
#include "common/base/ids.hpp"

#include <chrono>
#include <cstdint>
#include <deque>
#include <unordered_map>

namespace ctdb::ctdbd {

struct redirect {
    pnn originator;
    ctdb::reqid id;
    pnn via; // whose link brought the request this time
    pnn to;  // where the header sends it now
    ctdb::rsn rsn;
};

class redirect_memory {
public:
    static constexpr std::size_t remembered_max = 4096; // far more than requests under way at once
    static constexpr std::chrono::seconds remembered_for{30};

    // Remembers the redirect; true: it proves that nobody owns the record.
    [[nodiscard]] bool circles(const redirect& r, async::time_point now);
    void clear();
    [[nodiscard]] std::size_t size() const noexcept { return seen_.size(); }

private:
    struct past {
        pnn to;
        ctdb::rsn rsn;
        async::time_point when;
    };
    [[nodiscard]] static std::uint64_t name(const redirect& r) noexcept {
        return (std::uint64_t{r.originator.value} << 32U) | r.id.value;
    }
    void forget_old(async::time_point now);

    std::unordered_map<std::uint64_t, past> seen_;
    std::deque<std::pair<std::uint64_t, async::time_point>> order_;
};

} // namespace ctdb::ctdbd
