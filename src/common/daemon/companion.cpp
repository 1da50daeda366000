#include "common/daemon/companion.hpp"

#include "common/async/signal_watch.hpp"
#include "common/base/log.hpp"
#include "common/daemon/pid_file.hpp"
#include "common/daemon/process_watch.hpp"
#include "common/daemon/service_manager.hpp"
#include "common/logging/logging.hpp"
#include "common/path/paths.hpp"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <optional>
#include <thread>

#include <signal.h>
#include <unistd.h>

namespace ctdb::daemon {

namespace {

cmdline::program table_of(const companion_program& which, const std::string& program_name) {
    cmdline::option_group own;
    own.options = {{"pid", "pid", 'P', cmdline::argument::integer, "PID", "pid to wait for"}};
    own.options.insert(own.options.end(), which.options.begin(), which.options.end());
    own.usage_rank = 1;
    return cmdline::program{
        program_name, cmdline::style::daemon, {own, cmdline::help_and_usage()}, {}};
}

logging::log_setup log_setup_of(const conf::config& settings, const std::string& program_name) {
    const bool interactive = std::getenv("CTDB_INTERACTIVE") != nullptr; // NOLINT
    return logging::log_setup{
        interactive ? "file:" : settings.get(conf::options::log_location),
        settings.level(),
        program_name,
        settings.where().log_host()};
}

using held_place = std::unique_ptr<pid_file>;

class companion_process {
public:
    companion_process(
        conf::config settings,
        logging::logger& logger,
        held_place place,
        const companion_factory& make
    )
        : settings_(std::move(settings)), logger_(logger), place_(std::move(place)),
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
                if (daemon_->gives_up_place()) {
                    place_.reset();
                }
            });
            if (!watch) {
                return pass(watch);
            }
            starter_ = std::move(*watch);
        }
        return daemon_->start(starter.has_value());
    }
    result<> started(const cmdline::parsed_options& options) { return daemon_->started(options); }
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
    held_place place_;
    async::signal_watch hangup_;
    async::signal_watch reload_;
    async::signal_watch terminate_;
    async::signal_watch interrupt_;
    std::unique_ptr<companion_daemon> daemon_;
    std::unique_ptr<process_watch> starter_;
};

result<held_place> take_place(const std::string& path, std::chrono::milliseconds patience) {
    constexpr std::chrono::milliseconds pause{100};
    auto held = pid_file::create(path);
    while (!held && held.error().code == EEXIST && patience.count() > 0) {
        std::this_thread::sleep_for(pause); // nothing runs yet that it could hold up
        patience -= pause;
        held = pid_file::create(path);
    }
    return held;
}

struct groundwork {
    conf::config settings;
    std::unique_ptr<logging::logger> logger;
};

result<groundwork> set_up(const std::string& program_name) {
    auto settings = conf::load_for_daemon(path::process_paths());
    if (!settings) {
        return pass(settings);
    }
    auto logger = logging::setup(log_setup_of(*settings, program_name));
    if (!logger) {
        return pass(logger);
    }
    return groundwork{std::move(*settings), std::move(*logger)};
}

result<> run_until_the_end(
    const companion_program& which,
    const cmdline::parsed_options& options,
    groundwork& with,
    const companion_factory& make
) {
    for (const auto& [name, value] : with.logger->child_environment()) {
        ::setenv(name.c_str(), value.c_str(), 1); // for scripts; no other thread yet
    }
    const auto starter = options.number("pid");
    const auto patience = starter ? which.patience : std::chrono::milliseconds(0);
    auto held = take_place(with.settings.where().pid_file(which.name), patience);
    if (!held) {
        return pass(held);
    }
    signal(SIGPIPE, SIG_IGN);
    companion_process process(std::move(with.settings), *with.logger, std::move(*held), make);
    if (const auto done = process.start(starter); !done) {
        return pass(done);
    }
    log_notice("daemon started, pid={}", ::getpid());
    if (const auto told = process.started(options); !told) {
        return pass(told);
    }
    tell_service_manager("READY=1");
    process.run();
    return {};
}

} // namespace

int run_companion(
    const companion_program& program, int argc, char** argv, const companion_factory& make
) {
    const std::string name = "ctdb-" + program.name;
    const cmdline::program table = table_of(program, name);
    const auto asked = cmdline::interpret(table, cmdline::arguments_of(argc, argv));
    if (!asked) {
        return cmdline::leave(asked.error());
    }
    auto with = set_up(name);
    // the log, once there is one, says why
    const auto done = with ? run_until_the_end(program, asked->options, *with, make) : pass(with);
    if (!done) {
        log_error("{} not started: {}", name, done.error().what);
        return 1;
    }
    return 0;
}

} // namespace ctdb::daemon
