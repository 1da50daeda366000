#include "common/async/turn_watch.hpp"

#include "common/async/turn_part.hpp"
#include "common/base/log.hpp"

#include <algorithm>
#include <ctime>

namespace ctdb::async {

namespace {

constexpr turn_watch::duration read_again_after = std::chrono::milliseconds(1);
constexpr turn_watch::duration quiet = std::chrono::seconds(1); // between two lines

turn_watch::duration read_clock(clockid_t which) noexcept {
    timespec now{};
    clock_gettime(which, &now);
    return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

double milliseconds(turn_watch::duration time) noexcept {
    return std::chrono::duration<double, std::milli>(time).count();
}

} // namespace

turn_watch::clocks turn_watch::real_clocks() noexcept {
    clocks real{};
    real.wall = []() noexcept { return read_clock(CLOCK_MONOTONIC); };
    real.processor = []() noexcept { return read_clock(CLOCK_THREAD_CPUTIME_ID); };
    return real;
}

void turn_watch::begins() noexcept {
    running_ = true;
    turn_part::forget();
    began_ = clocks_.wall();
    if (began_ - read_at_ >= read_again_after) {
        read_at_ = began_;
        processor_ = clocks_.processor();
    }
}

void turn_watch::ends() {
    if (!running_) {
        return;
    }
    running_ = false;
    const duration took = clocks_.wall() - began_;
    if (took >= long_turn) {
        note({took, std::min(took, clocks_.processor() - processor_)});
    }
}

void turn_watch::note(turn ended) {
    ++long_turns_;
    if (ended.took > longest_.took) {
        longest_ = ended;
    }
    most_processor_ = std::max(most_processor_, ended.processor);
    if (ended.took >= very_long_turn || began_ - told_at_ >= quiet) {
        tell(ended);
    } else {
        ++untold_;
    }
}

void turn_watch::tell(turn ended) {
    const std::string part = turn_part::longest(ended.took / 4); // less explains nothing
    log(ended.took >= very_long_turn ? log_level::warning : log_level::info,
        "event loop: a turn took {:.0f} ms, {:.0f} ms of the processor{}{}; since the last such "
        "line {} more over {:.0f} ms",
        milliseconds(ended.took),
        milliseconds(ended.processor),
        part.empty() ? "" : ", ",
        part,
        untold_,
        milliseconds(long_turn));
    told_at_ = began_;
    untold_ = 0;
}

std::string turn_watch::report() const {
    return fmt::format(
        "event loop: {} turns over {:.0f} ms, the longest {:.1f} ms ({:.1f} ms of the processor); "
        "at most {:.1f} ms of the processor in one of them",
        long_turns_,
        milliseconds(long_turn),
        milliseconds(longest_.took),
        milliseconds(longest_.processor),
        milliseconds(most_processor_)
    );
}

} // namespace ctdb::async
