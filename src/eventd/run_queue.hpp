// run_queue: which run of a component runs, which waits, which is cancelled. Pure.
//
// One run at a time. "Current" is the run that runs or, while the processes of an ended run are
// still being cleared away (settling), the first that waits.
//
//   state     | submit(monitor)          | submit(other)                       | ended()  |
//   settled()
//   ----------+--------------------------+-------------------------------------+----------+----------
//   idle      | start it                 | start it                            | -        | -
//   running   | current is monitor:      | current is monitor: cancel that,    | settling | -
//             | cancel that, wait        | wait; else wait                     |          |
//             | else refuse (cancelled)  |                                     |          |
//   settling  | as running; nobody       | as running                          | -        | start
//   the
//             | waits: wait              |                                     |          | first
//             or |                          |                                     |          | go
//             idle
//
// Q1 at most one run runs. Q2 at most one waiting run is a monitor, and then nobody else waits.
// Q3 others start in the order they came (upstream: events.md 1.4).
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>

namespace ctdb::eventd {

using run_id = std::uint64_t;

enum class event_kind : std::uint8_t { monitor, other };

class run_queue {
public:
    // One caller waits for each; upstream's busiest is 20 addresses at once.
    static constexpr std::size_t waiting_max = 1000;

    enum class answer : std::uint8_t { start, wait, refuse_cancelled, refuse_full };
    struct submission {
        answer what = answer::wait;
        std::optional<run_id> cancel_running; // kill it and call ended(), settled() in time
        std::optional<run_id> cancel_waiting; // it has been taken out
    };
    [[nodiscard]] submission submit(run_id id, event_kind kind);

    void ended();                                  // Requires: one runs
    [[nodiscard]] std::optional<run_id> settled(); // Requires: settling; the one to start now
    bool drop_waiting(run_id id);                  // its time is up; false: it does not wait

    [[nodiscard]] std::optional<run_id> running() const noexcept;
    [[nodiscard]] std::size_t waiting() const noexcept { return waiting_.size(); }
    [[nodiscard]] bool idle() const noexcept { return state_ == state::idle; }

private:
    struct entry {
        run_id id = 0;
        event_kind kind = event_kind::other;
    };
    enum class state : std::uint8_t { idle, running, settling };

    [[nodiscard]] const entry* current() const noexcept;
    state state_ = state::idle;
    entry running_;
    std::deque<entry> waiting_;
};

} // namespace ctdb::eventd
