#include "ctdbd/daemon/ctdbd_daemon.hpp"

#include "common/base/log.hpp"
#include "common/conf/tunables.hpp"
#include "common/daemon/service_manager.hpp"

#include <algorithm>
#include <csignal>

#include <sys/stat.h>
#include <unistd.h>

namespace ctdb::ctdbd {

namespace {

using namespace std::chrono_literals;
using protocol::run_state;
using protocol::tunable_id;

constexpr async::duration eventd_limit = 10s;

result<> need_directory(const std::string& path, const char* what) {
    struct stat info {};
    if (::stat(path.c_str(), &info) != 0) {
        return fail_errno("{} {}", what, path);
    }
    if (!S_ISDIR(info.st_mode)) {
        return fail(ENOTDIR, "{} {}: not a directory", what, path);
    }
    return {};
}

} // namespace

ctdbd_daemon::ctdbd_daemon(conf::config settings, logging::logger& log, daemon_options options)
    : settings_(std::move(settings)), log_(log), options_(std::move(options)),
      events_(loop_, settings_.where().socket("eventd")), machine_(loop_, settings_, events_),
      tunables_(conf::load_tunables(settings_)), companions_(loop_),
      hangup_(loop_, SIGHUP, [this] { hang_up(); }),
      terminate_(loop_, SIGTERM, [this] { shut_down(exit_ok, "SIGTERM"); }),
      interrupt_(loop_, SIGINT, [this] { shut_down(exit_ok, "SIGINT"); }),
      flush_log_(
          loop_,
          [this] {
              log_.flush_repeats();
              flush_log_.arm_in(10s);
          }
      ),
      up_(loop_), down_(loop_) {
    machine_.on_shut_down([this](int code, const std::string& why) { shut_down(code, why); });
    machine_.on_event_timeout([this] { return event_timeout(); });
    flush_log_.arm_in(10s);
}

ctdbd_daemon::~ctdbd_daemon() = default;

int ctdbd_daemon::run() {
    up_.spawn(come_up());
    loop_.run();
    return exit_code_;
}

std::chrono::seconds ctdbd_daemon::event_timeout() const {
    const protocol::tunable_list& now = node_ ? node_->tunable_values() : tunables_;
    return std::chrono::seconds(std::max(1U, now[tunable_id::event_script_timeout]));
}

// ---- the way up ----

async::task<> ctdbd_daemon::come_up() {
    co_await async::next_turn(loop_); // a failure stops the loop: it has to run by then
    const result<> started = co_await start_up();
    if (!started) {
        log_error("cannot start: {}", started.error().what);
        exit_code_ = started.error().code == EEXIST ? exit_pid_file : exit_failed;
        loop_.stop();
        co_return;
    }
    if (options_.ready) {
        options_.ready();
    }
    daemon::tell_service_manager("READY=1");
    const result<> set_up = co_await run_event("setup");
    if (!set_up) {
        log_error("event setup: {}", set_up.error().what);
        shut_down(exit_failed, "event setup failed");
        co_return;
    }
    node_->start();
    start_companions();
    co_await reach_running();
}

async::task<result<>> ctdbd_daemon::start_up() {
    const auto where = settings_.where();
    for (const auto& [path, what] : std::vector<std::pair<std::string, const char*>>{
             {settings_.get(conf::options::volatile_database_directory),
              "volatile database directory"},
             {settings_.get(conf::options::persistent_database_directory),
              "persistent database directory"},
             {settings_.get(conf::options::state_database_directory),
              "state database directory"}}) {
        if (auto there = need_directory(path, what); !there) {
            co_return pass(there);
        }
    }
    auto pid_file = daemon::pid_file::create(where.pid_file("ctdbd"));
    if (!pid_file) {
        co_return pass(pid_file);
    }
    pid_file_ = std::move(*pid_file);
    log_notice("ctdbd starts, pid {}", getpid());
    if (settings_.cluster_lock().empty()) {
        log_warning("no [cluster] cluster lock: after a partition both sides go on by themselves");
    }
    watch_stdin();
    const result<> eventd = co_await start_event_daemon();
    if (!eventd) {
        co_return pass(eventd);
    }
    const result<> initialised = co_await run_event("init");
    if (!initialised) {
        co_return fail(EIO, "event init: {}", initialised.error().what);
    }
    const result<> made = co_await make_node();
    if (!made) {
        co_return pass(made);
    }
    const result<> opened = co_await open_databases();
    if (!opened) {
        co_return pass(opened);
    }
    co_return open_sockets();
}

// Somebody else's eventd (a unit of its own) is as good; ours is told our pid and reports on a
// pipe.
async::task<result<>> ctdbd_daemon::start_event_daemon() {
    if (!options_.start_companions || events_.connect()) {
        co_return result<>{};
    }
    const std::string program = settings_.where().helper("ctdb-eventd");
    companions_.start("eventd", {program, "-P", std::to_string(getpid())});
    const async::time_point deadline = loop_.now() + eventd_limit;
    while (!events_.connect()) {
        if (loop_.now() >= deadline) {
            co_return fail(ETIMEDOUT, "{} does not answer at its socket", program);
        }
        co_await async::sleep_for(loop_, 20ms);
    }
    co_return result<>{};
}

async::task<result<>> ctdbd_daemon::run_event(std::string name) {
    cluster_event event;
    event.name = std::move(name);
    const result<int> status = co_await machine_.run_event(std::move(event));
    if (!status) {
        co_return pass(status);
    }
    if (*status != 0) {
        co_return fail(EIO, "failed with {}", *status);
    }
    co_return result<>{};
}

void ctdbd_daemon::connect_peers() {
    std::vector<peer_address> peers;
    for (const pnn peer : node_->table().known()) {
        if (peer != node_->table().self()) {
            peers.push_back({peer, node_->table().address(peer)});
        }
    }
    links_->set_peers(peers);
}

async::task<result<>> ctdbd_daemon::open_databases() {
    if (auto opened = node_->databases().open_persistent(); !opened) {
        co_return pass(opened);
    }
    async::slot<answer<>> frozen(loop_);
    const auto done = [&frozen](const answer<>& outcome) { frozen.set(outcome); };
    node_->databases().freeze_for_start(done);
    const answer<> outcome = co_await frozen.take();
    if (!outcome) {
        co_return fail(EBUSY, "databases cannot be frozen: {}", outcome.error().text);
    }
    co_return result<>{};
}

result<> ctdbd_daemon::open_sockets() {
    const auto& where = settings_.where();
    auto providers = provider_server::listen(loop_, where.provider_socket(), node_->providers());
    if (!providers) {
        return pass(providers);
    }
    providers_ = std::move(*providers);
    client_limits limits;
    limits.packet_bytes_max =
        static_cast<std::uint32_t>(settings_.get(conf::options::maximum_client_packet_size)) << 20U;
    auto clients = client_server::listen(loop_, where.socket("ctdbd"), limits, node_->clients());
    if (!clients) {
        return pass(clients);
    }
    clients_ = std::move(*clients);
    node_->set_state(run_state::setup);
    connect_peers();
    return {};
}

void ctdbd_daemon::start_companions() {
    if (!options_.start_companions) {
        return;
    }
    const std::string pid = std::to_string(getpid());
    for (const char* name : {"serviced", "failoverd", "contrackd"}) {
        // they stop services, release addresses and leave when we are gone
        const std::string program = settings_.where().helper(std::string("ctdb-") + name);
        companions_.start(name, {program, "-P", pid});
    }
}

// ---- links ----

void ctdbd_daemon::link_up(pnn peer) {
    node_->link_up(peer);
}

void ctdbd_daemon::link_down(pnn peer, const link_loss& loss) {
    node_->link_down(peer, loss.why, loss.packets_undelivered);
}

void ctdbd_daemon::link_packet(pnn peer, byte_view packet) {
    node_->link_packet(peer, packet);
}

void ctdbd_daemon::hang_up() {
    if (const auto reopened = log_.reopen(); !reopened) {
        log_error("log not reopened: {}", reopened.error().what);
    }
    companions_.signal_all(SIGHUP);
}

// Upstream's test harness keeps our standard input open as a pipe and closes it to end us.
void ctdbd_daemon::watch_stdin() {
    struct stat info {};
    if (!settings_.where().test_mode || ::fstat(STDIN_FILENO, &info) != 0 ||
        !S_ISFIFO(info.st_mode)) {
        return;
    }
    stdin_watch_ =
        std::make_unique<async::fd_watch>(loop_, STDIN_FILENO, [this](async::fd_readiness) {
            char ignored[64];
            if (::read(STDIN_FILENO, ignored, sizeof(ignored)) == 0) {
                stdin_watch_->want_read(false);
                shut_down(exit_stdin_closed, "standard input was closed");
            }
        });
    stdin_watch_->want_read(true);
}

} // namespace ctdb::ctdbd
