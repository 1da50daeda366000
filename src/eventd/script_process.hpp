// script_process: one script from its start until nothing of it is left running.
//
// start(), then wait() once; after anything but `exited`, clear_away() before the next script of
// the component. Output is collected until the pipe is closed or, after the script's exit, for
// another 100 ms: what a background process prints later is lost. Destroying it kills the process
// group (SIGKILL). The environment and the arguments are the caller's.
#pragma once

#include "common/async/child_process.hpp"
#include "common/async/slot.hpp"
#include "common/async/task.hpp"
#include "common/event/script_dir.hpp"
#include "eventd/script_output.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace ctdb::eventd {

struct script_end {
    enum class how : std::uint8_t { exited, timed_out, cancelled } what = how::exited;
    int wait_status = 0; // of exited
};

struct debug_call {
    std::string path; // "" = none; called as PATH PID EVENT
    std::string event;
    std::chrono::milliseconds limit{10'000};
};

class script_process {
public:
    static constexpr std::chrono::milliseconds drain_time{100};
    static constexpr std::chrono::milliseconds term_patience{2000};
    static constexpr std::chrono::milliseconds kill_patience{1000};

    using environment = std::vector<std::pair<std::string, std::string>>;

    static result<std::unique_ptr<script_process>> start(
        async::event_loop& loop,
        const event::script& what,
        std::vector<std::string> arguments,
        environment added
    );
    script_process(const script_process&) = delete;
    script_process& operator=(const script_process&) = delete;
    ~script_process();

    [[nodiscard]] async::task<script_end> wait(async::time_point deadline);
    void cancel(); // kills at once and ends wait()

    // After timed_out: debug script, TERM, KILL. After cancelled: waits for the end. False: it
    // survives even KILL (it hangs in the kernel); keep the object until gone().
    [[nodiscard]] async::task<bool> clear_away(debug_call debug);

    [[nodiscard]] pid_t pid() const noexcept { return child_->pid(); }
    [[nodiscard]] bool gone() const noexcept { return !child_->running(); }
    [[nodiscard]] std::string output() const { return output_.text(); }

private:
    explicit script_process(async::event_loop& loop, std::string name);
    void exited(int wait_status);
    [[nodiscard]] bool group_alive() const noexcept;
    [[nodiscard]] async::task<bool> wait_for_group(std::chrono::milliseconds patience);
    [[nodiscard]] async::task<void> run_debug_script(debug_call debug);

    async::event_loop& loop_;
    std::string name_;
    script_output output_;
    bool output_ended_ = false;
    bool cancelled_ = false;
    std::optional<int> wait_status_;
    async::slot<script_end> end_;
    async::timer drain_;
    std::unique_ptr<async::child_process> child_;
};

} // namespace ctdb::eventd
