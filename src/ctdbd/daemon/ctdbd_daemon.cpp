#include "ctdbd/daemon/ctdbd_daemon.hpp"

#include "common/base/log.hpp"
#include "common/conf/nodes_list.hpp"
#include "common/conf/tunables.hpp"
#include "common/daemon/service_manager.hpp"

#include <algorithm>
#include <csignal>
#include <limits>

#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

namespace ctdb::ctdbd {

namespace {

using namespace std::chrono_literals;
using protocol::run_state;
using protocol::tunable_id;

constexpr async::duration eventd_limit = 10s;
constexpr async::duration companions_limit = 5s;
constexpr std::uint16_t announced_major = 4; // what Debian 12's Samba announces; peers' number wins
constexpr std::uint16_t announced_minor = 17;

// Upstream counts CTDB_TEST_SAMBA_VERSION in any C notation.
version_settings version_from_environment() {
    version_settings v;
    v.own = protocol::release_version(announced_major, announced_minor);
    if (const char* wanted = std::getenv("CTDB_TEST_SAMBA_VERSION")) {
        v.own = static_cast<std::uint32_t>(std::strtoul(wanted, nullptr, 0));
        v.strict = true;
    }
    return v;
}

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

start_flag start_flag_of(const conf::config& settings) {
    const bool stopped = settings.get(conf::options::start_as_stopped);
    const bool disabled = settings.get(conf::options::start_as_disabled);
    if (stopped) {
        return disabled ? start_flag::disabled_and_stopped : start_flag::stopped;
    }
    return disabled ? start_flag::disabled : start_flag::none;
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

node_settings ctdbd_daemon::settings_for(pnn self, const std::vector<listed_node>& nodes) const {
    node_settings s;
    s.self = self;
    s.nodes = nodes;
    s.tunables = tunables_;
    s.start = start_flag_of(settings_);
    s.version = version_from_environment();
    s.version.allow_mixed = tunables_[tunable_id::allow_mixed_versions] == 1;
    if (!settings_.get(conf::options::leader_capability)) {
        s.capabilities.clear(protocol::capability::recmaster);
    }
    if (!settings_.get(conf::options::lmaster_capability)) {
        s.capabilities.clear(protocol::capability::lmaster);
    }
    const std::string lock = settings_.cluster_lock();
    if (!lock.empty()) {
        s.cluster_lock = lock;
    }
    s.leadership.lock_configured = !lock.empty();
    s.leadership.leader_timeout =
        std::chrono::seconds(settings_.get(conf::options::leader_timeout));
    s.persistent_majority = settings_.get(conf::options::persistent_quorum) == "majority";
    if (settings_.get(conf::options::fencing) == "no") {
        s.leadership.fencing = fencing_mode::off;
    }
    return s;
}

async::task<result<>> ctdbd_daemon::make_node() {
    const result<std::vector<listed_node>> nodes = co_await machine_.read_nodes();
    if (!nodes) {
        co_return pass(nodes);
    }
    std::vector<protocol::sock_addr> addresses;
    for (const listed_node& listed : *nodes) {
        addresses.push_back(listed.deleted ? protocol::sock_addr{} : listed.address);
    }
    protocol::sock_addr configured;
    if (const std::string own = settings_.get(conf::options::node_address); !own.empty()) {
        const auto parsed = protocol::parse_ip(own);
        if (!parsed) {
            co_return pass(parsed);
        }
        const std::uint16_t port =
            nodes->empty() ? protocol::node_port : nodes->front().address.port;
        configured = protocol::with_port(*parsed, port);
    }
    const std::string lock_file = settings_.where().run + "/tcp_listen_automatic.lock";
    auto listening = listen_on_own_address(configured, addresses, lock_file);
    if (!listening) {
        co_return pass(listening);
    }
    std::optional<pnn> self;
    for (std::uint32_t i = 0; i < nodes->size(); ++i) {
        if (!nodes->at(i).deleted && protocol::same_ip(nodes->at(i).address, listening->address)) {
            self = pnn{i};
        }
    }
    if (!self) {
        co_return fail(
            EADDRNOTAVAIL,
            "{} is not in the nodes list: add it, or correct [cluster] node address",
            protocol::to_text(listening->address)
        );
    }
    log_notice("this is node {}, {}", *self, protocol::to_text_with_port(listening->address));
    link_settings link;
    link.own = listening->address;
    link.packet_bytes_max =
        static_cast<std::uint32_t>(settings_.get(conf::options::maximum_packet_size)) << 20U;
    links_ = std::make_unique<tcp_links>(loop_, std::move(*listening), link);
    links_->set_events(*this);
    const node_settings own = settings_for(*self, *nodes);
    if (auto stores = make_stores(*self); !stores) {
        co_return pass(stores);
    }
    if (own.cluster_lock) {
        if (auto lock = make_lock(*own.cluster_lock); !lock) {
            co_return pass(lock);
        }
    }
    node_doors doors{loop_, *links_, *files_, machine_, lock_.get()};
    node_ = std::make_unique<node>(doors, own);
    node_->on_peers_changed([this] { connect_peers(); });
    node_->on_tunables_changed([this](const protocol::tunable_list& now) { tune_stores(now); });
    co_return result<>{};
}

result<> ctdbd_daemon::make_stores(pnn self) {
    tdb::lock_agent_settings agents;
    agents.program = settings_.where().helper("ctdb-lock-agent");
    agents.freezing_nice = sched_getscheduler(0) == SCHED_OTHER ? 5 : 0; // a third of our share
    agents.stuck = [this](const tdb::stuck_lock& stuck) { run_lock_debug_script(stuck); };
    agents_ = std::make_unique<tdb::lock_agents>(loop_, std::move(agents));
    tdb_store_settings stores;
    stores.volatile_directory = settings_.get(conf::options::volatile_database_directory);
    stores.persistent_directory = settings_.get(conf::options::persistent_database_directory);
    stores.state_directory = settings_.get(conf::options::state_database_directory);
    stores.node = self;
    stores.mutexes = settings_.get(conf::options::tdb_mutexes);
    auto made = tdb_store_factory::create(*agents_, std::move(stores));
    if (!made) {
        return pass(made);
    }
    files_ = std::move(*made);
    tune_stores(tunables_);
    return {};
}

// Hash size and dead records are those of files that are opened from now on.
void ctdbd_daemon::tune_stores(const protocol::tunable_list& now) {
    constexpr static std::uint32_t int_max = std::numeric_limits<int>::max();
    const auto clipped = [&now](tunable_id id) {
        return static_cast<int>(std::min(now[id], int_max));
    };
    agents_->set_chain_agents_max(std::max(1U, now[tunable_id::lock_processes_per_db]));
    files_->set_tunables(
        clipped(tunable_id::database_hash_size), clipped(tunable_id::database_max_dead)
    );
}

result<> ctdbd_daemon::make_lock(const std::string& setting) {
    const std::string default_helper = settings_.where().helper("ctdb_mutex_fcntl_helper");
    auto command = lock_command(setting, default_helper);
    if (!command) {
        return pass(command);
    }
    keeper_lock_settings lock;
    lock.keeper = settings_.where().helper("ctdb-lock-keeper");
    machine_.set_lock_command(*command);
    lock.command = std::move(*command);
    lock.lease = std::chrono::seconds(settings_.get(conf::options::leader_timeout));
    lock_ = std::make_unique<keeper_lock>(loop_, std::move(lock));
    return {};
}

// The script of upstream: helper's pid, RECORD or DB, path, MUTEX or FCNTL (databases.md 4.2). One
// at a time.
void ctdbd_daemon::run_lock_debug_script(const tdb::stuck_lock& stuck) {
    const bool record = stuck.is == tdb::stuck_lock::kind::record;
    if ((lock_debug_ && lock_debug_->running()) || (record && node_->own().inactive())) {
        return;
    }
    const std::string set = settings_.get(conf::options::lock_debug_script);
    const std::string name = set.empty() ? "debug_locks.sh" : set.substr(set.rfind('/') + 1);
    const std::string script = path::join(settings_.where().etc, name);
    if (::access(script.c_str(), X_OK) != 0) {
        return;
    }
    async::child_options options;
    options.argv = {
        script,
        std::to_string(stuck.agent),
        record ? "RECORD" : "DB",
        stuck.path,
        stuck.mutexes ? "MUTEX" : "FCNTL"};
    auto child = async::child_process::start(loop_, std::move(options));
    if (!child) {
        log_warning("lock debug script: {}", child.error().what);
        return;
    }
    lock_debug_ = std::move(*child);
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

// ---- the way down ----

void ctdbd_daemon::shut_down(int code, const std::string& reason) {
    if (leaving_) {
        if (reason.starts_with("SIG")) {
            log_warning("{} again: exit at once", reason);
            loop_.stop();
        } else {
            log_notice("shutdown is under way ({})", reason);
        }
        return;
    }
    leaving_ = true;
    log_notice("shutdown: {}", reason);
    daemon::tell_service_manager("STOPPING=1");
    down_.spawn(go_down(code));
}

async::task<> ctdbd_daemon::tell_leaving() {
    const auto give_away =
        std::chrono::seconds(settings_.get(conf::options::shutdown_failover_timeout));
    if (give_away.count() > 0) {
        provider::message leaving = provider::shutting_down{provider::shutdown_phase::leaving};
        const async::time_point deadline = loop_.now() + give_away;
        static_cast<void>(co_await node_->providers().ask("failoverd", std::move(leaving), deadline)
        );
        const auto extra =
            std::chrono::seconds(settings_.get(conf::options::shutdown_extra_timeout));
        if (extra.count() > 0) {
            co_await async::sleep_for(loop_, extra);
        }
    }
    const auto stop_limit =
        std::chrono::seconds(settings_.get(conf::options::service_shutdown_timeout));
    provider::message stop = provider::shutting_down{provider::shutdown_phase::stop_services};
    const async::time_point deadline = loop_.now() + stop_limit;
    static_cast<void>(co_await node_->providers().ask("serviced", std::move(stop), deadline));
}

async::task<> ctdbd_daemon::go_down(int code) {
    co_await async::next_turn(loop_); // not from inside the handler that asked
    up_.cancel_all();
    exit_code_ = code;
    if (node_) {
        const bool was_up = node_->state() >= run_state::first_recovery;
        node_->set_state(run_state::shutdown);
        if (was_up) {
            co_await tell_leaving();
            async::slot<bool> resigned(loop_);
            node_->leadership().stop([&resigned] { resigned.set(true); });
            static_cast<void>(co_await resigned.take());
        }
        node_->stop_keepalives();
        const result<> down = co_await run_event("shutdown");
        if (!down) {
            log_warning("event shutdown: {}", down.error().what);
        }
        node_->providers().tell_all(provider::shutting_down{provider::shutdown_phase::ending});
    }
    std::vector<std::string> first{"serviced", "failoverd", "contrackd"};
    const async::time_point deadline = loop_.now() + companions_limit;
    co_await companions_.stop(std::move(first), deadline);
    std::vector<std::string> last{"eventd"};
    const async::time_point eventd_deadline = loop_.now() + companions_limit;
    co_await companions_.stop(std::move(last), eventd_deadline);
    log_notice("ctdbd ends");
    loop_.stop();
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
