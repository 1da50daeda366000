// failover_node: failoverd at work. Puts the cores (coordinator, participant, authority_rule) on
// ctdbd's two sockets, eventd's socket, the kernel and the clock; decides nothing itself.
//
//   provider socket   events and controls of ctdbd; its end means: release everything now
//   client socket     messages, and the tunnel to the other failoverds
//   every L/4         renew what may stay, or drop everything if it may not
//   every 200 s       the guard of the kernel fence again
//   every 500 ms      our status to the leader (status_pace); every second the plan against the
//                     kernel, which is read after it has said that something changed
#pragma once

#include "common/async/slot.hpp"
#include "common/async/task_set.hpp"
#include "common/client/client.hpp"
#include "common/conf/config.hpp"
#include "common/netlink/change_watch.hpp"
#include "common/protocol/types_membership.hpp"
#include "common/protocol/types_tunable.hpp"
#include "common/provider/provider_client.hpp"
#include "failoverd/allocate/allocation.hpp"
#include "failoverd/authority.hpp"
#include "failoverd/coordinator.hpp"
#include "failoverd/end_inquiries.hpp"
#include "failoverd/executor.hpp"
#include "failoverd/kernel_fence.hpp"
#include "failoverd/last_word.hpp"
#include "failoverd/status_pace.hpp"

namespace ctdb::failoverd {

class failover_node final : private coordinator_outputs, private participant_host {
public:
    // `leave` is called when ctdbd is gone and everything has been released, if somebody started
    // us for that ctdbd alone (starter_is_ctdbd).
    failover_node(async::event_loop& loop, conf::config settings, std::function<void()> leave);
    ~failover_node() override;

    result<> start(); // reads the configuration and the kernel; adopts or removes what is there
    void set(conf::config settings);
    void leave_with_ctdbd() { leave_with_ctdbd_ = true; }
    void release_everything(const std::string& why); // SIGTERM: at once, without scripts

private:
    // ---- coordinator_outputs, participant_host ----
    void send(pnn to, const message& m) override;
    [[nodiscard]] plan calculate(const calculation_input& input) override;
    void run_ended(const run_report& report) override;
    [[nodiscard]] stamp now() const override;
    [[nodiscard]] item_set kernel_holds() override;
    void accepted(epoch e) override;
    [[nodiscard]] pnn known_leader() const override { return leader_; }
    [[nodiscard]] bool may_take() const override;
    [[nodiscard]] bool closed() const override { return fence_ && !fence_->is_open(); }
    void begin(epoch e, order what) override;

    // ---- ctdbd ----
    void registered(const provider::registered& terms);
    void lost(const error& why);
    [[nodiscard]] async::task<provider::acknowledge> on_event(provider::message event);
    void node_map_is(const provider::node_map_changed& event);
    void open_last_word();
    void leader_is(const provider::leader_changed& event);
    [[nodiscard]] async::task<provider::acknowledge> leave_cluster();
    [[nodiscard]] async::task<void> keep_client();
    void on_message(const provider::deliver& what);
    void takeover_wanted(const protocol::srvid_message& who);
    void disable_runs(const protocol::disable_message& who);
    void reply_message(pnn to, srvid address, std::int32_t value);
    void tell_local(srvid address, byte_view data);

    // ---- controls (controls.cpp) ----
    [[nodiscard]] async::task<provider::answer> serve(provider::request what);
    [[nodiscard]] provider::answer public_ips(bool only_available);
    [[nodiscard]] provider::answer public_ip_info(byte_view data);
    [[nodiscard]] provider::answer set_link(byte_view data);
    [[nodiscard]] provider::answer add_address(byte_view data);
    [[nodiscard]] provider::answer delete_address(byte_view data);
    [[nodiscard]] provider::answer reload_addresses();
    [[nodiscard]] provider::answer move_by_hand(std::uint32_t opcode, byte_view data);
    [[nodiscard]] provider::answer announce(byte_view data);
    [[nodiscard]] pnn holder_of(const item& which);
    [[nodiscard]] protocol::public_ip_list known_addresses();
    void publish();

    // ---- work ----
    [[nodiscard]] async::task<void> keep_monitoring();
    [[nodiscard]] async::task<void> carry_out(epoch e, order what);
    void from_tunnel(byte_view data);
    void dispatch(pnn from, const message& m);
    void pump();
    void send_status();
    void renew();
    void verify();
    void watch_interfaces();
    [[nodiscard]] bool fence_wanted() const;
    [[nodiscard]] std::vector<protocol::sock_addr> real_addresses() const; // not pretended
    void keep_fence();
    void keep_guard(const std::vector<protocol::sock_addr>& addresses);
    void adopt_leftover();
    [[nodiscard]] bool may_open();
    void open_fence();
    void give_up_fence();
    void retake(const item_set& gone);
    void look();
    void look_if_changed();
    void monitor_soon(async::duration in);
    [[nodiscard]] bool may_serve() const;
    [[nodiscard]] item_set available() const;
    [[nodiscard]] coordinator_settings run_settings() const;
    [[nodiscard]] authority_rule::settings authority_settings() const;
    [[nodiscard]] std::chrono::seconds lease() const;
    void log_moves(const run_report& report);

    async::event_loop& loop_;
    conf::config settings_;
    std::function<void()> leave_;
    bool leave_with_ctdbd_ = false;
    bool disabled_ = false;

    pnn self_ = unknown_pnn;
    pnn leader_ = unknown_pnn;
    bool lock_configured_ = false;
    bool all_ours_ = true;
    protocol::node_flags own_flags_;
    protocol::run_state run_state_ = protocol::run_state::unknown;
    protocol::tunable_list tunables_;
    bool active_ = false;
    bool leaving_ = false;

    local_addresses addresses_;
    event::event_client events_;
    executor executor_;
    coordinator leads_;
    participant member_;
    authority_rule authority_;
    status_pace status_pace_;

    item_set monitored_; // available by the last monitor event
    int monitor_failures_ = 0;
    std::set<std::string> interfaces_up_;
    bool started_scripts_ = false;
    async::time_point monitor_at_{};
    async::time_point last_renewal_{};
    bool kernel_changed_ = true; // since it was read
    async::time_point looked_at_{};
    async::time_point started_at_{};
    plan last_plan_;

    struct requester {
        pnn node;
        srvid address;
        epoch asked_in = 0;
    };
    std::vector<requester> requesters_;

    std::unique_ptr<client::client> client_;
    std::unique_ptr<client::message_subscription> tunnel_;
    std::deque<std::pair<pnn, message>> inbox_; // to ourselves
    async::deferred read_inbox_;
    async::deferred status_soon_;
    async::timer tick_;
    async::timer beat_;
    async::timer renewal_;
    async::timer verify_soon_;
    async::timer strangers_told_;
    async::notice changed_;               // for keep_monitoring, keep_client, leave_cluster
    std::unique_ptr<kernel_fence> fence_; // null: not wanted, or the kernel cannot
    bool leftover_possible_ = true;       // the guard of an earlier life may be there
    async::timer fence_soon_;
    end_inquiries inquiries_;
    std::unique_ptr<netlink::change_watch> watch_;
    std::map<pnn, protocol::sock_addr> node_addresses_; // not of those deleted
    std::unique_ptr<last_word> last_word_;
    provider::provider_client ctdbd_;
    async::task_set tasks_; // last: its tasks use the rest
};

} // namespace ctdb::failoverd
