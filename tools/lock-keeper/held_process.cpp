#include "held_process.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <ctime>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>

namespace ctdb::lock_keeper {

namespace {

constexpr int grace_ms = 500;
constexpr int kill_ms = 200;
constexpr int look_ms = 5;

// In the child: only what is safe between fork and exec.
[[noreturn]] void run(char* const* argv, int output, pid_t keeper) {
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    signal(SIGPIPE, SIG_DFL);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() == keeper && dup2(output, STDOUT_FILENO) >= 0) {
        execv(argv[0], argv);
        std::fprintf(stderr, "cluster lock: cannot run %s: %s\n", argv[0], std::strerror(errno));
    }
    _exit(127);
}

} // namespace

bool held_process::start(char* const* argv) {
    std::array<int, 2> ends{-1, -1};
    if (pipe2(ends.data(), O_CLOEXEC) != 0) {
        return false;
    }
    output_.reset(ends[0]);
    const unique_fd write_end(ends[1]);
    fcntl(output_.get(), F_SETFL, O_NONBLOCK);
    const pid_t keeper = getpid();
    pid_ = fork(); // the keeper is small and has one thread
    if (pid_ == 0) {
        run(argv, write_end.get(), keeper);
    }
    return pid_ > 0;
}

bool held_process::ended_within(int milliseconds) {
    for (int waited = 0; waited <= milliseconds; waited += look_ms) {
        if (waitpid(pid_, nullptr, WNOHANG) != 0) {
            pid_ = -1;
            return true;
        }
        const timespec pause{0, look_ms * 1000000L};
        nanosleep(&pause, nullptr);
    }
    return false;
}

void held_process::end() {
    if (pid_ <= 0) {
        return;
    }
    kill(pid_, SIGTERM);
    kill(pid_, SIGCONT); // a stopped program would not notice
    if (!ended_within(grace_ms)) {
        kill(pid_, SIGKILL);
        ended_within(kill_ms);
    }
    pid_ = -1;
}

} // namespace ctdb::lock_keeper
