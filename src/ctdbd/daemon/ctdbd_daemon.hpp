// ctdbd_daemon: one ctdbd process from start to exit.
//
// Up (cluster.md 1.2): PID file - eventd - event init - own address - databases attached and frozen
// - sockets open, peers connected: ready - event setup - leadership and companions - first recovery
// - services started - RUNNING. Down (1.5, 12.6): SHUTDOWN - failoverd gives away - services stop -
// leadership resigned - event shutdown - companions - exit. Every step is bounded; asked a second
// time, the process exits at once.
#pragma once

#include "common/async/signal_watch.hpp"
#include "common/async/task_set.hpp"
#include "common/conf/config.hpp"
#include "common/daemon/pid_file.hpp"
#include "common/logging/logging.hpp"
#include "ctdbd/clients/client_server.hpp"
#include "ctdbd/daemon/companions.hpp"
#include "ctdbd/daemon/machine.hpp"
#include "ctdbd/database/tdb_store/tdb_store_factory.hpp"
#include "ctdbd/leadership/keeper_lock.hpp"
#include "ctdbd/node.hpp"
#include "ctdbd/providers/provider_server.hpp"
#include "ctdbd/transport/tcp_links.hpp"

#include <functional>
#include <memory>
#include <string>

namespace ctdb::ctdbd {

struct daemon_options {
    bool interactive = false;
    bool start_companions = true;
    std::function<void()> ready; // accepting clients: whoever started us may go on
};

// Exit codes that scripts and upstream's tests know (cluster.md 1.2, 1.5).
enum exit_code : int {
    exit_ok = 0,
    exit_failed = 1,
    exit_pid_file = 11,
    exit_database = 11,
    exit_stdin_closed = 32
};

class ctdbd_daemon final : private link_events {
public:
    ctdbd_daemon(conf::config settings, logging::logger& log, daemon_options options);
    ~ctdbd_daemon() override;

    int run(); // until the end; the exit code

private:
    // link_events
    void link_up(pnn peer) override;
    void link_down(pnn peer, const link_loss& loss) override;
    void link_packet(pnn peer, byte_view packet) override;

    // The way up. A failure names what to do; its code becomes the exit code.
    async::task<> come_up();
    async::task<result<>> start_up();
    async::task<result<>> start_event_daemon();
    async::task<result<>> make_node();
    result<> make_stores(pnn self);
    void tune_stores(const protocol::tunable_list& now);
    void run_lock_debug_script(const tdb::stuck_lock& stuck);
    result<> make_lock(const std::string& setting);
    void connect_peers();
    async::task<result<>> open_databases();
    result<> open_sockets();
    async::task<result<>> run_event(std::string name);
    void start_companions();
    async::task<> reach_running();
    async::task<bool> wait_for_recovery();
    async::task<bool> databases_healthy();
    async::task<bool> start_services();
    [[nodiscard]] std::chrono::seconds service_limit() const;
    // The way down.
    void shut_down(int code, const std::string& reason);
    async::task<> go_down(int code);
    async::task<> tell_leaving();
    void hang_up();
    void watch_stdin();

    node_settings settings_for(pnn self, const std::vector<listed_node>& nodes) const;
    [[nodiscard]] std::chrono::seconds event_timeout() const;

    conf::config settings_;
    logging::logger& log_;
    const daemon_options options_;
    async::event_loop loop_;
    event::event_client events_;
    machine machine_;
    protocol::tunable_list tunables_;
    std::unique_ptr<daemon::pid_file> pid_file_;
    companions companions_;
    std::unique_ptr<tdb::lock_agents> agents_;
    std::unique_ptr<tdb_store_factory> files_;
    std::unique_ptr<keeper_lock> lock_;
    std::unique_ptr<tcp_links> links_;
    std::unique_ptr<node> node_;
    std::unique_ptr<client_server> clients_;
    std::unique_ptr<provider_server> providers_;
    std::unique_ptr<async::child_process> lock_debug_;
    std::unique_ptr<async::fd_watch> stdin_watch_;
    async::signal_watch hangup_;
    async::signal_watch terminate_;
    async::signal_watch interrupt_;
    async::timer flush_log_;
    bool leaving_ = false;
    int exit_code_ = exit_ok;
    async::task_set up_; // cancelled when the way down begins
    async::task_set down_;
};

} // namespace ctdb::ctdbd
