#include "ctdbd/leadership/fencing.hpp"

#include <fmt/format.h>

namespace ctdb::ctdbd {

namespace {

constexpr int patience = 3;              // leader timeouts (W16)
constexpr std::size_t majority_from = 3; // two nodes have no majority to speak of

// Why this node should not serve, "" if it may.
std::string reason_to_fence(const fencing_facts& f) {
    if (f.has_lock) {
        return f.leader_known ? "" : "no leader with a cluster lock";
    }
    if (f.nodes >= majority_from && 2 * f.connected <= f.nodes) {
        return fmt::format("{} of {} nodes connected, no majority", f.connected, f.nodes);
    }
    return "";
}

} // namespace

void fencing::set(fencing_mode mode, std::chrono::milliseconds leader_timeout) {
    mode_ = mode;
    leader_timeout_ = leader_timeout;
}

std::optional<async::time_point> fencing::deadline() const {
    if (fenced_ || !alone_since_) {
        return std::nullopt;
    }
    return *alone_since_ + patience * leader_timeout_;
}

fencing_step fencing::look(const fencing_facts& facts, async::time_point now) {
    const std::string why = mode_ == fencing_mode::off ? std::string() : reason_to_fence(facts);
    if (why.empty()) {
        alone_since_.reset();
        reason_.clear();
        return std::exchange(fenced_, false) ? fencing_step::unfence : fencing_step::none;
    }
    if (!alone_since_) {
        alone_since_ = now;
    }
    reason_ = why;
    if (fenced_ || now < *deadline()) {
        return fencing_step::none;
    }
    fenced_ = true;
    return fencing_step::fence;
}

} // namespace ctdb::ctdbd
