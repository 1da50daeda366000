// crew: many client processes that begin together and count what they have done, as smbds are.
//
//   run_crew(100, 5 s, [](worker& me) -> result<> { ...; me.add(begun, ended) ... })
//
// Each process runs the job with its own worker: first whatever it needs (connections), then
// wait_for_start(), then its work until over(). Times go into memory shared with the parent. The
// job must be able to end within a minute of the end. Call it before anything that does not survive
// a fork: event loops, connections.
#pragma once

#include "common/base/result.hpp"
#include "times.hpp"

#include <functional>

namespace ctdb::bench {

struct crew_board; // the shared memory

class worker {
public:
    worker(crew_board& board, unsigned index, unsigned count)
        : board_(board), index_(index), count_(count) {}

    [[nodiscard]] unsigned index() const noexcept { return index_; } // from 0
    [[nodiscard]] unsigned count() const noexcept { return count_; }
    // Sleeps until all are ready; a second of warm-up, in which nothing counts, follows.
    [[nodiscard]] result<> wait_for_start();
    [[nodiscard]] bool over() const;
    // Counts what has begun and ended between the end of the warm-up and the end; `moved`: what was
    // worked on came from another node.
    void add(async::time_point begun, async::time_point ended, bool moved);

private:
    crew_board& board_;
    unsigned index_;
    unsigned count_;
};

struct crew_figures {
    times steps;
    std::uint64_t moves = 0;
};

// Those of all. An error: of the system, or that a process failed, which has said why on stderr.
[[nodiscard]] result<crew_figures> run_crew(
    unsigned count, std::chrono::seconds how_long, const std::function<result<>(worker&)>& job
);

} // namespace ctdb::bench
