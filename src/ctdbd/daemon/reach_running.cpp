// ctdbd_daemon: from the first recovery to run state RUNNING (cluster.md 1.3).
#include "common/base/log.hpp"
#include "common/protocol/controls.hpp"
#include "ctdbd/daemon/ctdbd_daemon.hpp"

namespace ctdb::ctdbd {

namespace {

using namespace std::chrono_literals;
using protocol::run_state;

constexpr async::duration patience_for_serviced = 10s;
constexpr async::duration retry_services = 5s;

} // namespace

async::task<> ctdbd_daemon::reach_running() {
    while (node_->state() < run_state::running) {
        const bool sound = co_await databases_healthy();
        if (!sound) {
            co_return;
        }
        const bool up = co_await start_services();
        if (up) {
            node_->set_state(run_state::running);
            client::send<protocol::controls::startup>(
                node_->cluster(), protocol::broadcast_connected, protocol::none{}
            );
            log_notice("this node is RUNNING");
        } else {
            co_await async::sleep_for(loop_, retry_services);
        }
    }
}

// Recovered, and no persistent database is unhealthy. What heals one is a recovery that a healthy
// node takes part in; the node asks for it when another becomes healthy (node::flags_changed), and
// DB_SET_HEALTHY, which wipedb and restoredb send, does. Recoveries before that would heal nothing
// and stop everybody (databases.md 1.3, 6.2). Other nodes have to start their services before they
// can be called healthy: it waits for as long as that may take. False: the daemon leaves.
async::task<bool> ctdbd_daemon::databases_healthy() {
    std::optional<async::time_point> deadline; // counts from a recovery that has not healed it
    std::string told;
    for (;;) {
        const bool recovered = co_await wait_for_recovery();
        if (!recovered) {
            co_return false;
        }
        const std::vector<std::string> sick = node_->databases().unhealthy();
        if (sick.empty()) {
            co_return true;
        }
        if (!deadline) {
            deadline = loop_.now() + service_limit();
        }
        if (loop_.now() >= *deadline) {
            shut_down(
                exit_database, fmt::format("persistent database {} is unhealthy", sick.front())
            );
            co_return false;
        }
        if (std::exchange(told, sick.front()) != sick.front()) {
            log_error(
                "persistent database {} is unhealthy: this node starts when a healthy node has "
                "given it its copy; without one, restore it (ctdb restoredb) or wipe it (ctdb "
                "wipedb)",
                told
            );
        }
        co_await async::sleep_for(loop_, 100ms);
    }
}

// What services may take to start, here and elsewhere.
std::chrono::seconds ctdbd_daemon::service_limit() const {
    return std::chrono::seconds(settings_.get(conf::options::service_startup_timeout));
}

// A recovery that included this node has been completed and no other is under way.
async::task<bool> ctdbd_daemon::wait_for_recovery() {
    for (;;) {
        const epoch& now = node_->current_epoch();
        const bool recovered = now.generation() != invalid_generation && !now.recovering() &&
                               node_->state() >= run_state::startup;
        if (recovered) {
            co_return true;
        }
        if (leaving_) {
            co_return false;
        }
        co_await async::sleep_for(loop_, 50ms);
    }
}

async::task<bool> ctdbd_daemon::start_services() {
    const async::time_point patience = loop_.now() + patience_for_serviced;
    while (!node_->providers().present("serviced")) {
        if (loop_.now() >= patience) {
            log_warning("serviced is not running: no services, no health checks on this node");
            co_return true;
        }
        co_await async::sleep_for(loop_, 50ms);
    }
    provider::message event = provider::start_services{};
    const async::time_point deadline = loop_.now() + service_limit();
    const std::vector<event_outcome> outcomes =
        co_await node_->providers().ask("serviced", std::move(event), deadline);
    for (const event_outcome& outcome : outcomes) {
        if (outcome.status != 0) {
            log_error("services did not start: {}", outcome.text);
            co_return false;
        }
    }
    co_return true;
}

} // namespace ctdb::ctdbd
