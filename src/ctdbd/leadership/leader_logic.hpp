// leader_logic: leadership of one node - election, cluster lock, the leader's monitoring, recovery,
// and the messages that upstream's recovery daemon answers (cluster.md 4, 5).
//
// Knows only a runtime, a cluster_port, the node table and a cluster_lock, so the simulation runs
// the same code. Everything it starts is owned by it: destroying it cancels passes and recovery and
// gives the lock back.
//
//   LL1  one pass at a time, one recovery at a time, both only while leading; losing the leadership
//        cancels them at the next turn of the loop (W8).
//   LL2  every question to a peer has its own deadline (peer_limit); a peer that does not answer is
//        left out and gets a credit, it delays nobody (W41).
//   LL3  a pass starts on a kick (membership changed, a node asked for a recovery) at once, else
//        every RecoverInterval.
#pragma once

#include "common/async/slot.hpp"
#include "common/async/task_set.hpp"
#include "common/client/cluster_port.hpp"
#include "common/protocol/messages.hpp"
#include "common/protocol/tunables.hpp"
#include "ctdbd/leadership/absence_report.hpp"
#include "ctdbd/leadership/cluster_lock.hpp"
#include "ctdbd/leadership/credits.hpp"
#include "ctdbd/leadership/election.hpp"
#include "ctdbd/leadership/fencing.hpp"
#include "ctdbd/leadership/mesh_watch.hpp"
#include "ctdbd/leadership/monitor_rules.hpp"
#include "ctdbd/leadership/recovery_pace.hpp"
#include "ctdbd/membership/node_table.hpp"

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace ctdb::ctdbd {

// A recovery to run. It is void once still_valid() says no: check before each step that others can
// see (W8); the task is destroyed at the next turn of the loop anyway.
struct recovery_order {
    std::string reason;
    std::function<bool()> still_valid;
};

struct recovery_outcome {
    result<> done;             // an error: it failed and is tried again later
    std::vector<pnn> to_blame; // for that; each gets a credit (databases.md 12.1 #19)
};

struct leader_hooks {
    // The database recovery (databases.md 6.4).
    std::function<async::task<recovery_outcome>(recovery_order)> recover;
    // After a successful recovery, before RECONFIGURE is sent; bounded by the one who answers. May
    // be empty.
    std::function<async::task<void>()> takeover_run;
    std::function<void(pnn leader)> leader_changed; // unknown_pnn: none
    std::function<protocol::time_value()> wall_clock;
    std::function<void(bool fence, const std::string& reason)> fence;
    std::function<void(async::duration)> lock_latency; // RECD_RECLOCK_LATENCY
    // The own lock is lost while leading: others may lead already, and what is committed here from
    // now on may lose against theirs. May be empty.
    std::function<void(const std::string& why)> lock_lost;
    // Messages that belong to failoverd (cluster.md 5.5), as they came. May be empty.
    std::function<void(const protocol::srvid_message&)> on_takeover_run;
    std::function<void(const protocol::disable_message&)> on_disable_takeover_runs;
    std::function<void(pnn)> on_rebalance_node;
    std::function<void(std::uint32_t seconds)> on_disable_ip_check;
    std::function<void()> on_reload_nodes;
    std::function<std::string()> memory_report; // MEM_DUMP
};

struct leader_settings {
    bool lock_configured = false;
    std::chrono::milliseconds leader_timeout{5000};
    fencing_mode fencing = fencing_mode::automatic;
};

// Private message between our own nodes: "look now", payload the sender's pnn (databases.md 12.1
// #26). In the range of daemons; upstream has no listener there.
inline constexpr srvid wake_leader_address{0x9E01000000000001};

class leader_logic {
public:
    static constexpr std::chrono::milliseconds peer_limit{2000};   // W41
    static constexpr std::chrono::milliseconds prepare_limit{900}; // W4
    static constexpr std::chrono::milliseconds stop_limit{600};
    static constexpr std::chrono::milliseconds least_gap{20}; // between two passes

    // port, table, tunables and lock outlive it; lock is null exactly when none is configured.
    // Every hook except those said to be optional is set.
    leader_logic(
        client::cluster_port& port,
        node_table& table,
        const protocol::tunable_list& tunables,
        cluster_lock* lock,
        leader_settings settings,
        leader_hooks hooks
    );
    ~leader_logic();
    leader_logic(const leader_logic&) = delete;
    leader_logic& operator=(const leader_logic&) = delete;

    void start(); // run state FIRST_RECOVERY: listen, elect, watch
    // Shutting down: resigns if leading; `done` is called from the loop when the lock is free or
    // after half a second.
    void stop(std::function<void()> done);
    void set_settings(leader_settings settings); // leader timeout and fencing may change

    void kick(std::string_view why); // look now
    // The own recovery mode became ACTIVE or own flags changed: tell the leader.
    void wake_leader();
    // SET_RECMASTERROLE, SET_LMASTERROLE have changed the own capabilities in the node table.
    void own_capabilities_changed();
    // Own health changed: MODIFY_FLAGS to every connected node, then wake the leader (3.3 path 1).
    void push_own_flags(const protocol::node_flag_change& change);

    [[nodiscard]] pnn leader() const noexcept { return election_.leader(); }
    [[nodiscard]] bool leading() const noexcept { return election_.leading(); }
    [[nodiscard]] bool recovering() const noexcept { return recovering_; }
    [[nodiscard]] bool fenced() const noexcept { return fencing_.fenced(); }
    [[nodiscard]] election_state state() const noexcept { return election_.state(); }
    [[nodiscard]] std::uint64_t recoveries_done() const noexcept { return recoveries_done_; }

    // A message that reached this node; the port's subscriptions end here.
    void receive(pnn from, srvid address, byte_view data);

private:
    // election
    void feed(const election_input& event);
    void drain_events();
    void perform(const election_output& action);
    void say_election(const election_action::say_election& action);
    void leader_now(const election_action::leader_changed& change);
    void refresh_view();
    void refresh_priority_time();
    void arm_election_timer();
    void listen_to_lock();
    async::task<void> prepare();
    async::task<void> set_active(pnn node, async::time_point deadline);
    void look_at_fencing();
    void finish_stop();
    // membership
    void node_changed(const flag_change& change);
    async::task<void> learn_capabilities(pnn node);
    async::task<void> compare_lock_setting(pnn node); // W17
    // monitor (leader_monitor.cpp)
    void restart_monitor();
    async::task<void> watch();
    async::task<void> wait_for_next_pass(async::time_point started);
    async::task<void> own_pass();
    async::task<void> leader_pass();
    async::task<survey> take_survey();
    async::task<node_report> ask(pnn node, async::time_point deadline);
    void learn_from(const survey& s);
    void forget_outdated_words(survey& s, async::time_point asked);
    async::task<void> push_flags(std::vector<protocol::node_flag_change> changes);
    async::task<void> push_to(pnn node, std::vector<protocol::node_flag_change> changes);
    async::task<bool> ban_offenders(); // true: this node was one
    async::task<void> ban(pnn node, std::string why);
    async::task<void> look_at_mesh(mesh_report now);
    void look_for_missing_nodes();
    async::task<void> recover_if_needed(std::optional<recovery_need> found);
    async::task<void> run_recovery(recovery_need need);
    void recovery_succeeded();
    void blame_for_failure(const std::vector<pnn>& nodes);
    [[nodiscard]] bool recoveries_disabled() const;
    // messages (leader_messages.cpp)
    void subscribe_all();
    void on_leader(pnn from, pnn claimed);
    void on_election(pnn from, const protocol::election_message& message);
    void on_disable_recoveries(const protocol::disable_message& message);
    void on_banning(pnn from, pnn node);
    void on_mem_dump(const protocol::srvid_message& message);
    void answer(pnn to, srvid address, byte_view data);
    template <class Message, class Handler>
    void decoded(pnn from, byte_view data, Handler handler);

    [[nodiscard]] std::chrono::seconds tunable_seconds(protocol::tunable_id id) const;
    [[nodiscard]] std::uint32_t credit_limit() const;
    void credit(pnn node, std::uint32_t amount, std::string_view why);
    void log_credits(pnn node, std::uint32_t amount, std::string_view why) const;

    client::cluster_port& port_;
    async::runtime& runtime_;
    node_table& table_;
    const protocol::tunable_list& tunables_;
    cluster_lock* const lock_;
    leader_settings settings_;
    const leader_hooks hooks_;

    ctdbd::election election_;
    cluster_view view_;
    ctdbd::fencing fencing_;
    ctdbd::credits credits_;
    recovery_pace pace_;
    mesh_watch mesh_;
    absence_report absence_;
    std::deque<election_input> events_;
    bool handling_ = false; // events that actions cause wait their turn
    bool started_ = false;
    std::function<void()> stopped_; // set: stopping
    bool need_recovery_ = false;    // the last recovery did not succeed
    bool recovering_ = false;
    std::optional<recovery_need> last_need_;
    std::uint64_t recoveries_done_ = 0;
    std::uint64_t term_ = 0; // rises whenever the leader changes: voids recovery orders
    async::time_point active_since_;
    async::time_point pass_began_;
    std::optional<async::time_point> recoveries_disabled_until_;
    std::optional<async::time_point> look_again_at_;
    bool kicked_ = false;
    std::map<pnn, async::time_point> flags_changed_at_;

    async::timer election_timer_;
    async::timer fencing_timer_;
    async::timer stop_timer_;
    async::deferred view_later_;
    async::deferred restart_later_;
    async::notice wake_;
    std::vector<std::unique_ptr<client::message_subscription>> subscriptions_;
    node_table::subscription table_subscription_;
    async::task_set tasks_;   // short questions
    async::task_set monitor_; // the pass, with its recovery
};

} // namespace ctdb::ctdbd
