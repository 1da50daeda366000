// node: links to the other nodes, signs of life, versions.
#include "common/base/log.hpp"
#include "ctdbd/node.hpp"

namespace ctdb::ctdbd {

// ---- transport ----

void node::watched_links::send(pnn to, bytes packet) {
    owner_.liveness_.sent(to, owner_.runtime_.now());
    real_.send(to, std::move(packet));
}

void node::link_up(pnn peer) {
    const async::time_point now = runtime_.now();
    liveness_.connected(peer, now);
    versions_.connected(peer, now);
    table_.link_up(peer);
    if (tick_timer_.armed()) {
        tick_timer_.arm(now);
    }
}

void node::link_down(pnn peer, const std::string& why, bool packets_undelivered) {
    liveness_.lost(peer);
    versions_.lost(peer);
    table_.link_down(peer, why);
    router_.node_lost(peer);
    traverses_.node_left(peer);
    if (packets_undelivered) {
        // A record on its way may be gone, even if the link is back before anybody looks
        // (databases.md 12.1 #1).
        request_recovery(fmt::format("link to node {} lost with packets undelivered", peer));
    }
}

void node::link_packet(pnn peer, byte_view packet) {
    const async::time_point tick_due = liveness_.next_tick();
    liveness_.received(peer, runtime_.now());
    if (liveness_.next_tick() != tick_due && tick_timer_.armed()) {
        arm_tick();
    }
    router_.receive(peer, packet);
}

void node::tick() {
    if (keepalives_stopped_) {
        return;
    }
    for (const pnn peer : table_.connected()) {
        liveness_.set_ours(peer, table_.is_ours(peer));
        versions_.set_ours(peer, table_.is_ours(peer));
    }
    const liveness_verdict verdict = liveness_.tick(runtime_.now());
    for (const pnn peer : verdict.keepalives) {
        send_keepalive(peer);
    }
    for (const liveness_verdict::dead_peer& dead : verdict.dead) {
        links_.fail(dead.node, dead.reason);
    }
    arm_tick();
}

void node::arm_tick() {
    tick_timer_.arm_between(liveness_.early_tick(), liveness_.next_tick());
}

void node::send_keepalive(pnn to) {
    const std::optional<std::uint32_t> version = versions_.to_announce(to, runtime_.now());
    if (!version) {
        return;
    }
    protocol::keepalive body;
    body.version = *version;
    body.uptime_s = static_cast<std::uint32_t>(
        std::chrono::duration_cast<std::chrono::seconds>(runtime_.now() - started_).count()
    );
    ++router_.counters().keepalive_packets_sent;
    router_.send_packet(to, protocol::encode(router_.header_to(to, reqid{0}), body));
}

void node::keepalive(pnn from, const std::optional<protocol::keepalive>& body) {
    std::optional<announced_version> theirs;
    if (body) {
        theirs = announced_version{body->version, body->uptime_s};
    }
    const auto uptime_s =
        std::chrono::duration_cast<std::chrono::seconds>(runtime_.now() - started_).count();
    const version_verdict verdict =
        versions_.received(from, theirs, static_cast<std::uint32_t>(uptime_s));
    if (verdict == version_verdict::shut_down) {
        host_.shut_down(0, fmt::format("node {} runs another version", from));
    } else if (verdict == version_verdict::differs) {
        report_version(from, body ? std::optional(body->version) : std::nullopt);
    }
}

// Once for each number a node announces.
void node::report_version(pnn from, std::optional<std::uint32_t> version) {
    const auto [known, first] = versions_reported_.emplace(from, version);
    if (!first && std::exchange(known->second, version) == version) {
        return;
    }
    if (version) {
        log_warning("node {} announces version {:#x}, not ours", from, *version);
    } else {
        log_warning("node {} announces no version: a release before 4.7", from);
    }
}

void node::stop_keepalives() {
    keepalives_stopped_ = true;
    tick_timer_.cancel();
}

} // namespace ctdb::ctdbd
