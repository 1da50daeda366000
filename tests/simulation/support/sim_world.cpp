#include "tests/simulation/support/sim_world.hpp"

#include "common/base/ensure.hpp"

#include <algorithm>

namespace ctdb::simulation {

sim_world::sim_world(std::uint64_t seed) : state_(seed * 0x9E3779B97F4A7C15U + 1) {
    now_ += std::chrono::hours(1); // time_point{} is "never" to some
}

// splitmix64: small, fast, and the same everywhere.
std::uint64_t sim_world::random() noexcept {
    std::uint64_t z = (state_ += 0x9E3779B97F4A7C15U);
    z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
    return z ^ (z >> 31U);
}

std::uint64_t sim_world::below(std::uint64_t bound) noexcept {
    return bound == 0 ? 0 : random() % bound;
}

std::chrono::microseconds
sim_world::between(std::chrono::microseconds least, std::chrono::microseconds most) noexcept {
    const auto span = static_cast<std::uint64_t>((most - least).count()) + 1;
    return least + std::chrono::microseconds(below(span));
}

bool sim_world::run_ready() {
    for (auto place = ready_.begin(); place != ready_.end(); ++place) {
        sim_runtime* rt = *place;
        if (rt->paused_) {
            continue;
        }
        ready_.erase(place);
        rt->ready_ = false;
        turn_of_ = rt;
        rt->run_deferred();
        return true;
    }
    return false;
}

bool sim_world::step(async::time_point until) {
    ++steps_;
    if (run_ready()) {
        return true;
    }
    auto first = async::time_point::max();
    sim_runtime* timers = nullptr;
    event_source* source = nullptr;
    for (sim_runtime* rt : runtimes_) {
        if (const auto at = rt->earliest_timer(); !rt->paused_ && at && *at < first) {
            first = *at;
            timers = rt;
        }
    }
    for (event_source* s : sources_) {
        if (const auto at = s->next_event(); at && *at < first) {
            first = *at;
            source = s;
            timers = nullptr;
        }
    }
    if (first > until || (timers == nullptr && source == nullptr)) {
        return false;
    }
    now_ = std::max(now_, first);
    turn_of_ = timers;
    if (source != nullptr) {
        source->perform_next();
    } else {
        timers->run_timers(now_);
    }
    return true;
}

sim_runtime::sim_runtime(sim_world& world) : world_(world) {
    world_.runtimes_.push_back(this);
}

sim_runtime::~sim_runtime() {
    std::erase(world_.runtimes_, this);
    std::erase(world_.ready_, this);
}

void sim_runtime::resume() {
    paused_ = false;
}

void sim_runtime::deferred_added() {
    if (!ready_) {
        ready_ = true;
        world_.ready_.push_back(this);
    }
}

} // namespace ctdb::simulation
