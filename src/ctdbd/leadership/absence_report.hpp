// absence_report: when the leader says again that nodes are missing (cluster.md 4.10): after a
// minute, each minute for ten, every ten minutes up to an hour, then hourly; and when all are back.
// A pure core.
#pragma once

#include "common/async/runtime.hpp"

#include <cstdint>
#include <optional>

namespace ctdb::ctdbd {

enum class absence_step : std::uint8_t { nothing, say_missing, say_complete };

class absence_report {
public:
    [[nodiscard]] absence_step look(bool all_here, async::time_point now);
    void clear() { since_.reset(); }
    [[nodiscard]] std::chrono::minutes missing_for(async::time_point now) const;

private:
    std::optional<async::time_point> since_;
    async::time_point next_{};
    bool said_ = false;
};

} // namespace ctdb::ctdbd
