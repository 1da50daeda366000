// election: who leads, as a state machine without any I/O (cluster.md 4). Events and time go in,
// actions come out; deadline() says when time alone is the next event.
//
// Two ways to lead. With a cluster lock: whoever holds it. Without: the oldest eligible node among
// those that can hear each other. Two manners. Mixed, as soon as one connected node is not known to
// be ours: upstream's messages and times. Quick, when all are ours: nobody's recovery mode is
// touched before there is a winner, everybody answers at once, a vote counts only if all connected
// nodes have spoken, and a node with a live leader does not join (so one broken link cannot unseat
// a leader that everybody else still hears).
//
//            | LEADER{other}      | LEADER{UNKNOWN}     | ELECTION           | leader's link lost |
//            time up
//  starting  | follow             | join                | join               | -                  |
//  begin following | same: rearm;       | from leader: join;  | as UNKNOWN         | lock: race; |
//  begin
//            | other: if stale    | else if not live    |                    | quick: vote        |
//  leaderless| follow             | join                | join               | -                  |
//  begin preparing | follow             | -                   | vote               | - | go on
//  without racing    | follow, let go     | -                   | -                  | - |
//  leaderless voting    | follow             | -                   | compare            | - |
//  decide leading   | lock: insist;      | lock, quick: insist;| as UNKNOWN         | - | broadcast
//            | else begin         | mixed: vote         |                    |                    |
//  resigning | -                  | -                   | -                  | -                  |
//  farewell any       | not eligible any more: leading -> resigning, racing -> leaderless, voting
//  again
//
// begin: quick with lock: race; quick without: vote; mixed: preparing, then LEADER{UNKNOWN}, then
// race or vote. join: race (lock) or vote. "Live": heard within live_leader, connected, active.
//
//  E1  every state has a timer that leads out of it (W1).
//  E2  leading with a lock configured implies that the lock is held (W6, W7); leading ends before
//      the lock is given back.
//  E3  leading implies eligible.
//  E4  LEADER is believed only of its sender, connected and active; never by a lock holder (W5).
//  E5  UNKNOWN is never sent without ELECTION in the same burst when there is no lock (W1).
//  E6  at most one attempt at the lock is under way (W6).
//  E7  a timer that comes late because this process stood still accuses nobody: a leader steps
//      down, everybody else listens for a while first.
#pragma once

#include "common/async/runtime.hpp"
#include "common/protocol/types_membership.hpp"

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace ctdb::ctdbd {

enum class election_state : std::uint8_t {
    idle, // before start()
    starting,
    following,
    leaderless,
    preparing,
    racing,
    voting,
    leading,
    resigning
};
[[nodiscard]] std::string_view name_of(election_state state) noexcept;

struct election_settings {
    bool has_lock = false;
    std::chrono::milliseconds leader_timeout{5000};   // [cluster] leader timeout
    std::chrono::milliseconds election_timeout{3000}; // ElectionTimeout, mixed without lock
};

// What the own node sees of the cluster.
struct cluster_view {
    struct peer {
        pnn node;
        bool active = false;
        bool ours = false;
        bool operator==(const peer&) const = default;
    };
    bool eligible = false; // own node active, with the leader capability
    protocol::node_flags own_flags;
    std::vector<peer> connected; // without the own node
    std::size_t listed = 1;      // nodes of the list that are not deleted, the own one included
    bool operator==(const cluster_view&) const = default;
};

namespace election_event {
struct start {};
struct view_changed {
    cluster_view view;
};
struct leader_heard {
    pnn from;
    pnn claimed; // unknown_pnn: an election wants to begin
};
struct election_heard {
    pnn from;
    protocol::election_message message;
};
struct prepared {}; // every active node has, or has not within its time, stopped for a recovery
struct lock_held {};
struct lock_refused { // contention, time out, error: all mean "not leader"
    std::string why;
};
struct lock_lost {
    std::string why;
};
struct lock_released {};
struct time_passed {};
} // namespace election_event
using election_input = std::variant<
    election_event::start,
    election_event::view_changed,
    election_event::leader_heard,
    election_event::election_heard,
    election_event::prepared,
    election_event::lock_held,
    election_event::lock_refused,
    election_event::lock_lost,
    election_event::lock_released,
    election_event::time_passed>;

namespace election_action {
struct say_leader { // LEADER{who} to CONNECTED, or to one node
    pnn who;
    std::optional<pnn> only_to;
};
struct say_election { // ELECTION to ALL, or to one node
    protocol::election_message message;
    std::optional<pnn> only_to;
};
struct prepare {}; // SET_RECMODE ACTIVE to all active nodes, then `prepared`
struct take_lock {};
struct release_lock {}; // or abandon the attempt, then `lock_released`
struct leader_changed {
    pnn before;
    pnn now;
    std::string why;
};
struct note { // worth a line in the log
    bool warning = false;
    std::string text;
};
} // namespace election_action
using election_output = std::variant<
    election_action::say_leader,
    election_action::say_election,
    election_action::prepare,
    election_action::take_lock,
    election_action::release_lock,
    election_action::leader_changed,
    election_action::note>;

class election {
public:
    using milliseconds = std::chrono::milliseconds;
    using outputs = std::vector<election_output>;

    static constexpr milliseconds broadcast_interval{1000}; // 4.2: tools and peers wait for it
    static constexpr milliseconds live_leader{2500};        // two broadcasts and a half
    static constexpr milliseconds prepare_limit{1000};      // W4
    static constexpr milliseconds answer_delay{500};        // 4.5, mixed
    static constexpr milliseconds vote_limit{400};          // quick: all answer at once
    static constexpr milliseconds vote_again{300};          // quick: somebody did not speak
    static constexpr milliseconds winner_limit{1000};       // quick: the winner speaks at once
    static constexpr milliseconds release_limit{500};       // resigning: the lock keeper's time
    static constexpr milliseconds lock_retry_min{100};      // then 200, 400...
    static constexpr milliseconds lock_retry_max{1000};
    static constexpr milliseconds listen_all_here{400};     // starting, nobody is missing
    static constexpr milliseconds listen_majority{1500};    // starting, the bigger half is here
    static constexpr milliseconds late_is_stalled{500};     // E7
    static constexpr milliseconds listen_after_stall{1500}; // E7: more than one broadcast

    election(pnn self, election_settings settings);

    // An answer to everybody who asks, but not to each of many who ask at once.
    static constexpr milliseconds repeat_limit{100};

    // Takes one event and says what to do, in order.
    [[nodiscard]] outputs handle(const election_input& event, async::time_point now);
    [[nodiscard]] std::optional<async::time_point> deadline() const;

    void set_settings(election_settings settings); // has_lock does not change
    // Age for elections: wall-clock time at which this node last became active (W15).
    void set_priority_time(protocol::time_value since) { priority_time_ = since; }

    [[nodiscard]] election_state state() const noexcept { return state_; }
    [[nodiscard]] pnn leader() const noexcept { return leader_; }
    [[nodiscard]] bool leading() const noexcept { return state_ == election_state::leading; }
    // An election runs: passes and recoveries wait.
    [[nodiscard]] bool in_progress() const noexcept;
    [[nodiscard]] bool quick() const; // every connected node is ours
    [[nodiscard]] bool lock_free() const noexcept { return lock_ == attempt::none; }

private:
    enum class timer : std::uint8_t { state, broadcast, answer, retry };
    static constexpr std::size_t timer_count = 4;
    enum class attempt : std::uint8_t { none, taking, held, releasing };

    void on(const election_event::start&);
    void on(const election_event::view_changed& event);
    void on(const election_event::leader_heard& event);
    void on(const election_event::election_heard& event);
    void on(const election_event::prepared&);
    void on(const election_event::lock_held&);
    void on(const election_event::lock_refused& event);
    void on(const election_event::lock_lost& event);
    void on(const election_event::lock_released&);
    void on(const election_event::time_passed&);

    // Entering a state.
    void enter(election_state state, milliseconds limit);
    void follow(pnn leader);
    void become_leaderless(std::string_view why, milliseconds limit);
    void begin(std::string_view why);
    void begin_prepared();
    void join(std::string_view why);
    void race(std::string_view why);
    enum class speaking : std::uint8_t { now, later };
    void vote(std::string_view why, speaking when);
    void lead();
    void resign(std::string_view why);
    void farewell();

    // Parts of handling.
    void state_time_up();
    [[nodiscard]] bool excused(milliseconds late);
    void broadcast_time_up(milliseconds late);
    void claim_heard(pnn claimed);
    void election_wanted(pnn from);
    void insist();
    void ballot(const protocol::election_message& message);
    void answer_ballot(const protocol::election_message& message);
    [[nodiscard]] bool just_decided() const;
    void answer_latecomer(pnn node);
    void decide_if_all_spoke();
    void decide();
    void speak();
    void lost_eligibility();
    void lost_leader_link();
    void greet_newcomers(const cluster_view& before);
    void let_lock_go();
    void retry_lock_later();

    [[nodiscard]] bool leader_is_live() const;
    [[nodiscard]] const cluster_view::peer* peer(pnn node) const;
    [[nodiscard]] milliseconds listening_time() const;
    // Nodes that were turned down together come back one after the other.
    [[nodiscard]] milliseconds spread() const { return milliseconds(self_.value * 37 % 100); }
    [[nodiscard]] protocol::election_message own_message() const;
    [[nodiscard]] std::vector<pnn> silent_voters() const;
    [[nodiscard]] std::optional<protocol::election_message> best_ballot() const;
    void set_leader(pnn now, std::string_view why);
    void arm(timer which, milliseconds in);
    void disarm(timer which);
    [[nodiscard]] std::optional<async::time_point>& at(timer which);
    void say(election_output action) { out_.push_back(std::move(action)); }
    void note(std::string text, bool warning = false);

    const pnn self_;
    election_settings settings_;
    cluster_view view_;
    protocol::time_value priority_time_;
    election_state state_ = election_state::idle;
    pnn leader_ = unknown_pnn;
    std::optional<async::time_point> leader_heard_;
    attempt lock_ = attempt::none;
    std::uint32_t refusals_ = 0;                        // in a row
    std::uint32_t rounds_ = 0;                          // of voting, in a row, without a result
    std::map<pnn, protocol::election_message> ballots_; // voting: what each has said, own included
    bool excused_ = false;                              // E7, once in a row
    std::optional<async::time_point> spoke_at_;         // last own ELECTION to all
    std::optional<async::time_point> decided_at_;
    std::optional<async::time_point> insisted_at_; // last LEADER outside the broadcast
    std::array<std::optional<async::time_point>, timer_count> timers_;
    async::time_point now_{}; // of the event being handled
    outputs out_;
};

// Does `a` beat `b`? A total order over candidates (4.5).
[[nodiscard]] bool
beats(const protocol::election_message& a, const protocol::election_message& b) noexcept;
[[nodiscard]] bool is_candidate(const protocol::election_message& message) noexcept;

} // namespace ctdb::ctdbd
