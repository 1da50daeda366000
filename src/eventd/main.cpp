// ctdb-eventd: runs event scripts. Started by ctdbd (-P its pid, -S a descriptor that gets four
// zero bytes once the socket answers), by a service manager, or by hand.
#include "common/async/event_loop.hpp"
#include "common/async/signal_watch.hpp"
#include "common/base/log.hpp"
#include "common/cmdline/parse.hpp"
#include "common/conf/config.hpp"
#include "common/daemon/pid_file.hpp"
#include "common/daemon/process_watch.hpp"
#include "common/daemon/service_manager.hpp"
#include "common/logging/logging.hpp"
#include "common/path/paths.hpp"
#include "eventd/server.hpp"

#include <csignal>
#include <cstdlib>
#include <optional>
#include <thread>

#include <fcntl.h>
#include <signal.h>

namespace {

using namespace ctdb;
using namespace std::chrono_literals;

const cmdline::program& table() {
    using cmdline::argument;
    static const cmdline::program program{
        "ctdb-eventd",
        cmdline::style::daemon,
        {{"",
          {{"pid", "pid", 'P', argument::integer, "PID", "pid to wait for"},
           {"startup-fd",
            "startup-fd",
            'S',
            argument::integer,
            "FD",
            "file descriptor to notify of successful start"}},
          1},
         cmdline::help_and_usage()},
        {}};
    return program;
}

std::string debug_script_of(const conf::config& settings) {
    const std::string name = settings.get(conf::options::event_debug_script);
    if (name.empty()) {
        return {};
    }
    return name.front() == '/' ? name : path::join(settings.where().etc, name);
}

logging::log_setup log_setup_of(const conf::config& settings) {
    const bool interactive = std::getenv("CTDB_INTERACTIVE") != nullptr; // NOLINT
    return logging::log_setup{
        interactive ? "file:" : settings.get(conf::options::log_location),
        settings.level(),
        "ctdb-eventd",
        settings.where().log_host()};
}

// An earlier eventd may not have noticed yet that its ctdbd is gone.
result<std::unique_ptr<daemon::pid_file>> take_pid_file(const std::string& path, bool patiently) {
    auto held = daemon::pid_file::create(path);
    for (int i = 0; !held && held.error().code == EEXIST && patiently && i < 80; ++i) {
        std::this_thread::sleep_for(100ms);
        held = daemon::pid_file::create(path);
    }
    return held;
}

class eventd_process {
public:
    eventd_process(
        conf::config settings, logging::logger& logger, std::unique_ptr<daemon::pid_file> place
    )
        : settings_(std::move(settings)), logger_(logger), place_(std::move(place)),
          hangup_(loop_, SIGHUP, [this] { reopen_log(); }),
          reload_(loop_, SIGUSR1, [this] { reload(); }),
          terminate_(loop_, SIGTERM, [this] { stop("SIGTERM"); }),
          interrupt_(loop_, SIGINT, [this] { stop("SIGINT"); }),
          linger_(loop_, [this] { look_whether_needed(); }) {}

    result<> start(std::optional<int> parent) {
        auto server = eventd::server::start(loop_, settings_.where(), debug_script_of(settings_));
        if (!server) {
            return pass(server);
        }
        server_ = std::move(*server);
        if (parent) {
            const pid_t pid = *parent;
            auto watch =
                daemon::process_watch::start(loop_, pid, [this, pid] { parent_gone(pid); });
            if (!watch) {
                return pass(watch);
            }
            parent_ = std::move(*watch);
        }
        return {};
    }
    void run() { loop_.run(); }

private:
    static constexpr std::chrono::seconds linger_min{2};
    static constexpr std::chrono::seconds linger_max{310}; // the default shutdown timeout and some

    void reopen_log() {
        if (const auto done = logger_.reopen(); !done) {
            log_error("reopening the log: {}", done.error().what);
        }
    }
    void reload() {
        auto loaded = conf::load_for_daemon(settings_.where());
        if (!loaded) {
            log_error("configuration not reloaded: {}", loaded.error().what);
            return;
        }
        settings_ = std::move(*loaded);
        set_log_level(settings_.level());
        server_->set_debug_script(debug_script_of(settings_));
        log_notice("configuration reloaded");
    }
    void stop(std::string_view why) {
        log_notice("Shutting down: {}", why);
        daemon::tell_service_manager("STOPPING=1");
        loop_.stop();
    }
    void parent_gone(pid_t pid) {
        log_notice("PID {} gone away, exiting", pid);
        server_->give_up_place();
        place_.reset();
        gone_since_ = loop_.now();
        look_whether_needed();
    }
    // The other daemons stop services and release addresses through us; a new ctdbd starts another
    // eventd meanwhile.
    void look_whether_needed() {
        const auto since = loop_.now() - gone_since_;
        if ((since >= linger_min && !server_->in_use()) || since >= linger_max) {
            stop("ctdbd is gone");
            return;
        }
        linger_.arm_in(100ms);
    }

    async::event_loop loop_;
    conf::config settings_;
    logging::logger& logger_;
    std::unique_ptr<daemon::pid_file> place_;
    async::signal_watch hangup_;
    async::signal_watch reload_;
    async::signal_watch terminate_;
    async::signal_watch interrupt_;
    async::timer linger_;
    async::time_point gone_since_;
    std::unique_ptr<eventd::server> server_;
    std::unique_ptr<daemon::process_watch> parent_;
};

bool tell_starter(int fd) {
    const unsigned int ready = 0;
    fcntl(fd, F_SETFD, FD_CLOEXEC); // stays open: our death is its end
    return ::write(fd, &ready, sizeof(ready)) == static_cast<ssize_t>(sizeof(ready));
}

int run(const cmdline::invocation& asked) {
    const path::paths where = path::process_paths();
    auto settings = conf::load_for_daemon(where);
    if (!settings) {
        log_error("ctdb-eventd: {}", settings.error().what);
        return 1;
    }
    auto logger = logging::setup(log_setup_of(*settings));
    if (!logger) {
        log_error("ctdb-eventd: {}", logger.error().what);
        return 1;
    }
    for (const auto& [name, value] : (*logger)->child_environment()) {
        ::setenv(name.c_str(), value.c_str(), 1); // for the scripts; no other thread yet
    }
    const auto parent = asked.options.number("pid");
    auto held = take_pid_file(where.pid_file("eventd"), parent.has_value());
    if (!held) {
        log_error("ctdb-eventd not started: {}", held.error().what);
        return 1;
    }
    signal(SIGPIPE, SIG_IGN);
    eventd_process process(std::move(*settings), **logger, std::move(*held));
    if (const auto started = process.start(parent); !started) {
        log_error("ctdb-eventd not started: {}", started.error().what);
        return 1;
    }
    log_notice("daemon started, pid={}", ::getpid());
    if (const auto fd = asked.options.number("startup-fd"); fd && !tell_starter(*fd)) {
        log_error("ctdb-eventd: cannot tell on descriptor {} that we are up", *fd);
        return 1;
    }
    daemon::tell_service_manager("READY=1");
    process.run();
    return 0;
}

} // namespace

int main(int argc, char** argv) {
    const auto asked = cmdline::interpret(table(), cmdline::arguments_of(argc, argv));
    if (!asked) {
        return cmdline::leave(asked.error());
    }
    return run(*asked);
}
