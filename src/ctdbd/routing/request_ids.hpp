// request_ids: request ids that no outstanding request of this node uses (wire-protocol.md 1.7).
#pragma once

#include "common/base/ids.hpp"

#include <unordered_set>

namespace ctdb::ctdbd {

class request_ids {
public:
    // `seed` only spreads the first ids, so that answers to an earlier life of the daemon are
    // strangers.
    explicit request_ids(std::uint64_t seed) noexcept
        : last_(static_cast<std::uint32_t>(seed) & largest) {}

    [[nodiscard]] reqid allocate() {
        do {
            last_ = last_ >= largest ? 1 : last_ + 1;
        } while (!used_.insert(reqid{last_}).second);
        return reqid{last_};
    }
    void release(reqid id) { used_.erase(id); }

private:
    static constexpr std::uint32_t largest = 0x7FFFFFFF; // upstream's ids are 31 bits wide
    std::uint32_t last_;
    std::unordered_set<reqid> used_;
};

} // namespace ctdb::ctdbd
