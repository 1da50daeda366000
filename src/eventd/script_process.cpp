#include "eventd/script_process.hpp"

#include "common/async/combinators.hpp"
#include "common/base/log.hpp"

#include <csignal>
#include <utility>

#include <signal.h>

namespace ctdb::eventd {

namespace {

constexpr std::chrono::milliseconds look_again{10};
constexpr std::size_t debug_lines_max = 200;

} // namespace

script_process::script_process(async::event_loop& loop, std::string name)
    : loop_(loop), name_(std::move(name)), end_(loop), drain_(loop, [this] {
          end_.set(script_end{script_end::how::exited, wait_status_.value_or(0)});
      }) {}

script_process::~script_process() = default;

result<std::unique_ptr<script_process>> script_process::start(
    async::event_loop& loop,
    const event::script& what,
    std::vector<std::string> arguments,
    environment added
) {
    std::unique_ptr<script_process> script(new script_process(loop, what.name));
    script_process* const self = script.get();
    async::child_options options;
    options.argv = std::move(arguments);
    options.argv.insert(options.argv.begin(), what.path);
    options.environment = std::move(added);
    options.output = async::child_options::output::capture;
    options.on_output = [self](byte_view piece) { self->output_.append(piece); };
    options.on_output_end = [self] {
        self->output_ended_ = true;
        if (self->wait_status_) {
            self->drain_.arm(self->loop_.now());
        }
    };
    options.on_exit = [self](int wait_status) { self->exited(wait_status); };
    auto child = async::child_process::start(loop, std::move(options));
    if (!child) {
        return pass(child);
    }
    script->child_ = std::move(*child);
    return script;
}

void script_process::exited(int wait_status) {
    wait_status_ = wait_status;
    drain_.arm(output_ended_ ? loop_.now() : loop_.now() + drain_time);
}

async::task<script_end> script_process::wait(async::time_point deadline) {
    async::timer late(loop_, [this] {
        // an exit that only waits for its last output is an exit
        const auto how = wait_status_ ? script_end::how::exited : script_end::how::timed_out;
        end_.set(script_end{how, wait_status_.value_or(0)});
    });
    late.arm(deadline);
    script_end ended = co_await end_.take();
    if (cancelled_) {
        ended.what = script_end::how::cancelled;
    }
    co_return ended;
}

void script_process::cancel() {
    cancelled_ = true;
    child_->kill_group(SIGKILL);
    end_.set(script_end{script_end::how::cancelled, 0});
}

bool script_process::group_alive() const noexcept {
    return child_->running() || ::kill(-child_->pid(), 0) == 0;
}

async::task<bool> script_process::wait_for_group(std::chrono::milliseconds patience) {
    const async::time_point limit = loop_.now() + patience;
    while (group_alive() && loop_.now() < limit) {
        co_await async::sleep_for(loop_, look_again);
    }
    co_return !group_alive();
}

async::task<bool> script_process::clear_away(debug_call debug) {
    if (!cancelled_) {
        if (!debug.path.empty() && child_->running()) {
            co_await run_debug_script(std::move(debug));
        }
        child_->kill_group(SIGTERM);
        const bool obeyed = co_await wait_for_group(term_patience);
        if (obeyed) {
            co_return true;
        }
        log_warning("script {} (pid {}) ignores SIGTERM: killing it", name_, child_->pid());
    }
    child_->kill_group(SIGKILL);
    const async::time_point limit = loop_.now() + kill_patience;
    while (!gone() && loop_.now() < limit) { // what else is in the group dies as surely
        co_await async::sleep_for(loop_, look_again);
    }
    co_return gone();
}

async::task<void> script_process::run_debug_script(debug_call debug) {
    script_output output;
    async::slot<bool> ended(loop_);
    async::child_options options;
    options.argv = {debug.path, std::to_string(child_->pid()), debug.event};
    options.output = async::child_options::output::capture;
    options.on_output = [&output](byte_view piece) { output.append(piece); };
    options.on_output_end = [&ended] { ended.set(true); };
    options.on_exit = [](int) {};
    async::timer late(loop_, [&ended] { ended.set(false); });
    late.arm_in(debug.limit);
    auto child = async::child_process::start(loop_, std::move(options));
    if (!child) {
        log_error("debug script {}: {}", debug.path, child.error().what);
        co_return;
    }
    const bool in_time = co_await ended.take();
    for (const std::string& line : log_lines(output.text(), debug_lines_max)) {
        log_error("event_debug: {}", line);
    }
    if (!in_time) {
        log_error(
            "debug script {} for event {} takes more than {} ms: killing it",
            debug.path,
            debug.event,
            debug.limit.count()
        );
        (*child)->kill_group(SIGKILL);
    }
}

} // namespace ctdb::eventd
