// sticky_records: keys that requests had to chase for too long, for a while (databases.md 2.10).
//
// Bounded: once full, expired ones go, then new ones are not taken.
#pragma once

#include "common/async/runtime.hpp"
#include "ctdbd/database/record/parking.hpp"

#include <map>

namespace ctdb::ctdbd {

class sticky_records {
public:
    static constexpr std::size_t keys_max = 10'000;

    // True if it was not sticky before.
    bool make_sticky(byte_view key, async::time_point now, async::duration duration);
    [[nodiscard]] bool is_sticky(byte_view key, async::time_point now) const;
    [[nodiscard]] std::size_t size() const noexcept { return until_.size(); }

private:
    std::map<bytes, async::time_point, key_order> until_;
};

} // namespace ctdb::ctdbd
