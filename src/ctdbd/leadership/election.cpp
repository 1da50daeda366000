#include "ctdbd/leadership/election.hpp"

#include "common/base/ensure.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace ctdb::ctdbd {

namespace {

using namespace election_action;
using async::time_point;
using milliseconds = election::milliseconds;

milliseconds in_ms(async::duration d) {
    return std::chrono::duration_cast<milliseconds>(d);
}

} // namespace

std::string_view name_of(election_state state) noexcept {
    static constexpr std::array<std::string_view, 9> names{
        "idle",
        "starting",
        "following",
        "leaderless",
        "preparing",
        "racing",
        "voting",
        "leading",
        "resigning"};
    return names[static_cast<std::size_t>(state)];
}

election::election(pnn self, election_settings settings) : self_(self), settings_(settings) {}

void election::set_settings(election_settings settings) {
    ensure(settings.has_lock == settings_.has_lock);
    settings_ = settings;
}

election::outputs election::handle(const election_input& event, time_point now) {
    now_ = now;
    out_.clear();
    std::visit([this](const auto& e) { on(e); }, event);
    ensure(state_ != election_state::leading || view_.eligible); // E3
    ensure(
        state_ != election_state::leading || !settings_.has_lock || lock_ == attempt::held
    );                                                    // E2
    ensure(state_ == election_state::idle || deadline()); // E1
    return std::move(out_);
}

std::optional<time_point> election::deadline() const {
    std::optional<time_point> first;
    for (const auto& t : timers_) {
        if (t && (!first || *t < *first)) {
            first = t;
        }
    }
    return first;
}

bool election::in_progress() const noexcept {
    return state_ == election_state::preparing || state_ == election_state::racing ||
           state_ == election_state::voting || state_ == election_state::resigning;
}

bool election::quick() const {
    return std::all_of(view_.connected.begin(), view_.connected.end(), [](const auto& p) {
        return p.ours;
    });
}

// ---- Events ----

void election::on(const election_event::start&) {
    if (state_ == election_state::idle) {
        enter(election_state::starting, listening_time());
    }
}

void election::on(const election_event::view_changed& event) {
    const cluster_view before = std::exchange(view_, event.view);
    if (state_ == election_state::idle) {
        return;
    }
    if (before.eligible && !view_.eligible) {
        lost_eligibility();
    }
    greet_newcomers(before);
    if (state_ == election_state::following && peer(leader_) == nullptr) {
        lost_leader_link();
    }
    if (state_ == election_state::starting) {
        auto& until = at(timer::state);
        until = std::min(*until, now_ + listening_time());
    }
    decide_if_all_spoke();
}

void election::on(const election_event::leader_heard& event) {
    // Our own UNKNOWN comes back when we do not lead; if we lead, a client of ours has said it
    // (W1).
    const bool own_echo = event.from == self_ && !(leading() && event.claimed == unknown_pnn);
    if (own_echo || state_ == election_state::idle) {
        return;
    }
    if (event.claimed == unknown_pnn) {
        election_wanted(event.from);
        return;
    }
    const cluster_view::peer* claimant = peer(event.claimed);
    const bool credible = event.claimed == event.from && claimant != nullptr && claimant->active;
    if (!credible) { // E4
        note(fmt::format(
            "node {} names node {} as leader: not believed, {}",
            event.from,
            event.claimed,
            event.claimed != event.from ? "only a leader itself may say so"
                                        : "it is not an active node of this cluster"
        ));
        return;
    }
    claim_heard(event.claimed);
}

void election::on(const election_event::election_heard& event) {
    const bool credible = event.from == event.message.pnn && peer(event.from) != nullptr;
    if (event.from == self_ || !credible) {
        return;
    }
    if (state_ == election_state::idle) { // not taking part yet, but nobody need wait for us
        say(say_election{own_message(), event.from});
        return;
    }
    if (state_ == election_state::leaderless && just_decided()) {
        answer_latecomer(event.from);
        return;
    }
    if (state_ != election_state::voting) {
        election_wanted(event.from);
    }
    if (state_ == election_state::voting) {
        ballot(event.message);
    }
}

void election::on(const election_event::prepared&) {
    if (state_ == election_state::preparing) {
        begin_prepared();
    }
}

void election::on(const election_event::lock_held&) {
    if (lock_ != attempt::taking) {
        return; // on its way back already
    }
    lock_ = attempt::held;
    refusals_ = 0;
    if (state_ == election_state::racing && view_.eligible) {
        lead();
    } else {
        let_lock_go();
    }
}

void election::on(const election_event::lock_refused& event) {
    if (lock_ != attempt::taking) {
        return;
    }
    lock_ = attempt::none;
    ++refusals_;
    if (state_ == election_state::racing) {
        become_leaderless(event.why, settings_.leader_timeout);
        retry_lock_later();
    }
}

void election::on(const election_event::lock_lost& event) {
    if (lock_ == attempt::releasing) {
        return; // `released` follows
    }
    lock_ = attempt::none;
    if (state_ == election_state::leading || state_ == election_state::racing) {
        note(fmt::format("cluster lock lost: {}", event.why), true);
        ++refusals_;
        become_leaderless("cluster lock lost", settings_.leader_timeout);
        say(say_leader{unknown_pnn, std::nullopt});
        retry_lock_later();
    }
}

void election::on(const election_event::lock_released&) {
    if (lock_ == attempt::releasing) {
        lock_ = attempt::none;
    }
    if (state_ == election_state::resigning) {
        farewell();
    }
}

void election::on(const election_event::time_passed&) {
    for (const timer which : {timer::broadcast, timer::answer, timer::retry, timer::state}) {
        std::optional<time_point>& due = at(which);
        if (!due || *due > now_) {
            continue;
        }
        const milliseconds late = in_ms(now_ - *due);
        due.reset();
        if (which == timer::broadcast) {
            broadcast_time_up(late);
        } else if (which == timer::answer) {
            speak();
        } else if (which == timer::retry) {
            race("trying again");
        } else if (!excused(late)) {
            state_time_up();
        }
    }
}

// ---- States ----

void election::enter(election_state state, milliseconds limit) {
    disarm(timer::broadcast);
    disarm(timer::answer);
    disarm(timer::retry);
    if (state == election_state::leading) {
        disarm(timer::state);
        arm(timer::broadcast, limit);
    } else {
        arm(timer::state, limit);
    }
    state_ = state;
}

void election::follow(pnn leader) {
    let_lock_go();
    refusals_ = 0;
    rounds_ = 0;
    leader_heard_ = now_;
    set_leader(leader, "it says so");
    enter(election_state::following, settings_.leader_timeout);
}

void election::become_leaderless(std::string_view why, milliseconds limit) {
    set_leader(unknown_pnn, why);
    enter(election_state::leaderless, limit);
}

void election::begin(std::string_view why) {
    const bool noisy = !quick() && (!settings_.has_lock || view_.eligible);
    if (noisy) {
        set_leader(unknown_pnn, why);
        let_lock_go();
        enter(election_state::preparing, prepare_limit);
        say(prepare{});
    } else {
        join(why);
    }
}

void election::begin_prepared() {
    say(say_leader{unknown_pnn, std::nullopt});
    if (!settings_.has_lock) {
        vote("election", speaking::now); // E5
    } else {
        join("election");
    }
}

void election::join(std::string_view why) {
    if (!settings_.has_lock) {
        vote(why, quick() ? speaking::now : speaking::later);
    } else if (view_.eligible) {
        race(why);
    } else {
        become_leaderless(why, settings_.leader_timeout);
    }
}

void election::race(std::string_view why) {
    ensure(settings_.has_lock);
    if (!view_.eligible) {
        become_leaderless(why, settings_.leader_timeout);
        return;
    }
    set_leader(unknown_pnn, why);
    enter(election_state::racing, 2 * settings_.leader_timeout);
    if (lock_ != attempt::taking) { // E6
        lock_ = attempt::taking;
        say(take_lock{});
    }
}

void election::vote(std::string_view why, speaking when) {
    ensure(!settings_.has_lock);
    set_leader(unknown_pnn, why);
    ballots_.clear();
    ballots_[self_] = own_message();
    enter(election_state::voting, quick() ? vote_limit : settings_.election_timeout);
    if (when == speaking::now) {
        speak();
    } else {
        arm(timer::answer, answer_delay);
    }
    decide_if_all_spoke();
}

void election::lead() {
    ensure(view_.eligible);
    rounds_ = 0;
    enter(election_state::leading, broadcast_interval);
    set_leader(self_, settings_.has_lock ? "cluster lock taken" : "election won");
    say(say_leader{self_, std::nullopt});
}

void election::resign(std::string_view why) {
    set_leader(unknown_pnn, why);
    if (lock_ == attempt::none) {
        farewell();
        return;
    }
    let_lock_go();
    enter(election_state::resigning, release_limit);
}

// W3: the others begin at once instead of waiting for a broadcast that does not come.
void election::farewell() {
    if (!quick()) {
        say(prepare{});
    }
    say(say_leader{unknown_pnn, std::nullopt});
    if (!settings_.has_lock) {
        say(say_election{own_message(), std::nullopt}); // E5; it loses: we are not eligible
    }
    become_leaderless("resigned", settings_.leader_timeout);
}

// ---- Time ----

// E7: what came in while we stood still has not been read yet.
bool election::excused(milliseconds late) {
    if (late <= late_is_stalled || excused_ || state_ == election_state::resigning) {
        excused_ = false;
        return false;
    }
    excused_ = true;
    note(fmt::format("this process stood still for {} ms: listening first", late.count()), true);
    arm(timer::state, listen_after_stall);
    return true;
}

void election::state_time_up() {
    switch (state_) {
    case election_state::starting:
        begin("nobody leads");
        break;
    case election_state::following:
        begin(fmt::format(
            "nothing heard from leader {} for {} ms", leader_, settings_.leader_timeout.count()
        ));
        break;
    case election_state::leaderless:
        begin("nobody leads");
        break;
    case election_state::preparing:
        begin_prepared(); // W4: whoever is silent is fenced by the generation
        break;
    case election_state::racing:
        let_lock_go();
        ++refusals_;
        become_leaderless("no answer about the cluster lock", settings_.leader_timeout);
        retry_lock_later();
        break;
    case election_state::voting:
        decide();
        break;
    case election_state::resigning:
        farewell();
        break;
    case election_state::idle:
    case election_state::leading:
        break;
    }
}

void election::broadcast_time_up(milliseconds late) {
    const milliseconds limit = settings_.has_lock ? settings_.leader_timeout : listen_after_stall;
    if (late <= limit) {
        say(say_leader{self_, std::nullopt});
        at(timer::broadcast) = async::beat_after(now_, broadcast_interval);
        return;
    }
    note(fmt::format("stepping down: this process stood still for {} ms", late.count()), true);
    let_lock_go();
    become_leaderless("own process stood still", listen_after_stall);
}

// ---- Hearing others ----

void election::claim_heard(pnn claimed) {
    if (state_ == election_state::resigning) {
        return;
    }
    if (state_ == election_state::leading) {
        if (settings_.has_lock) { // W5
            note(fmt::format("node {} says that it leads, but we hold the lock", claimed), true);
            insist();
        } else {
            note(fmt::format("node {} says that it leads as well", claimed), true);
            begin("two leaders");
        }
        return;
    }
    if (state_ == election_state::following && leader_ == claimed) {
        leader_heard_ = now_;
        arm(timer::state, settings_.leader_timeout);
    } else if (state_ == election_state::following && leader_is_live()) {
        note(fmt::format("node {} says that it leads, but leader {} is live", claimed, leader_));
    } else {
        follow(claimed);
    }
}

void election::election_wanted(pnn from) {
    const bool sure = settings_.has_lock || quick();
    switch (state_) {
    case election_state::starting:
    case election_state::leaderless:
        join(fmt::format("node {} wants an election", from));
        break;
    case election_state::following:
        if (from == leader_) {
            join("the leader resigned");
        } else if (!sure || !leader_is_live()) {
            join(fmt::format("node {} wants an election", from));
        }
        break;
    case election_state::leading:
        if (sure) {
            insist();
        } else {
            join(fmt::format("node {} wants an election", from)); // W1
        }
        break;
    default:
        break;
    }
}

void election::insist() {
    if (!insisted_at_ || now_ - *insisted_at_ >= repeat_limit) {
        insisted_at_ = now_;
        say(say_leader{self_, std::nullopt});
    }
}

// ---- Changes around us ----

void election::lost_eligibility() {
    switch (state_) {
    case election_state::leading:
        resign("not eligible any more");
        break;
    case election_state::racing:
        let_lock_go();
        become_leaderless("not eligible any more", settings_.leader_timeout);
        break;
    case election_state::voting:
        ballots_[self_] = own_message();
        speak(); // takes back what was said before
        break;
    default:
        break;
    }
}

void election::lost_leader_link() {
    const std::string why = fmt::format("connection to leader {} lost", leader_);
    if (settings_.has_lock) {
        join(why);
    } else if (quick()) {
        vote(why, speaking::now);
    }
    // Mixed without lock: as upstream, the leader timer decides.
}

void election::greet_newcomers(const cluster_view& before) {
    if (state_ != election_state::leading) {
        return;
    }
    for (const cluster_view::peer& p : view_.connected) {
        const bool known =
            std::any_of(before.connected.begin(), before.connected.end(), [&p](const auto& q) {
                return q.node == p.node;
            });
        if (!known) {
            say(say_leader{self_, p.node});
        }
    }
}

void election::let_lock_go() {
    if (lock_ == attempt::taking || lock_ == attempt::held) {
        lock_ = attempt::releasing;
        say(release_lock{});
    }
}

void election::retry_lock_later() {
    if (!view_.eligible) {
        return;
    }
    const std::uint32_t doublings = std::min(refusals_, 5U);
    const milliseconds wait = lock_retry_min * (1 << doublings) / 2;
    const milliseconds longest = std::min(lock_retry_max, settings_.leader_timeout / 2);
    arm(timer::retry, std::min(wait, longest) + spread());
}

// ---- Facts and small tools ----

bool election::leader_is_live() const {
    const cluster_view::peer* p = peer(leader_);
    return p != nullptr && p->active && leader_heard_ && now_ - *leader_heard_ < live_leader;
}

const cluster_view::peer* election::peer(pnn node) const {
    for (const cluster_view::peer& p : view_.connected) {
        if (p.node == node) {
            return &p;
        }
    }
    return nullptr;
}

// A leader greets everybody who connects, so silence soon means that there is none.
milliseconds election::listening_time() const {
    const std::size_t here = view_.connected.size() + 1;
    milliseconds time = settings_.leader_timeout;
    if (view_.listed == 1) {
        time = milliseconds(0);
    } else if (quick() && here >= view_.listed) {
        time = listen_all_here;
    } else if (quick() && 2 * here > view_.listed) {
        time = listen_majority;
    }
    return std::min(time, settings_.leader_timeout);
}

void election::set_leader(pnn now, std::string_view why) {
    if (leader_ != now) {
        say(leader_changed{leader_, now, std::string(why)});
        leader_ = now;
    }
}

void election::arm(timer which, milliseconds in) {
    at(which) = now_ + in;
}

void election::disarm(timer which) {
    at(which).reset();
}

std::optional<time_point>& election::at(timer which) {
    return timers_[static_cast<std::size_t>(which)];
}

void election::note(std::string text, bool warning) {
    say(election_action::note{warning, std::move(text)});
}

} // namespace ctdb::ctdbd
