// ctdb-contrackd: announces public addresses, knows their TCP connections. Started by ctdbd (-P its
// pid), by a service manager, or by hand; waits for ctdbd's provider socket.
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
#include "contrackd/contrack_node.hpp"

#include <csignal>
#include <cstdlib>
#include <optional>

#include <signal.h>

namespace {

using namespace ctdb;

const cmdline::program& table() {
    static const cmdline::program program{
        "ctdb-contrackd",
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
        "ctdb-contrackd",
        settings.where().log_host()};
}

class contrackd_process {
public:
    contrackd_process(conf::config settings, logging::logger& logger)
        : settings_(std::move(settings)), logger_(logger),
          hangup_(loop_, SIGHUP, [this] { reopen_log(); }),
          reload_(loop_, SIGUSR1, [this] { reload(); }),
          terminate_(loop_, SIGTERM, [this] { stop("SIGTERM"); }),
          interrupt_(loop_, SIGINT, [this] { stop("SIGINT"); }),
          node_(loop_, settings_.where(), [this] {
              if (starter_) {
                  stop("ctdbd is gone");
              }
          }) {}

    result<> watch_starter(pid_t pid) {
        auto watch = daemon::process_watch::start(loop_, pid, [this, pid] {
            log_notice("PID {} gone away", pid);
            stop("nobody is left to serve");
        });
        if (!watch) {
            return pass(watch);
        }
        starter_ = std::move(*watch);
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
        log_notice("configuration reloaded");
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
    contrackd::contrack_node node_;
    std::unique_ptr<daemon::process_watch> starter_;
};

int run(const cmdline::invocation& asked) {
    const path::paths where = path::process_paths();
    auto settings = conf::load_for_daemon(where);
    if (!settings) {
        log_error("ctdb-contrackd: {}", settings.error().what);
        return 1;
    }
    auto logger = logging::setup(log_setup_of(*settings));
    if (!logger) {
        log_error("ctdb-contrackd: {}", logger.error().what);
        return 1;
    }
    const auto held = daemon::pid_file::create(where.pid_file("contrackd"));
    if (!held) {
        log_error("ctdb-contrackd not started: {}", held.error().what);
        return 1;
    }
    signal(SIGPIPE, SIG_IGN);
    contrackd_process process(std::move(*settings), **logger);
    if (const auto starter = asked.options.number("pid")) {
        if (const auto watched = process.watch_starter(*starter); !watched) {
            log_error("ctdb-contrackd not started: {}", watched.error().what);
            return 1;
        }
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
