// The messages that upstream's recovery daemon answers (cluster.md 5.5).
#include "common/base/log.hpp"
#include "ctdbd/leadership/leader_logic.hpp"

namespace ctdb::ctdbd {

namespace messages = protocol::messages;

void leader_logic::subscribe_all() {
    const std::array<srvid, 12> addresses{
        messages::leader::address,
        messages::election::address,
        messages::banning::address,
        messages::disable_recoveries::address,
        messages::set_node_flags::address,
        messages::push_node_flags::address,
        messages::reload_nodes::address,
        messages::mem_dump::address,
        messages::takeover_run::address,
        messages::rebalance_node::address,
        messages::disable_takeover_runs::address,
        messages::disable_ip_check::address};
    const auto listen = [this](srvid address) {
        subscriptions_.push_back(port_.subscribe(address, [this, address](byte_view data) {
            receive(port_.message_source(), address, data);
        }));
    };
    for (const srvid address : addresses) {
        listen(address);
    }
    listen(wake_leader_address);
}

template <class Message, class Handler>
void leader_logic::decoded(pnn from, byte_view data, Handler handler) {
    if (const auto message = protocol::decode_message<Message>(data)) {
        handler(*message);
    } else {
        log_warning(
            "message {} from node {} dropped: {}",
            protocol::srvid_name(Message::address),
            from,
            message.error().what
        );
    }
}

void leader_logic::receive(pnn from, srvid address, byte_view data) {
    const auto hand_to = [](const auto& hook) {
        return [&hook](const auto& message) {
            if (hook) {
                hook(message);
            }
        };
    };
    if (address == messages::leader::address) {
        decoded<messages::leader>(from, data, [&](pnn claimed) { on_leader(from, claimed); });
    } else if (address == messages::election::address) {
        decoded<messages::election>(from, data, [&](const auto& m) { on_election(from, m); });
    } else if (address == wake_leader_address) {
        kick("a node asks to look");
    } else if (address == messages::banning::address) {
        decoded<messages::banning>(from, data, [&](pnn node) { on_banning(from, node); });
    } else if (address == messages::disable_recoveries::address) {
        decoded<messages::disable_recoveries>(from, data, [&](const auto& m) {
            on_disable_recoveries(m);
        });
    } else if (address == messages::mem_dump::address) {
        decoded<messages::mem_dump>(from, data, [&](const auto& m) { on_mem_dump(m); });
    } else if (address == messages::push_node_flags::address) {
        decoded<messages::push_node_flags>(from, data, [&](const auto& m) {
            if (m.pnn == table_.self()) { // own flags are the only ones that we can vouch for
                push_own_flags({m.pnn, table_.own_flags(), m.old_flags});
            }
        });
    } else if (address == messages::reload_nodes::address) {
        if (hooks_.on_reload_nodes) {
            hooks_.on_reload_nodes();
        }
    } else if (address == messages::set_node_flags::address) {
        log_warning("obsolete message SET_NODE_FLAGS from node {} ignored", from);
    } else if (address == messages::takeover_run::address) {
        decoded<messages::takeover_run>(from, data, hand_to(hooks_.on_takeover_run));
    } else if (address == messages::rebalance_node::address) {
        decoded<messages::rebalance_node>(from, data, hand_to(hooks_.on_rebalance_node));
    } else if (address == messages::disable_takeover_runs::address) {
        decoded<messages::disable_takeover_runs>(
            from, data, hand_to(hooks_.on_disable_takeover_runs)
        );
    } else if (address == messages::disable_ip_check::address) {
        decoded<messages::disable_ip_check>(from, data, hand_to(hooks_.on_disable_ip_check));
    }
}

// Where the port cannot tell who speaks, the message's own word has to do, as upstream does.
void leader_logic::on_leader(pnn from, pnn claimed) {
    feed(election_event::leader_heard{from == unknown_pnn ? claimed : from, claimed});
}

void leader_logic::on_election(pnn from, const protocol::election_message& message) {
    feed(election_event::election_heard{from == unknown_pnn ? message.pnn : from, message});
}

void leader_logic::on_banning(pnn from, pnn node) {
    const bool own_helper = from == table_.self() || from == unknown_pnn; // W20
    if (!leading() || !own_helper || !table_.is_known(node)) {
        log_info("BANNING of node {} from node {} ignored", node, from);
        return;
    }
    credit(node, static_cast<std::uint32_t>(table_.size()), "a helper asked for it");
    kick("credits given");
}

void leader_logic::on_disable_recoveries(const protocol::disable_message& message) {
    std::int32_t value = static_cast<std::int32_t>(table_.self().value);
    if (message.seconds == 0) {
        recoveries_disabled_until_.reset();
        kick("recoveries are enabled again");
    } else if (recovering_) {
        value = -EAGAIN;
    } else {
        recoveries_disabled_until_ = runtime_.now() + std::chrono::seconds(message.seconds);
        log_notice("recoveries are disabled for {} s", message.seconds);
    }
    answer(message.pnn, message.srvid, protocol::encode(value));
}

void leader_logic::on_mem_dump(const protocol::srvid_message& message) {
    if (hooks_.memory_report) {
        answer(message.pnn, message.srvid, view_of(hooks_.memory_report()));
    }
}

void leader_logic::answer(pnn to, srvid address, byte_view data) {
    if (address.value != 0) { // 0: no answer wanted
        port_.message(to, address, data);
    }
}

} // namespace ctdb::ctdbd
