#include "common/daemon/companion.hpp"

#include "common/async/signal_watch.hpp"
#include "common/base/log.hpp"
#include "common/cmdline/parse.hpp"
#include "common/daemon/pid_file.hpp"
#include "common/daemon/process_watch.hpp"
#include "common/daemon/service_manager.hpp"
#include "common/logging/logging.hpp"
#include "common/path/paths.hpp"

#include <csignal>
#include <cstdlib>
#include <optional>

#include <signal.h>
#include <unistd.h>

namespace ctdb::daemon {

namespace {

cmdline::program table_of(const std::string& program_name) {
    return cmdline::program{
        program_name,
        cmdline::style::daemon,
        {{"",
          {{"pid", "pid", 'P', cmdline::argument::integer, "PID", "leave with this process"}},
          1},
         cmdline::help_and_usage()},
        {}};
}

logging::log_setup log_setup_of(const conf::config& settings, const std::string& program_name) {
    const bool interactive = std::getenv("CTDB_INTERACTIVE") != nullptr; // NOLINT
    return logging::log_setup{
        interactive ? "file:" : settings.get(conf::options::log_location),
        settings.level(),
        program_name,
        settings.where().log_host()};
}

class companion_process {
public:
    companion_process(conf::config settings, logging::logger& logger, const companion_factory& make)
        : settings_(std::move(settings)), logger_(logger),
          hangup_(loop_, SIGHUP, [this] { reopen_log(); }),
          reload_(loop_, SIGUSR1, [this] { reload(); }),
          terminate_(loop_, SIGTERM, [this] { terminated("SIGTERM"); }),
          interrupt_(loop_, SIGINT, [this] { terminated("SIGINT"); }),
          daemon_(make(loop_, settings_, [this](std::string_view why) { leave(why); })) {}

    result<> start(std::optional<int> starter) {
        if (starter) {
            const pid_t pid = *starter;
            auto watch = process_watch::start(loop_, pid, [this, pid] {
                log_notice("PID {} gone away", pid);
                daemon_->starter_gone();
            });
            if (!watch) {
                return pass(watch);
            }
            starter_ = std::move(*watch);
        }
        return daemon_->start(starter.has_value());
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
        daemon_->set(settings_);
        log_notice("configuration reloaded");
    }
    void terminated(std::string_view why) {
        daemon_->before_leaving(why);
        leave(why);
    }
    void leave(std::string_view why) {
        log_notice("Shutting down: {}", why);
        tell_service_manager("STOPPING=1");
        loop_.stop();
    }

    async::event_loop loop_;
    conf::config settings_;
    logging::logger& logger_;
    async::signal_watch hangup_;
    async::signal_watch reload_;
    async::signal_watch terminate_;
    async::signal_watch interrupt_;
    std::unique_ptr<companion_daemon> daemon_;
    std::unique_ptr<process_watch> starter_;
};

result<> run_until_the_end(
    const std::string& name, const cmdline::invocation& asked, const companion_factory& make
) {
    const path::paths where = path::process_paths();
    auto settings = conf::load_for_daemon(where);
    if (!settings) {
        return pass(settings);
    }
    auto logger = logging::setup(log_setup_of(*settings, "ctdb-" + name));
    if (!logger) {
        return pass(logger);
    }
    const auto held = pid_file::create(where.pid_file(name));
    if (!held) {
        return pass(held);
    }
    signal(SIGPIPE, SIG_IGN);
    companion_process process(std::move(*settings), **logger, make);
    if (const auto started = process.start(asked.options.number("pid")); !started) {
        return pass(started);
    }
    log_notice("daemon started, pid={}", ::getpid());
    tell_service_manager("READY=1");
    process.run();
    return {};
}

} // namespace

int run_companion(const std::string& name, int argc, char** argv, const companion_factory& make) {
    const cmdline::program table = table_of("ctdb-" + name);
    const auto asked = cmdline::interpret(table, cmdline::arguments_of(argc, argv));
    if (!asked) {
        return cmdline::leave(asked.error());
    }
    if (const auto done = run_until_the_end(name, *asked, make); !done) {
        log_error("ctdb-{} not started: {}", name, done.error().what);
        return 1;
    }
    return 0;
}

} // namespace ctdb::daemon
