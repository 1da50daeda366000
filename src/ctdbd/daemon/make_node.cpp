// ctdbd_daemon: its parts, made from the configuration: the node, its links, its files, its lock.
#include "common/base/log.hpp"
#include "ctdbd/daemon/ctdbd_daemon.hpp"

#include <algorithm>
#include <limits>

#include <sched.h>
#include <unistd.h>

namespace ctdb::ctdbd {

namespace {

using protocol::tunable_id;

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

start_flag start_flag_of(const conf::config& settings) {
    const bool stopped = settings.get(conf::options::start_as_stopped);
    const bool disabled = settings.get(conf::options::start_as_disabled);
    if (stopped) {
        return disabled ? start_flag::disabled_and_stopped : start_flag::stopped;
    }
    return disabled ? start_flag::disabled : start_flag::none;
}

} // namespace

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

// The hash size is that of files that are made from now on.
void ctdbd_daemon::tune_stores(const protocol::tunable_list& now) {
    constexpr std::uint32_t int_max = std::numeric_limits<int>::max();
    agents_->set_chain_agents_max(std::max(1U, now[tunable_id::lock_processes_per_db]));
    files_->set_hash_size(static_cast<int>(std::min(now[tunable_id::database_hash_size], int_max)));
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

} // namespace ctdb::ctdbd
