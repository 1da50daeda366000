// child_process: starts a program (posix_spawn, never a plain fork), reads its output, reports its
// exit.
//
// Ownership: destroying it kills the whole process group with SIGKILL and reaps the child; nothing
// is called back after that. The child gets only descriptors 0, 1 and 2 (and those in `pass`),
// default signal dispositions, an empty signal mask and its own process group.
#pragma once

#include "common/async/fd_watch.hpp"
#include "common/base/bytes.hpp"
#include "common/base/result.hpp"

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <sys/types.h>

namespace ctdb::async {

struct passed_fd {
    int ours = -1;     // borrowed for the duration of start()
    int in_child = -1; // 3 or above
};

struct child_options {
    std::vector<std::string> argv; // argv[0] is executed without a PATH search
    std::vector<std::pair<std::string, std::string>> environment; // added to our own environment
    std::vector<passed_fd> pass;
    enum class output : std::uint8_t {
        inherit,        // 1 and 2 as ours
        capture,        // 1 and 2 both to on_output
        capture_stdout, // 1 to on_output, 2 as ours
    } output = output::inherit;
    std::function<void(byte_view)> on_output; // pieces as they come
    std::function<void()> on_output_end;      // all writers have closed the pipe; optional
    std::function<void(int wait_status)>
        on_exit; // status as of waitpid(2); output may still follow it
};

class child_process {
public:
    // EACCES, ENOENT ...: the program cannot be executed.
    static result<std::unique_ptr<child_process>> start(event_loop& loop, child_options options);
    child_process(const child_process&) = delete;
    child_process& operator=(const child_process&) = delete;
    ~child_process();

    [[nodiscard]] pid_t pid() const noexcept { return pid_; }
    [[nodiscard]] bool running() const noexcept { return !exited_; }
    void kill(int signal_number) const;       // the process alone
    void kill_group(int signal_number) const; // and what it started

private:
    child_process() = default;
    void reap();
    void read_output();

    child_options options_;
    pid_t pid_ = -1;
    bool exited_ = false;
    unique_fd pid_fd_;
    unique_fd output_;
    std::unique_ptr<fd_watch> exit_watch_;
    std::unique_ptr<fd_watch> output_watch_;
};

} // namespace ctdb::async
