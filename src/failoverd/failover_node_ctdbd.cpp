// What failoverd hears from ctdbd and answers: node map, leadership, activity, messages, its end.
#include "common/base/log.hpp"
#include "common/protocol/controls.hpp"
#include "common/protocol/messages.hpp"
#include "failoverd/accepted_plan.hpp"
#include "failoverd/failover_node.hpp"

#include <algorithm>

namespace ctdb::failoverd {

namespace {

using namespace std::chrono_literals;

constexpr async::duration reconnect_pause = 100ms;
constexpr async::duration introduction = 5s; // a node that has just come says soon what it is

} // namespace

// ---- ctdbd ----

void failover_node::registered(const provider::registered& terms) {
    if (self_ != terms.self) {
        self_ = terms.self;
        const accepted_plan before = load_accepted_plan(settings_.where().run);
        plan old;
        for (const item& which : before.share) {
            old[which] = self_;
        }
        member_.become(self_);
        member_.adopt(old);
    }
    log_notice("registered with ctdbd as node {}", self_);
    authority_.ctdbd_is(true, loop_.now());
    events_.connect();
    changed_.notify();
}

void failover_node::lost(const error& why) {
    authority_.ctdbd_is(false, loop_.now());
    leads_.stop_leading();
    inquiries_.leading_is(false);
    leader_ = unknown_pnn;
    active_ = false;
    authority_.active_is(false);
    // What a script is still doing we cannot vouch for.
    const bool certain = !member_.busy();
    release_everything("ctdbd is gone: " + why.what);
    if (last_word_ && certain && kernel_holds().empty()) {
        std::vector<protocol::sock_addr> others;
        for (const auto& [node, address] : node_addresses_) {
            if (node != self_) {
                others.push_back(address);
            }
        }
        last_word_->say(others, released_all{self_, member_.key(), now()});
    }
    requesters_.clear();
    if (leave_with_ctdbd_) {
        leave_();
    }
    changed_.notify();
}

void failover_node::release_everything(const std::string& why) {
    look();
    const item_set all = disabled_ ? item_set{} : addresses_.held();
    if (!all.empty()) {
        log_notice("releasing {} addresses: {}", all.size(), why);
        executor_.tell_each(protocol::srvids::release_ip, all);
        addresses_.release(all);
    }
    member_.drop();
    status_soon_.schedule();
}

async::task<provider::acknowledge> failover_node::on_event(provider::message event) {
    if (const auto* map = std::get_if<provider::node_map_changed>(&event)) {
        node_map_is(*map);
    } else if (const auto* leader = std::get_if<provider::leader_changed>(&event)) {
        leader_is(*leader);
    } else if (const auto* state = std::get_if<provider::run_state_changed>(&event)) {
        run_state_ = state->state;
        status_soon_.schedule();
    } else if (const auto* activity = std::get_if<provider::activity_changed>(&event)) {
        active_ = activity->active;
        own_flags_ = activity->flags;
        authority_.active_is(active_);
        if (!active_) {
            release_everything("the node is inactive");
        }
        status_soon_.schedule();
    } else if (const auto* tunables = std::get_if<provider::tunables_changed>(&event)) {
        tunables_ = tunables->tunables;
    } else if (const auto* phase = std::get_if<provider::shutting_down>(&event)) {
        if (phase->phase == provider::shutdown_phase::leaving) {
            co_return co_await leave_cluster();
        }
        if (phase->phase == provider::shutdown_phase::ending) {
            release_everything("ctdbd ends");
        }
    }
    changed_.notify();
    pump();
    co_return provider::acknowledge{};
}

void failover_node::node_map_is(const provider::node_map_changed& event) {
    std::map<pnn, node_state> nodes;
    node_addresses_.clear();
    for (const protocol::node_and_flags& n : event.map.nodes) {
        node_state s;
        s.deleted = n.flags.has(protocol::node_flag::deleted);
        s.connected = protocol::is_connected(n.flags);
        s.active = !protocol::is_inactive(n.flags);
        nodes[n.pnn] = s;
        if (!s.deleted) {
            node_addresses_[n.pnn] = n.address;
        }
        if (n.pnn == self_) {
            own_flags_ = n.flags;
        }
    }
    if (event.all_ours) {
        strangers_told_.cancel();
    } else if (all_ours_) {
        strangers_told_.arm_in(introduction);
    }
    all_ours_ = event.all_ours;
    open_last_word();
    leads_.nodes_are(std::move(nodes), loop_.now());
    inquiries_.nodes_are(self_, event.map);
    status_soon_.schedule();
}

void failover_node::open_last_word() {
    const auto own = node_addresses_.find(self_);
    if (last_word_ || own == node_addresses_.end()) {
        return;
    }
    auto heard = [this](const released_all& what, const protocol::sock_addr& from) {
        const auto node = node_addresses_.find(what.origin);
        if (node != node_addresses_.end() && protocol::same_ip(node->second, from)) {
            leads_.has_released_all(what, loop_.now());
            if (what.key == member_.key()) {
                leads_.has_released_all_before(what.origin, loop_.now());
            }
            pump();
        }
    };
    auto opened = last_word::open(loop_, own->second, std::move(heard));
    if (opened) {
        last_word_ = std::move(*opened);
    } else {
        log_info("without last words of nodes: {}", opened.error().what);
    }
}

void failover_node::leader_is(const provider::leader_changed& event) {
    leader_ = event.leader;
    lock_configured_ = event.lock_configured;
    const bool lead = leader_ == self_ && self_ != unknown_pnn;
    authority_.leading_is(lead, lock_configured_);
    if (lead) {
        authority_.lock_verified(loop_.now()); // it has just been taken
        leads_.leader_before_was_fenced(member_.fenced_leader());
        leads_.lead(member_.accepted(), loop_.now());
    } else {
        leads_.stop_leading();
    }
    inquiries_.leading_is(lead);
    status_soon_.schedule();
}

// Nothing is available here any more; the leader's run takes what we hold. Ends when it is gone.
async::task<provider::acknowledge> failover_node::leave_cluster() {
    leaving_ = true;
    send_status();
    const std::chrono::seconds limit(settings_.get(conf::options::shutdown_failover_timeout));
    const async::time_point deadline = loop_.now() + std::max(limit - 500ms, 100ms);
    async::timer wake(loop_, [this] { changed_.notify(); });
    wake.arm(deadline);
    while (loop_.now() < deadline && !addresses_.held().empty()) {
        co_await changed_.wait();
    }
    release_everything("the node leaves the cluster");
    co_return provider::acknowledge{};
}

async::task<void> failover_node::keep_client() {
    for (;;) {
        if (ctdbd_.is_registered() && (!client_ || !client_->connected())) {
            tunnel_.reset();
            const auto deadline = loop_.now() + 5s;
            client::client::end_handler ended = [this](const sock::stream_end&) {
                changed_.notify();
            };
            std::string path = settings_.where().socket("ctdbd");
            auto connected = co_await client::client::connect(
                loop_, std::move(path), deadline, std::move(ended)
            );
            if (connected) {
                client_ = std::move(*connected);
                client::client::tunnel_handler handler =
                    [this](protocol::tunnel_flags, byte_view data) { from_tunnel(data); };
                auto tunnel =
                    co_await client_->open_tunnel(tunnel_id, std::move(handler), deadline);
                if (tunnel) {
                    tunnel_ = std::move(*tunnel);
                    status_soon_.schedule();
                } else {
                    log_warning("no tunnel to other nodes: {}", tunnel.error().what);
                    client_.reset();
                }
            }
            co_await async::sleep_for(loop_, reconnect_pause);
            continue;
        }
        co_await changed_.wait();
    }
}

void failover_node::tell_local(srvid address, byte_view data) {
    if (client_ && client_->connected()) {
        client_->message(self_, address, data);
        client_->flush();
    }
}

void failover_node::reply_message(pnn to, srvid address, std::int32_t value) {
    if (client_ && client_->connected() && address.value != 0) {
        client_->message(to, address, protocol::encode(value));
        client_->flush();
    }
}

void failover_node::on_message(const provider::deliver& what) {
    if (what.srvid == protocol::srvids::takeover_run) {
        const auto who = protocol::decode<protocol::srvid_message>(what.data);
        if (who) {
            takeover_wanted(*who);
        }
    } else if (what.srvid == protocol::srvids::disable_takeover_runs) {
        const auto who = protocol::decode<protocol::disable_message>(what.data);
        if (who) {
            disable_runs(*who);
        }
    } else if (what.srvid == protocol::srvids::rebalance_node) {
        const auto node = protocol::decode<pnn>(what.data);
        if (node) {
            leads_.rebalance(*node);
        }
    }
}

void failover_node::takeover_wanted(const protocol::srvid_message& who) {
    if (!leads_.leading()) {
        return;
    }
    const auto same = [&who](const requester& r) {
        return r.node == who.pnn && r.address == who.srvid;
    };
    std::erase_if(requesters_, same); // the tool repeats itself
    requesters_.push_back({who.pnn, who.srvid, leads_.current()});
    leads_.want_run(
        fmt::format("node {} asks for it", who.pnn), coordinator::urgency::at_once, loop_.now()
    );
    pump();
}

void failover_node::disable_runs(const protocol::disable_message& who) {
    const std::chrono::seconds how_long(who.seconds);
    leads_.hold_back_until(loop_.now() + how_long);
    if (how_long.count() != 0) {
        log_notice("failover runs are disabled for {} s", who.seconds);
    }
    reply_message(who.pnn, who.srvid, static_cast<std::int32_t>(self_.value));
    pump();
}

} // namespace ctdb::failoverd
