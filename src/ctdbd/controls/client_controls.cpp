// Controls of local clients about themselves: addresses, notifications, tunnels (cluster.md 9.3).
// From other nodes they are refused: a client id means nothing there (W28).

#include "common/protocol/controls.hpp"
#include "common/protocol/srvids.hpp"
#include "ctdbd/node.hpp"

namespace ctdb::ctdbd {

namespace {

namespace controls = protocol::controls;
using protocol::none;
using protocol::status_value;

answer<> need_client(const control_request& request) {
    if (!request.origin.is_local_client()) {
        return refuse("control {} is for clients of this node only", request.opcode);
    }
    return {};
}

answer<> done_or(bool done, const char* why_not) {
    if (!done) {
        return refuse("{}", why_not);
    }
    return {};
}

// Who begins to listen to the leader's broadcasts is told at once who leads, after the answer, so
// that `ctdb status` need not wait for the next one.
async::task<void> tell_leader(node& n, client_id client) {
    co_await async::next_turn(n.cluster().runtime());
    if (const pnn leader = n.leadership().leader(); leader != unknown_pnn) {
        n.clients().deliver_message(client, protocol::srvids::leader, protocol::encode(leader));
    }
}

void serve_addresses(control_table& table, node& n) {
    client_hub& clients = n.clients();
    table.serve<controls::register_srvid>([&n](const control_request& r, none) -> answer<> {
        const bool done = n.clients().register_srvid(r.origin.client, r.srvid);
        if (done && r.srvid == protocol::srvids::leader) {
            n.background().spawn(tell_leader(n, r.origin.client));
        }
        return done_or(done, "only clients of this node register");
    });
    table.serve<controls::deregister_srvid>([&clients](const control_request& r, none) -> answer<> {
        if (auto local = need_client(r); !local) {
            return local;
        }
        if (!clients.deregister_srvid(r.origin.client, r.srvid)) {
            return refuse_with(protocol::status::not_registered, "address is not registered");
        }
        return {};
    });
    table.serve<controls::check_pid_srvid>(
        [&clients](
            const control_request&, const protocol::pid_srvid& asked
        ) -> answer<status_value> {
            return status_value{clients.has_registered(asked.pid, asked.srvid) ? 0 : -1};
        }
    );
}

void serve_notifications(control_table& table, client_hub& clients) {
    table.serve<controls::register_notify>(
        [&clients](const control_request& r, const protocol::notify_data& notify) {
            return done_or(
                clients.register_notify(r.origin.client, notify),
                "not a client of this node, or the address has a notification already"
            );
        }
    );
    table.serve<controls::deregister_notify>([&clients](const control_request& r, srvid address) {
        return done_or(clients.deregister_notify(r.origin.client, address), "no such notification");
    });
}

void serve_tunnels(control_table& table, client_hub& clients) {
    table.serve<controls::register_tunnel>([&clients](const control_request& r, none) {
        return done_or(
            clients.register_tunnel(r.origin.client, r.srvid.value),
            "not a client of this node, or the tunnel has an owner"
        );
    });
    table.serve<controls::deregister_tunnel>([&clients](const control_request& r, none) {
        return done_or(
            clients.deregister_tunnel(r.origin.client, r.srvid.value), "not this client's tunnel"
        );
    });
}

// Obsolete, unused, but they answer 0 and count (wire-protocol.md 3.3).
void serve_persistent_updates(control_table& table, client_hub& clients) {
    table.add(
        protocol::start_persistent_update_opcode,
        [&clients](const control_request& r, const control_reply& reply) {
            clients.count_persistent_update(r.origin.client, 1);
            reply(answer_of<controls::freeze>(none{}));
        }
    );
    table.add(
        protocol::cancel_persistent_update_opcode,
        [&clients](const control_request& r, const control_reply& reply) {
            clients.count_persistent_update(r.origin.client, -1);
            reply(answer_of<controls::freeze>(none{}));
        }
    );
}

} // namespace

void serve_client_controls(control_table& table, node& n) {
    serve_addresses(table, n);
    serve_notifications(table, n.clients());
    serve_tunnels(table, n.clients());
    serve_persistent_updates(table, n.clients());
}

} // namespace ctdb::ctdbd
