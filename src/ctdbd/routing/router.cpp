#include "ctdbd/routing/router.hpp"

#include "common/async/turn_part.hpp"
#include "common/base/log.hpp"

namespace ctdb::ctdbd {
namespace {

constexpr std::chrono::milliseconds self_turn_max{2}; // then others are served

} // namespace

router::router(
    async::runtime& rt,
    pnn self,
    peer_links& links,
    const node_directory& nodes,
    const epoch& current,
    packet_subjects& subjects
)
    : runtime_(rt), self_(self), links_(links), nodes_(nodes), epoch_(current), subjects_(subjects),
      ids_(rt.random()), pending_(rt, ids_), self_turn_(rt, [this] { serve_self(); }) {}

// ---- sending ----

protocol::packet_header router::header_to(pnn to, reqid id) const {
    protocol::packet_header header;
    header.generation = epoch_.generation();
    header.destnode = to;
    header.srcnode = self_;
    header.reqid = id;
    return header;
}

void router::send_packet(pnn to, bytes packet) {
    ++counters_.node_packets_sent;
    if (to == self_) {
        to_self_.push_back(std::move(packet));
        self_turn_.schedule();
        return;
    }
    links_.send(to, std::move(packet));
}

void router::send_message(pnn to, srvid address, byte_view data) {
    if (to == self_ || to == protocol::current_node) {
        registry_.deliver(address, data);
        return;
    }
    const protocol::req_message body{address, data};
    if (protocol::is_broadcast(to)) {
        for (const pnn node : nodes_.expand(to)) {
            send_packet(node, protocol::encode(header_to(node, reqid{0}), body));
        }
        return;
    }
    if (nodes_.is_connected(to)) {
        send_packet(to, protocol::encode(header_to(to, reqid{0}), body));
    }
}

bytes router::encode_control(pnn to, reqid id, const client::control_call& call, client_id owner)
    const {
    protocol::req_control body;
    body.opcode = call.opcode;
    body.srvid = call.srvid;
    body.client_id = owner;
    body.flags = call.flags;
    body.data = call.data;
    return protocol::encode(header_to(to, id), body);
}

reqid router::send_control(
    const client::control_call& call,
    client_id on_behalf_of,
    std::optional<async::time_point> deadline,
    control_completion done
) {
    const pnn to = call.to == protocol::current_node ? self_ : call.to;
    if (to != self_ && (!nodes_.is_known(to) || !nodes_.is_connected(to))) {
        client::control_answer answer;
        answer.text = text_disconnected_node;
        done(control_end::node_lost, std::move(answer));
        return reqid{0};
    }
    const reqid id = pending_.add(to, on_behalf_of, deadline, std::move(done));
    send_packet(to, encode_control(to, id, call, on_behalf_of));
    return id;
}

void router::send_control_without_reply(const client::control_call& call, client_id on_behalf_of) {
    client::control_call quiet = call;
    quiet.flags |= protocol::control_flag::noreply;
    std::vector<pnn> targets;
    if (protocol::is_broadcast(call.to)) {
        targets = nodes_.expand(call.to);
    } else {
        targets.push_back(call.to == protocol::current_node ? self_ : call.to);
    }
    for (const pnn node : targets) {
        if (node == self_ || nodes_.is_connected(node)) {
            send_packet(node, encode_control(node, reqid{0}, quiet, on_behalf_of));
        }
    }
}

void router::send_tunnel(pnn to, const protocol::req_tunnel& body) {
    if (to == self_ || nodes_.is_connected(to)) {
        send_packet(to, protocol::encode(header_to(to, reqid{0}), body));
    }
}

// ---- receiving ----

void router::serve_self() {
    // Only what was queued before this turn, as far as the time goes: answers to it wait for the
    // next.
    const async::time_point turn_ends = runtime_.now() + self_turn_max;
    for (std::size_t left = to_self_.size(); left > 0 && runtime_.now() <= turn_ends; --left) {
        const bytes packet = std::move(to_self_.front());
        to_self_.pop_front();
        receive_from(self_, packet);
    }
    if (!to_self_.empty()) {
        self_turn_.schedule();
    }
}

void router::receive(pnn peer, byte_view packet) {
    ++counters_.node_packets_recv;
    receive_from(peer, packet);
}

void router::receive_from(pnn peer, byte_view packet) {
    if (took_bare_keepalive(peer, packet)) {
        return;
    }
    const result<protocol::packet> decoded = protocol::decode_packet(packet);
    if (!decoded) {
        drop(peer, decoded.error().what.c_str());
        return;
    }
    if (decoded->header.destnode != self_) {
        drop(peer, "destination is another node");
        return;
    }
    if (!source_is_true(peer, *decoded)) {
        drop(peer, "source is another node");
        return;
    }
    dispatch(peer, *decoded, packet);
}

// It has no body to decode and yet a meaning (wire-protocol.md 2.9).
bool router::took_bare_keepalive(pnn peer, byte_view packet) {
    if (packet.size() != protocol::header_size) {
        return false;
    }
    const result<protocol::packet_header> header = protocol::parse_header(packet);
    if (!header || !protocol::is_bare_keepalive(*header) || header->destnode != self_ ||
        header->srcnode != peer) {
        return false;
    }
    ++counters_.keepalive_packets_recv;
    subjects_.keepalive(peer, std::nullopt);
    return true;
}

// A relayed REQ_CALL carries the node that first asked; everything else its sender
// (wire-protocol.md 9.1).
bool router::source_is_true(pnn peer, const protocol::packet& p) const {
    if (p.header.srcnode == peer) {
        return true;
    }
    const auto* call = std::get_if<protocol::req_call>(&p.body);
    return call != nullptr && call->hopcount > 0 && nodes_.is_known(p.header.srcnode);
}

void router::drop(pnn peer, const char* why) {
    ++dropped_;
    // One line per power of two: a peer that repeats itself cannot flood the log.
    if ((dropped_ & (dropped_ - 1)) == 0) {
        log_warning("packet from node {} dropped: {} ({} dropped so far)", peer, why, dropped_);
    }
}

void router::dispatch(pnn peer, const protocol::packet& p, byte_view raw) {
    const async::turn_part named(
        "packet of a node, operation", static_cast<std::uint32_t>(p.header.operation)
    );
    if (const auto* message = std::get_if<protocol::req_message>(&p.body)) {
        ++counters_.node.req_message;
        message_source_ = p.header.srcnode;
        registry_.deliver(message->srvid, message->data);
        message_source_ = unknown_pnn;
    } else if (const auto* control = std::get_if<protocol::req_control>(&p.body)) {
        ++counters_.node.req_control;
        dispatch_control(p.header, *control);
    } else if (const auto* reply = std::get_if<protocol::reply_control>(&p.body)) {
        ++counters_.node.reply_control;
        if (!pending_.answered(peer, p.header.reqid, *reply)) {
            log_debug("reply {} from node {} is late or not ours", p.header.reqid, peer);
        }
    } else if (const auto* tunnel = std::get_if<protocol::req_tunnel>(&p.body)) {
        ++counters_.node.req_tunnel;
        subjects_.tunnel(p.header, *tunnel);
    } else if (const auto* alive = std::get_if<protocol::keepalive>(&p.body)) {
        ++counters_.keepalive_packets_recv;
        subjects_.keepalive(peer, *alive);
    } else {
        record_peer_ = peer;
        dispatch_record(p, raw);
        record_peer_ = unknown_pnn;
    }
}

void router::dispatch_record(const protocol::packet& p, byte_view raw) {
    // REPLY_ERROR is not filtered (databases.md 0.5).
    if (!std::holds_alternative<protocol::reply_error>(p.body)) {
        if (nodes_.own_is_banned() || p.header.generation != epoch_.generation()) {
            log_debug(
                "record packet of generation {} from node {} dropped, ours is {}",
                p.header.generation,
                p.header.srcnode,
                epoch_.generation()
            );
            return;
        }
    }
    subjects_.record_packet(p, raw);
}

void router::dispatch_control(
    const protocol::packet_header& header, const protocol::req_control& body
) {
    const async::turn_part named("control of a node, opcode", body.opcode);
    control_request request;
    request.origin.node = header.srcnode;
    request.origin.client = header.srcnode == self_ ? body.client_id : client_id{0};
    request.generation = header.generation;
    request.opcode = body.opcode;
    request.srvid = body.srvid;
    request.flags = body.flags;
    request.data = body.data;
    if (body.flags.has(protocol::control_flag::noreply)) {
        subjects_.control(request, [](const client::control_answer&) {});
        return;
    }
    subjects_.control(request, [this, header](const client::control_answer& answer) {
        protocol::reply_control reply;
        reply.status = answer.status;
        reply.data = answer.data;
        reply.error_text = view_of(answer.text);
        send_packet(
            header.srcnode, protocol::encode(header_to(header.srcnode, header.reqid), reply)
        );
    });
}

void router::node_lost(pnn node) {
    pending_.node_lost(node);
}

} // namespace ctdb::ctdbd
