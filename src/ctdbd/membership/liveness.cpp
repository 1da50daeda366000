#include "ctdbd/membership/liveness.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace ctdb::ctdbd {

namespace {

using async::duration;
using async::time_point;
using milliseconds = liveness::milliseconds;

// A tick that comes later than this is taken for an own stall; less is ordinary scheduling.
constexpr milliseconds stall_noticed{100};

double as_ms(duration d) {
    return std::chrono::duration<double, std::milli>(d).count();
}

std::string seconds_text(duration d) {
    return fmt::format("{:.1f} s", std::chrono::duration<double>(d).count());
}

} // namespace

void liveness::set(keepalive_settings settings) {
    settings_ = settings;
    settings_.interval = std::max(settings_.interval, std::chrono::seconds(1));
    settings_.limit = std::max(settings_.limit, 1U);
}

void liveness::connected(pnn node, time_point now) {
    latest_ = now;
    peer p;
    p.heard = now;
    p.sent = now;
    p.gap_ms = as_ms(heartbeat());
    p.upstream_tick = now + settings_.interval;
    peers_[node] = p;
    if (peers_.size() == 1) {
        last_tick_ = now;
        next_tick_ = now + heartbeat();
    }
    next_tick_ = std::min(next_tick_, now + heartbeat());
}

void liveness::lost(pnn node) {
    peers_.erase(node);
}

void liveness::set_ours(pnn node, bool ours) {
    const auto found = peers_.find(node);
    if (found == peers_.end() || found->second.ours == ours) {
        return;
    }
    found->second.ours = ours;
    found->second.heard = latest_; // upstream's rhythm was slower: nobody is late by ours
    if (ours) {
        next_tick_ = std::min(next_tick_, latest_ + heartbeat());
    }
}

void liveness::received(pnn node, time_point now) {
    latest_ = now;
    const auto found = peers_.find(node);
    if (found == peers_.end()) {
        return;
    }
    peer& p = found->second;
    // Only gaps of heartbeat length say something about the link; dense traffic would hide them.
    if (const double gap = as_ms(now - p.heard); gap >= as_ms(heartbeat()) / 2) {
        p.deviation_ms += (std::abs(gap - p.gap_ms) - p.deviation_ms) / 4;
        p.gap_ms += (gap - p.gap_ms) / 8;
    }
    p.heard = now;
    p.heard_since_tick = true;
    if (p.ours) {
        draw_near(now);
    }
}

// L4. The nearer the packet is to the own tick, the more: with equal steps, nodes that are equally
// far from each other would stay so.
void liveness::draw_near(time_point now) {
    const duration interval = heartbeat();
    const duration since_tick = now - last_tick_;
    if (since_tick >= interval / 2 && since_tick < interval * 3 / 4) {
        const duration nearer = interval * 23 / 16 - since_tick;
        next_tick_ = std::min(next_tick_, last_tick_ + std::max(nearer, interval * 3 / 4));
    }
}

time_point liveness::early_tick() const {
    return std::min(
        next_tick_, std::max(last_tick_ + heartbeat() * 3 / 4, next_tick_ - heartbeat() / 4)
    );
}

void liveness::sent(pnn node, time_point now) {
    if (const auto found = peers_.find(node); found != peers_.end()) {
        found->second.sent = now;
    }
}

milliseconds liveness::heartbeat() const {
    const auto wanted = milliseconds(250) + milliseconds(8) * static_cast<int>(peers_.size());
    return std::clamp(wanted, heartbeat_min, heartbeat_max);
}

milliseconds liveness::limit_of(const peer& p) const {
    if (!p.ours) {
        return std::chrono::duration_cast<milliseconds>(settings_.interval) *
               static_cast<int>(settings_.limit);
    }
    const auto expected = milliseconds(std::lround(2 * p.gap_ms + 8 * p.deviation_ms));
    return std::clamp(expected, suspicion_min, suspicion_max);
}

milliseconds liveness::limit_of(pnn node) const {
    const auto found = peers_.find(node);
    return found == peers_.end() ? milliseconds(0) : limit_of(found->second);
}

void liveness::absorb_stall(time_point now) {
    const duration late = now - next_tick_;
    if (late <= stall_noticed) {
        return;
    }
    for (auto& [node, p] : peers_) { // L1
        p.heard = std::min(now, p.heard + late);
        p.upstream_tick += late;
    }
}

liveness_verdict liveness::tick(time_point now) {
    liveness_verdict out;
    latest_ = last_tick_ = now;
    absorb_stall(now);
    for (auto& [node, p] : peers_) {
        if (p.ours) {
            judge_ours(node, p, now, out);
        } else {
            judge_upstream(node, p, now, out);
        }
    }
    for (const auto& gone : out.dead) { // L3
        peers_.erase(gone.node);
    }
    plan_next_tick(now);
    return out;
}

// No wake-ups for nothing: among upstream peers a second is fine enough.
void liveness::plan_next_tick(time_point now) {
    next_tick_ = now + std::min<std::chrono::seconds>(settings_.interval, std::chrono::seconds(1));
    for (const auto& [node, p] : peers_) {
        next_tick_ = std::min(next_tick_, p.ours ? now + heartbeat() : p.upstream_tick);
    }
    next_tick_ = std::max(next_tick_, now + heartbeat_min / 4);
}

void liveness::judge_ours(pnn node, peer& p, time_point now, liveness_verdict& out) const {
    const duration silence = now - p.heard;
    if (silence >= limit_of(p)) {
        out.dead.push_back(
            {node,
             fmt::format(
                 "silent for {}, limit {}", seconds_text(silence), seconds_text(limit_of(p))
             )}
        );
    } else if (now - p.sent >= heartbeat() * 3 / 4) {
        p.sent = now;
        out.keepalives.push_back(node);
    }
    // Should the peer turn out not to be ours after all.
    p.upstream_tick = now + settings_.interval;
    p.heard_since_tick = true;
}

void liveness::judge_upstream(pnn node, peer& p, time_point now, liveness_verdict& out) const {
    if (now < p.upstream_tick) {
        return;
    }
    p.upstream_tick = now + settings_.interval;
    p.silent_ticks = p.heard_since_tick ? 0 : p.silent_ticks + 1;
    p.heard_since_tick = false;
    if (p.silent_ticks >= settings_.limit) {
        out.dead.push_back(
            {node,
             fmt::format(
                 "no packet in {} keepalive intervals of {}",
                 p.silent_ticks,
                 seconds_text(settings_.interval)
             )}
        );
    } else {
        p.sent = now;
        out.keepalives.push_back(node);
    }
}

} // namespace ctdb::ctdbd
