// recovery_pace: how soon a recovery may follow another (W50). A pure core.
//
// Another cause goes at once. The same cause again, and a failed attempt, wait 0.5 s, 1 s, 2 s...
// up to RerecoveryTimeout; a quiet RerecoveryTimeout forgets.
#pragma once

#include "common/async/runtime.hpp"
#include "ctdbd/leadership/monitor_rules.hpp"

#include <optional>

namespace ctdb::ctdbd {

class recovery_pace {
public:
    static constexpr std::chrono::milliseconds first_wait{500};

    void set_limit(std::chrono::seconds rerecovery_timeout) { limit_ = rerecovery_timeout; }
    [[nodiscard]] bool may_start(const recovery_need& need, async::time_point now) const {
        return now >= earliest(need);
    }
    [[nodiscard]] async::time_point earliest(const recovery_need& need) const;
    void finished(const recovery_need& need, bool success, async::time_point now);

private:
    std::chrono::seconds limit_{10};
    std::optional<recovery_need> last_;
    async::time_point ended_{};
    std::uint32_t repeats_ = 0;
};

} // namespace ctdb::ctdbd
