// ctdb-failoverd: public addresses of the node and, on the leader, of the cluster. Started by ctdbd
// (-P its pid), by a service manager, or by hand; waits for ctdbd's provider socket.
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
#include "failoverd/failover_node.hpp"

#include <csignal>
#include <cstdlib>
#include <optional>

#include <signal.h>

namespace {

using namespace ctdb;

const cmdline::program& table() {
    static const cmdline::program program{
        "ctdb-failoverd",
        cmdline::style::daemon,
        {{"",
          {{"pid", "pid", 'P', cmdline::argument::integer, "PID", "leave with this process"}},
          1},
         cmdline::help_and_usage()},
        {}};
    return program;
}

logging::log_setup log_setup_of(const conf::config& settings) {
    const bool interactive = std::getenv("CTDB_INTERACTIVE") != nullptr; // NOLINT
    return logging::log_setup{
        interactive ? "file:" : settings.get(conf::options::log_location),
        settings.level(),
        "ctdb-failoverd",
        settings.where().log_host()};
}

class failoverd_process {
public:
    failoverd_process(conf::config settings, logging::logger& logger)
        : settings_(std::move(settings)), logger_(logger),
          hangup_(loop_, SIGHUP, [this] { reopen_log(); }),
          reload_(loop_, SIGUSR1, [this] { reload(); }),
          terminate_(loop_, SIGTERM, [this] { terminated("SIGTERM"); }),
          interrupt_(loop_, SIGINT, [this] { terminated("SIGINT"); }),
          node_(loop_, settings_, [this] { stop("ctdbd is gone, addresses are released"); }) {}

    result<> start() { return node_.start(); }

    result<> watch_starter(pid_t pid) {
        auto watch = daemon::process_watch::start(loop_, pid, [this, pid] {
            log_notice("PID {} gone away", pid);
            node_.release_everything("the process that started us is gone");
            stop("nobody is left to serve");
        });
        if (!watch) {
            return pass(watch);
        }
        starter_ = std::move(*watch);
        node_.leave_with_ctdbd();
        return {};
    }
    void run() { loop_.run(); }

private:
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
        node_.set(settings_);
        log_notice("configuration reloaded");
    }
    void terminated(std::string_view why) {
        node_.release_everything(std::string(why));
        stop(why);
    }
    void stop(std::string_view why) {
        log_notice("Shutting down: {}", why);
        daemon::tell_service_manager("STOPPING=1");
        loop_.stop();
    }

    async::event_loop loop_;
    conf::config settings_;
    logging::logger& logger_;
    async::signal_watch hangup_;
    async::signal_watch reload_;
    async::signal_watch terminate_;
    async::signal_watch interrupt_;
    failoverd::failover_node node_;
    std::unique_ptr<daemon::process_watch> starter_;
};

int run(const cmdline::invocation& asked) {
    const path::paths where = path::process_paths();
    auto settings = conf::load_for_daemon(where);
    if (!settings) {
        log_error("ctdb-failoverd: {}", settings.error().what);
        return 1;
    }
    auto logger = logging::setup(log_setup_of(*settings));
    if (!logger) {
        log_error("ctdb-failoverd: {}", logger.error().what);
        return 1;
    }
    const auto held = daemon::pid_file::create(where.pid_file("failoverd"));
    if (!held) {
        log_error("ctdb-failoverd not started: {}", held.error().what);
        return 1;
    }
    signal(SIGPIPE, SIG_IGN);
    failoverd_process process(std::move(*settings), **logger);
    if (const auto starter = asked.options.number("pid")) {
        if (const auto watched = process.watch_starter(*starter); !watched) {
            log_error("ctdb-failoverd not started: {}", watched.error().what);
            return 1;
        }
    }
    if (const auto started = process.start(); !started) {
        log_error("ctdb-failoverd not started: {}", started.error().what);
        return 1;
    }
    log_notice("daemon started, pid={}", ::getpid());
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
