// Voting without a cluster lock: ballots, their order, the result (cluster.md 4.5).
#include "ctdbd/leadership/election.hpp"

#include <algorithm>
#include <tuple>

#include <fmt/ranges.h>

namespace ctdb::ctdbd {

namespace {

using namespace election_action;
using milliseconds = election::milliseconds;
using protocol::election_message;

constexpr std::uint32_t rounds_counted = 5;

} // namespace

bool is_candidate(const election_message& message) noexcept {
    return message.num_connected > 0 && !protocol::is_inactive(message.node_flags);
}

bool beats(const election_message& a, const election_message& b) noexcept {
    if (is_candidate(a) != is_candidate(b)) {
        return is_candidate(a);
    }
    const auto age = [](const election_message& m) {
        return std::tuple(m.priority_time.seconds, m.priority_time.microseconds);
    };
    return age(a) != age(b) ? age(a) < age(b) : a.pnn > b.pnn;
}

// ---- Voting ----

void election::speak() {
    disarm(timer::answer);
    spoke_at_ = now_;
    say(say_election{own_message(), std::nullopt});
}

void election::ballot(const election_message& message) {
    answer_ballot(message);
    ballots_[message.pnn] = message;
    decide_if_all_spoke();
}

void election::answer_ballot(const election_message& message) {
    if (quick()) {
        // It may have begun after we spoke; its answer to this does not ask for another.
        const bool just_spoke = spoke_at_ && now_ - *spoke_at_ < repeat_limit;
        if (!just_spoke || !ballots_.contains(message.pnn)) {
            spoke_at_ = now_;
            say(say_election{own_message(), message.pnn});
        }
        return;
    }
    arm(timer::state, settings_.election_timeout);
    if (!view_.eligible || !beats(own_message(), message)) {
        disarm(timer::answer);
    } else if (!at(timer::answer)) {
        arm(timer::answer, answer_delay);
    }
}

// A ballot that comes after the result asks for ours, not for another round: two nodes that cannot
// lead would vote with each other for ever.
bool election::just_decided() const {
    return quick() && decided_at_ && now_ - *decided_at_ < vote_again;
}

void election::answer_latecomer(pnn node) {
    if (!spoke_at_ || now_ - *spoke_at_ >= repeat_limit) {
        spoke_at_ = now_;
        say(say_election{own_message(), node});
    }
}

void election::decide_if_all_spoke() {
    if (state_ == election_state::voting && quick() && silent_voters().empty()) {
        decide();
    }
}

void election::decide() {
    const std::vector<pnn> silent = silent_voters();
    if (quick() && !silent.empty()) {
        rounds_ = std::min(rounds_ + 1, rounds_counted);
        note(fmt::format("no result: nothing heard from node(s) {}", fmt::join(silent, ", ")));
        become_leaderless("no result", vote_again * static_cast<int>(rounds_) + spread());
        return;
    }
    decided_at_ = now_;
    const auto best = best_ballot();
    if (best && best->pnn == self_) {
        lead();
    } else if (best) {
        const auto limit = std::min(winner_limit, settings_.leader_timeout);
        become_leaderless("election lost", quick() ? limit : settings_.leader_timeout);
    } else {
        become_leaderless("no node can lead", settings_.leader_timeout);
    }
}

std::vector<pnn> election::silent_voters() const {
    std::vector<pnn> silent;
    for (const cluster_view::peer& p : view_.connected) {
        if (!ballots_.contains(p.node)) {
            silent.push_back(p.node);
        }
    }
    return silent;
}

std::optional<election_message> election::best_ballot() const {
    std::optional<election_message> best;
    for (const auto& [node, message] : ballots_) {
        const bool here = node == self_ || peer(node) != nullptr;
        if (here && is_candidate(message) && (!best || beats(message, *best))) {
            best = message;
        }
    }
    return best;
}

election_message election::own_message() const {
    const bool candidate = view_.eligible && state_ != election_state::idle;
    election_message m;
    m.num_connected = candidate ? static_cast<std::uint32_t>(view_.connected.size() + 1) : 0;
    m.priority_time = priority_time_;
    m.pnn = self_;
    m.node_flags = view_.own_flags;
    return m;
}

} // namespace ctdb::ctdbd
