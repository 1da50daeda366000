#include "ctdbd/clients/client_hub.hpp"

#include "common/async/turn_part.hpp"
#include "common/base/log.hpp"

#include <algorithm>

namespace ctdb::ctdbd {

client_id client_hub::connected(std::unique_ptr<client_link> link, pid_t pid) {
    const client_id id{
        router_.ids().allocate().value}; // from the same counter as request ids, never 0
    client_state state;
    state.link = std::move(link);
    state.pid = pid;
    clients_.emplace(id, std::move(state));
    return id;
}

void client_hub::client_gone(client_id client) {
    const auto found = clients_.find(client);
    if (found == clients_.end()) {
        return;
    }
    const client_state ended = std::move(found->second);
    clients_.erase(found);
    router_.registry().remove_all(client);
    std::erase_if(tunnels_, [client](const auto& entry) { return entry.second == client; });
    router_.pending().owner_gone(client);
    services_.client_ended(client);
    if (ended.persistent_updates > 0) {
        services_.updates_abandoned(client);
    }
    router_.ids().release(reqid{client.value});
    for (const auto& [address, data] : ended.notifications) {
        router_.send_message(protocol::broadcast_connected, address, data);
    }
}

void client_hub::packet(client_id client, byte_view raw) {
    ++router_.counters().client_packets_recv;
    const result<protocol::packet> decoded = protocol::decode_packet(raw);
    if (!decoded) {
        log_warning("packet of client {} dropped: {}", client, decoded.error().what);
        return;
    }
    protocol::client_counters& counters = router_.counters().client;
    if (std::holds_alternative<protocol::req_call>(decoded->body)) {
        ++counters.req_call;
        call(client, *decoded);
    } else if (const auto* message = std::get_if<protocol::req_message>(&decoded->body)) {
        ++counters.req_message;
        router_.send_message(decoded->header.destnode, message->srvid, message->data);
    } else if (std::holds_alternative<protocol::req_control>(decoded->body)) {
        ++counters.req_control;
        control(client, *decoded);
    } else if (std::holds_alternative<protocol::req_tunnel>(decoded->body)) {
        ++counters.req_tunnel;
        send_tunnel(client, *decoded);
    } else {
        log_warning(
            "packet of client {} dropped: operation {} is not for clients",
            client,
            static_cast<std::uint32_t>(decoded->header.operation)
        );
    }
}

void client_hub::call(client_id client, const protocol::packet& p) {
    record_call request;
    request.client = client;
    request.id = p.header.reqid;
    request.call = std::get<protocol::req_call>(p.body);
    request.call.hopcount = 0;
    services_.call(request);
}

void client_hub::control(client_id client, const protocol::packet& p) {
    const auto& body = std::get<protocol::req_control>(p.body);
    const pnn to = p.header.destnode;
    if (protocol::is_broadcast(to)) {
        if (!body.flags.has(protocol::control_flag::noreply)) {
            refuse_control_to_all(client, p.header.reqid, body.opcode);
            return;
        }
        client::control_call call{to, body.opcode, body.srvid, body.flags, to_bytes(body.data)};
        router_.send_control_without_reply(call, client);
        return;
    }
    if (services_.routed_elsewhere(to)) {
        forward_control(client, p.header, body);
    } else {
        own_control(client, p.header, body);
    }
}

// Upstream leaves such a client waiting for ever (samba-client.md 2: everything is answered).
void client_hub::refuse_control_to_all(client_id client, reqid id, std::uint32_t opcode) {
    client::control_answer answer;
    answer.text = fmt::format("control {} to all nodes cannot be answered", opcode);
    log_warning("client {}: {}: refused", client, answer.text);
    reply_control(client, id, answer);
}

void client_hub::own_control(
    client_id client, const protocol::packet_header& h, const protocol::req_control& body
) {
    const async::turn_part named("control of a client, opcode", body.opcode);
    control_request request;
    request.origin = {router_.self(), client};
    request.generation = h.generation;
    request.opcode = body.opcode;
    request.srvid = body.srvid;
    request.flags = body.flags;
    request.data = body.data;
    if (body.flags.has(protocol::control_flag::noreply)) {
        services_.control(request, [](const client::control_answer&) {});
        return;
    }
    services_.control(request, [this, client, id = h.reqid](const client::control_answer& answer) {
        reply_control(client, id, answer);
    });
}

void client_hub::forward_control(
    client_id client, const protocol::packet_header& h, const protocol::req_control& body
) {
    const client::control_call call{
        h.destnode, body.opcode, body.srvid, body.flags, to_bytes(body.data)};
    if (body.flags.has(protocol::control_flag::noreply)) {
        router_.send_control_without_reply(call, client);
        return;
    }
    std::optional<async::time_point> deadline;
    if (const std::uint32_t limit = services_.control_timeout_s(); limit != 0) {
        deadline = router_.runtime().now() + std::chrono::seconds(limit);
    }
    router_.send_control(
        call,
        client,
        deadline,
        [this, client, id = h.reqid](control_end, const client::control_answer& a) {
            reply_control(client, id, a);
        }
    );
}

void client_hub::send_tunnel(client_id client, const protocol::packet& p) {
    const auto& body = std::get<protocol::req_tunnel>(p.body);
    if (!tunnels_.contains(body.tunnel_id)) {
        log_warning(
            "client {}: tunnel {:x} is not registered here, dropped", client, body.tunnel_id
        );
        return;
    }
    router_.send_tunnel(p.header.destnode, body);
}

void client_hub::tunnel(const protocol::packet_header&, const protocol::req_tunnel& body) {
    const auto owner = tunnels_.find(body.tunnel_id);
    if (owner != tunnels_.end()) {
        send_to(owner->second, protocol::encode(header_for(reqid{0}), body));
    }
}

protocol::packet_header client_hub::header_for(reqid id) const {
    protocol::packet_header header = router_.header_to(pnn{0}, id); // destination is always 0 (1.2)
    header.srcnode = router_.self();
    return header;
}

void client_hub::send_to(client_id client, bytes packet) {
    const auto found = clients_.find(client);
    if (found != clients_.end()) {
        ++router_.counters().client_packets_sent;
        found->second.link->send(std::move(packet));
    }
}

void client_hub::reply_control(client_id client, reqid id, const client::control_answer& answer) {
    protocol::reply_control reply;
    reply.status = answer.status;
    reply.data = answer.data;
    reply.error_text = view_of(answer.text);
    send_to(client, protocol::encode(header_for(id), reply));
}

void client_hub::reply_to_call(client_id client, reqid id, std::int32_t status, byte_view data) {
    const protocol::reply_call reply{status, data};
    send_to(client, protocol::encode(header_for(id), reply));
}

void client_hub::refuse_call(
    client_id client, reqid id, std::int32_t status, std::string_view text
) {
    const std::string with_nul = std::string(text) + '\0';
    const protocol::reply_error reply{status, view_of(with_nul)};
    send_to(client, protocol::encode(header_for(id), reply));
}

void client_hub::deliver_message(client_id client, srvid address, byte_view data) {
    const auto found = clients_.find(client);
    if (found == clients_.end()) {
        return;
    }
    if (found->second.link->queued_packets() > services_.max_queue_drop_msg()) {
        found->second.link->close("it does not read its messages (MaxQueueDropMsg)");
        return;
    }
    const protocol::req_message body{address, data};
    send_to(client, protocol::encode(header_for(reqid{0}), body));
}

std::size_t client_hub::queued_bytes(client_id client) const {
    const auto found = clients_.find(client);
    return found == clients_.end() ? 0 : found->second.link->queued_bytes();
}

std::optional<pid_t> client_hub::pid_of(client_id client) const {
    const auto found = clients_.find(client);
    return found == clients_.end() ? std::nullopt : std::optional(found->second.pid);
}

std::optional<client_id> client_hub::client_of(pid_t pid) const {
    for (const auto& [id, state] : clients_) {
        if (state.pid == pid) {
            return id;
        }
    }
    return std::nullopt;
}

bool client_hub::has_registered(pid_t pid, srvid address) const {
    for (const auto& [id, state] : clients_) {
        if (state.pid == pid && router_.registry().has(address, id)) {
            return true;
        }
    }
    return false;
}

void client_hub::disconnect(client_id client, std::string_view why) {
    const auto found = clients_.find(client);
    if (found != clients_.end()) {
        found->second.link->close(why);
    }
}

bool client_hub::register_srvid(client_id client, srvid address) {
    if (!is_known(client)) {
        return false;
    }
    router_.registry().add(address, client, [this, client](srvid to, byte_view data) {
        deliver_message(client, to, data);
    });
    return true;
}

bool client_hub::deregister_srvid(client_id client, srvid address) {
    return router_.registry().remove_one(address, client);
}

bool client_hub::register_tunnel(client_id client, std::uint64_t tunnel) {
    return is_known(client) && tunnels_.emplace(tunnel, client).second;
}

bool client_hub::deregister_tunnel(client_id client, std::uint64_t tunnel) {
    const auto found = tunnels_.find(tunnel);
    if (found == tunnels_.end() || found->second != client) {
        return false;
    }
    tunnels_.erase(found);
    return true;
}

bool client_hub::register_notify(client_id client, const protocol::notify_data& notify) {
    const auto found = clients_.find(client);
    return found != clients_.end() &&
           found->second.notifications.emplace(notify.srvid, notify.data).second;
}

bool client_hub::deregister_notify(client_id client, srvid address) {
    const auto found = clients_.find(client);
    return found != clients_.end() && found->second.notifications.erase(address) != 0;
}

void client_hub::count_persistent_update(client_id client, int step) {
    const auto found = clients_.find(client);
    if (found != clients_.end()) {
        found->second.persistent_updates = std::max(0, found->second.persistent_updates + step);
    }
}

} // namespace ctdb::ctdbd
