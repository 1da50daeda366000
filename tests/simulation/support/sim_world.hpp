// sim_world: virtual time for many nodes. One step() is one event: a turn of deferred calls of one
// runtime, the timers of one runtime that are due, or whatever a source of events (the network)
// has next. Nothing happens between two steps, so a checker that looks after each sees every state.
//
// Same seed, same run. The world outlives its runtimes.
#pragma once

#include "common/async/runtime.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

namespace ctdb::simulation {

class sim_runtime;

// Something with events of its own: the network.
class event_source {
public:
    event_source() = default;
    event_source(const event_source&) = delete;
    event_source& operator=(const event_source&) = delete;
    virtual ~event_source() = default;
    [[nodiscard]] virtual std::optional<async::time_point> next_event() const = 0;
    virtual void perform_next() = 0; // Requires: next_event() has been reached
};

class sim_world {
public:
    explicit sim_world(std::uint64_t seed);
    sim_world(const sim_world&) = delete;
    sim_world& operator=(const sim_world&) = delete;

    [[nodiscard]] async::time_point now() const noexcept { return now_; }
    [[nodiscard]] std::uint64_t random() noexcept;
    [[nodiscard]] std::uint64_t below(std::uint64_t bound) noexcept; // 0 .. bound-1
    [[nodiscard]] bool chance(unsigned percent) noexcept { return below(100) < percent; }
    [[nodiscard]] std::chrono::microseconds
    between(std::chrono::microseconds least, std::chrono::microseconds most) noexcept;

    void add(event_source& source) { sources_.push_back(&source); }
    // Performs the next event; false: nothing is going to happen any more, ever or before `until`.
    bool step(async::time_point until = async::time_point::max());
    [[nodiscard]] std::uint64_t steps() const noexcept { return steps_; }
    // Whose turn it is, for the reader of a log; a receiver of packets says so itself.
    [[nodiscard]] const sim_runtime* turn_of() const noexcept { return turn_of_; }
    void begin_turn_of(const sim_runtime* runtime) noexcept { turn_of_ = runtime; }

private:
    friend class sim_runtime;
    bool run_ready();

    async::time_point now_{};
    std::uint64_t state_;
    std::uint64_t steps_ = 0;
    const sim_runtime* turn_of_ = nullptr;
    std::vector<sim_runtime*> runtimes_;
    std::vector<sim_runtime*> ready_; // have deferred calls, in the order they got them
    std::vector<event_source*> sources_;
};

class sim_runtime final : public async::runtime {
public:
    explicit sim_runtime(sim_world& world);
    sim_runtime(const sim_runtime&) = delete;
    sim_runtime& operator=(const sim_runtime&) = delete;
    ~sim_runtime() override;

    [[nodiscard]] async::time_point now() const noexcept override { return world_.now(); }
    [[nodiscard]] std::uint64_t random() override { return world_.random(); }

    void pause() { paused_ = true; } // SIGSTOP
    void resume();
    [[nodiscard]] bool paused() const noexcept { return paused_; }

protected:
    void deferred_added() override;

private:
    friend class sim_world;
    sim_world& world_;
    bool paused_ = false;
    bool ready_ = false;
};

} // namespace ctdb::simulation
