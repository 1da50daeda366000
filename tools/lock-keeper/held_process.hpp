// held_process: the lock program as a child with its answers on a pipe.
//
// It starts with default signals, an empty mask and a parent-death signal, so that nothing that
// happens to the keeper leaves a lock behind (W12, W13).
#pragma once

#include "common/base/unique_fd.hpp"

#include <sys/types.h>

namespace ctdb::lock_keeper {

class held_process {
public:
    // argv[0] is executed without a PATH search; the array ends in nullptr. False: errno says why.
    bool start(char* const* argv);
    held_process() = default;
    held_process(const held_process&) = delete;
    held_process& operator=(const held_process&) = delete;
    ~held_process() { end(); }

    [[nodiscard]] int output() const noexcept { return output_.get(); }
    // SIGTERM, half a second later SIGKILL; returns when it has ended, or when even that takes
    // too long (a program stuck in the kernel dies as soon as it gets out).
    void end();

private:
    bool ended_within(int milliseconds);
    pid_t pid_ = -1;
    unique_fd output_;
};

} // namespace ctdb::lock_keeper
