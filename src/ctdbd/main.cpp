// ctdbd: command line, configuration, log, background; then ctdbd_daemon.
#include "common/base/log.hpp"
#include "common/cmdline/parse.hpp"
#include "common/daemon/service_manager.hpp"
#include "ctdbd/daemon/ctdbd_daemon.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include <fcntl.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

using namespace ctdb;

const cmdline::program& table() {
    using cmdline::argument;
    static const cmdline::program program{
        "ctdbd",
        cmdline::style::daemon,
        {{"",
          {{"interactive", "interactive", 'i', argument::none, "", "don't fork, log to stderr"},
           {"no-companions",
            "no-companions",
            '\0',
            argument::none,
            "",
            "start ctdbd alone; eventd, serviced, failoverd and contrackd are somebody else's"}},
          1},
         cmdline::help_and_usage()},
        {}};
    return program;
}

// The end of the way up is reported to the process that the caller waits for: one byte when ready,
// nothing but the end of the pipe if we die before.
class background {
public:
    // In the child: true. In the parent: does not return.
    bool enter(bool new_session) {
        std::array<int, 2> fds{};
        if (pipe2(fds.data(), O_CLOEXEC) != 0) {
            return false;
        }
        const pid_t child = fork();
        if (child < 0) {
            return false;
        }
        if (child > 0) {
            ::close(fds[1]);
            wait_for(child, fds[0]);
        }
        ::close(fds[0]);
        ready_.reset(fds[1]);
        if (new_session) {
            setsid();
            const unique_fd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
            dup2(null.get(), STDIN_FILENO);
            dup2(null.get(), STDOUT_FILENO);
        }
        return true;
    }
    void ready() {
        const char byte = 0;
        if (::write(ready_.get(), &byte, 1) != 1) {
            log_warning("whoever started ctdbd is not told: {}", std::strerror(errno));
        }
        ready_.reset();
    }

private:
    [[noreturn]] static void wait_for(pid_t child, int pipe) {
        char byte = 0;
        ssize_t got = 0;
        do {
            got = ::read(pipe, &byte, 1);
        } while (got < 0 && errno == EINTR);
        if (got == 1) {
            _exit(0);
        }
        int status = 0;
        waitpid(child, &status, 0);
        _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
    }
    unique_fd ready_;
};

void take_real_time() {
    sched_param parameters{};
    parameters.sched_priority = 1;
    if (sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &parameters) != 0) {
        log_warning("no real-time priority: set [legacy] realtime scheduling = false to do without"
        );
    }
}

// Two sockets for each process of Samba, which has one for each connection of a client
// (samba-client.md 1): the usual 1024 would end at 500 users. No more than upstream's unit gives.
void allow_many_descriptors() {
    constexpr rlim_t wanted = 1048576;
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted) {
        return;
    }
    limit.rlim_cur = std::min(limit.rlim_max, wanted);
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) {
        log_warning("open files stay limited: {}", std::strerror(errno));
    }
}

void set_up_environment(
    const conf::config& settings, const logging::logger& log, bool interactive
) {
    ::setenv("CTDB_BASE", settings.where().etc.c_str(), 0); // scripts rely on it
    for (const auto& [name, value] : log.child_environment()) {
        ::setenv(name.c_str(), value.c_str(), 1);
    }
    if (interactive) {
        ::setenv("CTDB_INTERACTIVE", "true", 1);
    }
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGUSR1, SIG_IGN);
}

int start(const cmdline::parsed_options& options) {
    const path::paths where = path::process_paths();
    auto settings = conf::load_for_daemon(where);
    if (!settings) {
        log_error("{}", settings.error().what);
        return ctdbd::exit_failed;
    }
    const bool interactive = options.has("interactive");
    const std::string location = interactive ? "file:" : settings->get(conf::options::log_location);
    auto log = logging::setup({location, settings->level(), "ctdbd", where.log_host()});
    if (!log) {
        log_error("{}", log.error().what);
        return ctdbd::exit_failed;
    }
    if (!where.test_mode && !interactive) {
        logging::announce_location("ctdbd", location);
    }
    background behind;
    if (!interactive && !behind.enter(!where.test_mode)) {
        log_error("cannot go into the background");
        return ctdbd::exit_failed;
    }
    set_up_environment(*settings, **log, interactive);
    allow_many_descriptors();
    if (!where.test_mode && settings->get(conf::options::realtime_scheduling)) {
        take_real_time();
    }
    ctdbd::daemon_options daemon;
    daemon.interactive = interactive;
    daemon.start_companions =
        !options.has("no-companions") && !ctdb::daemon::under_service_manager();
    if (!interactive) {
        daemon.ready = [&behind] { behind.ready(); };
    }
    ctdbd::ctdbd_daemon process(std::move(*settings), **log, daemon);
    return process.run();
}

} // namespace

int main(int argc, char** argv) {
    const auto invoked = cmdline::interpret(table(), cmdline::arguments_of(argc, argv));
    if (!invoked) {
        return cmdline::leave(invoked.error());
    }
    return start(invoked->options);
}
