#include "ctdbd/daemon/companions.hpp"

#include "common/base/log.hpp"
#include "common/logging/line_splitter.hpp"

#include <algorithm>
#include <csignal>

#include <sys/wait.h>

namespace ctdb::ctdbd {

namespace {

using namespace std::chrono_literals;

constexpr async::duration pause_min = 1s;
constexpr async::duration pause_max = 60s;
constexpr async::duration good_run = 60s;

std::string how_it_ended(int status) {
    if (WIFEXITED(status)) {
        return fmt::format("exited with {}", WEXITSTATUS(status));
    }
    return fmt::format("killed by signal {}", WTERMSIG(status));
}

} // namespace

struct companions::companion {
    companion(async::event_loop& loop, std::function<void()> again)
        : retry(loop, std::move(again)) {}
    std::string name;
    std::vector<std::string> argv;
    std::unique_ptr<async::child_process> process;
    std::unique_ptr<logging::line_splitter> output;
    async::time_point started;
    async::duration pause = pause_min;
    bool stopping = false;
    async::timer retry;
};

companions::companions(async::event_loop& loop) : loop_(loop), ended_(loop) {}

companions::~companions() = default;

void companions::start(const std::string& name, std::vector<std::string> argv) {
    companion* added = nullptr;
    auto made =
        std::make_unique<companion>(loop_, [this, &all = all_, name] { launch(*all.at(name)); });
    added = made.get();
    added->name = name;
    added->argv = std::move(argv);
    all_[name] = std::move(made);
    launch(*added);
}

void companions::launch(companion& c) {
    c.output = std::make_unique<logging::line_splitter>([name = c.name](std::string_view line) {
        log_notice("{}: {}", name, line);
    });
    companion* self = &c;
    async::child_options options;
    options.argv = c.argv;
    options.output = async::child_options::output::capture;
    options.on_output = [self](byte_view piece) { self->output->feed(text_of(piece)); };
    options.on_exit = [this, self](int status) { ended(*self, status); };
    c.started = loop_.now();
    auto started = async::child_process::start(loop_, std::move(options));
    if (!started) {
        log_error("{}: {}; trying again", c.name, started.error().what);
        c.retry.arm_in(c.pause);
        c.pause = std::min(c.pause * 2, pause_max);
        return;
    }
    c.process = std::move(*started);
    log_info("{} started, pid {}", c.name, c.process->pid());
}

void companions::ended(companion& c, int status) {
    c.output->finish();
    if (c.stopping) {
        log_info("{} {}", c.name, how_it_ended(status));
        ended_.notify();
        return;
    }
    if (loop_.now() - c.started > good_run) {
        c.pause = pause_min;
    }
    log_error(
        "{} {}; starting it again in {} s",
        c.name,
        how_it_ended(status),
        std::chrono::duration_cast<std::chrono::seconds>(c.pause).count()
    );
    c.retry.arm_in(c.pause);
    c.pause = std::min(c.pause * 2, pause_max);
}

void companions::signal_all(int signal_number) {
    for (const auto& [name, c] : all_) {
        if (c->process) {
            c->process->kill(signal_number);
        }
    }
}

bool companions::any_running(const std::vector<std::string>& names) const {
    return std::any_of(names.begin(), names.end(), [this](const std::string& name) {
        const auto found = all_.find(name);
        return found != all_.end() && found->second->process && found->second->process->running();
    });
}

async::task<> companions::stop(std::vector<std::string> names, async::time_point deadline) {
    for (const std::string& name : names) {
        const auto found = all_.find(name);
        if (found != all_.end()) {
            found->second->stopping = true;
            found->second->retry.cancel();
            if (found->second->process) {
                found->second->process->kill(SIGTERM);
            }
        }
    }
    async::timer limit(loop_, [this] { ended_.notify(); });
    limit.arm(deadline);
    while (any_running(names) && loop_.now() < deadline) {
        co_await ended_.wait();
    }
    for (const std::string& name : names) {
        const auto found = all_.find(name);
        if (found != all_.end() && found->second->process && found->second->process->running()) {
            log_warning("{} does not end, killed", name);
        }
        all_.erase(name); // kills and reaps what is left
    }
}

} // namespace ctdb::ctdbd
