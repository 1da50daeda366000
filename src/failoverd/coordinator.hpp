// coordinator: the leader's side of a failover run (failover.md 15.6-15.9). Pure.
//
//   phase      | leaves for     | when
//   idle       | preparing      | a run is wanted and nothing holds it back
//   preparing  | moving         | every member has answered PREPARE; one that has not by the limit
//              |                | is left out and the run starts again
//   moving     | finalising     | releases and takes have been answered, or their limit is over
//   finalising | idle           | every member has answered, or 10 s
//
// In `moving` each item goes its own way: it is given to its new holder when every other node that
// may hold it is proven not to (C1). PREPARED and RELEASED with the list of what is held are the
// proof of members, since a member refuses everything older than what it has prepared. Proof for a
// node that does not answer: nobody answers for the address on the network (asked by the new
// holder), not before everything that node could still have begun is over; or, without an answer
// from the network, the time in which it loses authority and its addresses' lease (15.8).
//
// C1  TAKE of an item is sent only to its holder by the plan, and only with proof for all others.
// C2  what could not be given is tried again by itself, without disturbing the rest.
// C3  a node that fails delays only its own items.
// C4  one run at a time; epochs only grow.
// C5  what a node says of itself counts once it has heard of this term: what it had said before may
//     have waited while this leader stood still and others moved items.
#pragma once

#include "common/async/runtime.hpp"
#include "failoverd/messages.hpp"

#include <deque>
#include <functional>
#include <optional>

namespace ctdb::failoverd {

using async::time_point;

struct coordinator_settings {
    std::chrono::milliseconds prepare_limit{5000};
    std::chrono::milliseconds release_limit{10000};
    std::chrono::milliseconds take_limit{10000};
    std::chrono::milliseconds finalise_limit{30000};
    std::chrono::milliseconds authority_timeout{20000}; // A
    std::chrono::milliseconds lease{6000};              // L; 0: addresses stay for ever
    bool probe = true;
};

struct node_state {
    bool connected = false;
    bool active = false;
    bool deleted = false;
    bool operator==(const node_state&) const = default;
};

// What the calculation is given: only nodes and items that may be used.
struct calculation_input {
    std::uint32_t nodes = 0;
    plan holders;                               // who says that it holds what
    std::map<item, std::set<pnn>> available_on; // every known item is here
    std::set<pnn> rebalance;
};

struct run_report {
    epoch of = 0;
    bool complete = false; // everything is where the plan says
    plan wanted;
    item_set missing;
    std::chrono::milliseconds took{};
};

class coordinator_outputs {
public:
    coordinator_outputs() = default;
    coordinator_outputs(const coordinator_outputs&) = delete;
    coordinator_outputs& operator=(const coordinator_outputs&) = delete;
    virtual ~coordinator_outputs() = default;
    virtual void send(pnn to, const message& m) = 0;
    [[nodiscard]] virtual plan calculate(const calculation_input& input) = 0;
    virtual void run_ended(const run_report& report) = 0;
};

class coordinator {
public:
    enum class urgency : std::uint8_t { normal, at_once };

    coordinator(coordinator_outputs& out, coordinator_settings settings)
        : out_(out), settings_(settings) {}

    void set(coordinator_settings settings) { settings_ = settings; }
    void lead(epoch highest_seen, time_point now); // this node has become leader
    void stop_leading();
    [[nodiscard]] bool leading() const noexcept { return leading_; }

    void nodes_are(std::map<pnn, node_state> nodes, time_point now);
    void want_run(const std::string& reason, urgency how, time_point now);
    void rebalance(pnn node) { rebalance_.insert(node); }
    void hold_back_until(time_point when) { held_back_until_ = when; } // runs disabled
    void received(pnn from, const message& m, time_point now);
    // Proof 1 on another way: this node has removed everything and takes nothing before it has
    // prepared another plan. Only believed with the key of this leader's last PREPARE.
    void has_released_all(const released_all& said, time_point now);
    // The same with the key of the leader before: it counts in the term that begins here, if the
    // node has gone and has not been back since.
    void has_released_all_before(pnn node, time_point now);
    // The host of this node, which is not connected, says that its failoverd has ended: it begins
    // nothing any more, until its next status.
    void has_ended(pnn node, time_point now);
    // This node has an open kernel fence, which members are told.
    void fenced_is(bool fenced) { fenced_ = fenced; }
    // The leader before had one: what it may still have ordered on its own node nobody reaches.
    void leader_before_was_fenced(pnn node) { fenced_before_ = node; }
    void set_key(std::uint64_t key) { key_ = key; } // unguessable, new for each process
    // To be called after every input, and at or before next_tick() while leading.
    void tick(time_point now);
    [[nodiscard]] time_point next_tick(time_point now) const;

    [[nodiscard]] bool idle() const noexcept { return phase_ == phase::idle; }
    [[nodiscard]] epoch current() const noexcept { return epoch_; }
    [[nodiscard]] const plan& current_plan() const noexcept { return plan_; }
    // Still without their holder, waiting for proof.
    [[nodiscard]] item_set pending() const;
    [[nodiscard]] bool run_is_wanted() const noexcept { return wanted_; }

private:
    enum class phase : std::uint8_t { idle, preparing, moving, finalising };
    enum class answer : std::uint8_t { none, awaited, given };

    // What is known of a node, in a run or not.
    struct node_view {
        node_state state;
        std::optional<status> last;
        time_point heard{};   // when the last status came
        time_point vouched{}; // when it was last sent an authority
        bool speaks = false;  // since it was connected
        item_set told;        // TAKE sent, not answered
        time_point told_at{};
        time_point left_out_until{};
        std::optional<time_point> released_all; // said in the term before
        std::optional<stamp> last_word;         // in this term: what it said before is overtaken
        bool ended = false;                     // its failoverd, since it was connected
        bool fenced_before = false;             // led the term before, behind a kernel fence
    };
    struct member {
        answer prepared = answer::none;
        answer released = answer::none;
        answer taken = answer::none;
        answer finalised = answer::none;
        std::uint32_t round = 0; // of the last TAKE
    };
    static void believe_last_word(node_view& view, time_point now);
    enum class clearance : std::uint8_t { clear, ask_network, wait_for_release, wait_for_proof };

    [[nodiscard]] bool reports(const node_view& n, time_point now) const;
    [[nodiscard]] bool usable(const node_view& n, time_point now) const;
    [[nodiscard]] std::map<pnn, status> inputs(time_point now) const;
    [[nodiscard]] bool ready_to_start(time_point now) const;
    [[nodiscard]] calculation_input calculation(time_point now) const;
    void start(time_point now);
    void restart_without(pnn node, std::string_view why, time_point now);
    void enter_moving(time_point now);
    void give(time_point now);
    void give_to(pnn node, const item_set& gains, time_point now);
    [[nodiscard]] clearance may_give(const item& which, pnn to, time_point now) const;
    [[nodiscard]] clearance
    proof_of_other(const item& which, const node_view& other, time_point now) const;
    [[nodiscard]] async::duration still_beginning(const item& which, const node_view& other) const;
    [[nodiscard]] bool may_hold(const item& which, const node_view& other) const;
    void finish_if_answered(time_point now);
    void enter_finalising(time_point now);
    void end(time_point now);
    void watch_conformity(time_point now);
    void lift_exclusions(time_point now);
    [[nodiscard]] bool damped(time_point now);
    void take_status(pnn from, const status& s, time_point now);
    void beat(time_point now);
    void vouch_for(pnn node, stamp echo, time_point now);
    void take_prepared(pnn from, const prepared& a, time_point now);
    void take_released(pnn from, const released& a);
    void take_taken(pnn from, const taken& a, time_point now);
    void take_finalised(pnn from, const finalised& a);
    void notice_sleep(time_point now);
    void begin_newer_term(epoch seen, time_point now);
    void holds(pnn node, const item_set& held);
    [[nodiscard]] item_set gains_of(pnn node) const;
    [[nodiscard]] bool excluded(const item& which, pnn node, time_point now) const;
    [[nodiscard]] stamp echo_of(pnn node) const;

    struct exclusion {
        time_point until{};
        std::chrono::seconds pause{60};
        bool lapsed = false; // its end has been used for a run
    };
    static constexpr std::chrono::milliseconds collect_time{50};
    static constexpr std::chrono::milliseconds first_reports{1000};
    static constexpr std::chrono::milliseconds retry_pause{250};
    static constexpr std::chrono::seconds finalise_patience{10};
    static constexpr std::chrono::seconds left_out_for{10};
    static constexpr std::chrono::seconds exclusion_max{600};
    static constexpr std::chrono::milliseconds damping{1000};
    static constexpr std::chrono::milliseconds sleep_max{2000}; // ticks come twice a second
    static constexpr std::chrono::milliseconds conformity_patience{1000};
    static constexpr std::chrono::milliseconds beat_early{50}; // if somebody is awake anyway

    coordinator_outputs& out_;
    coordinator_settings settings_;
    bool leading_ = false;
    time_point term_began_{};
    time_point last_awake_{};
    time_point next_beat_{};
    epoch epoch_ = 0;
    std::uint64_t key_ = 0;
    bool fenced_ = false;
    pnn fenced_before_ = unknown_pnn;
    std::map<pnn, node_view> nodes_;
    std::map<pnn, status> used_; // inputs of the last run: a difference wants another
    plan plan_;
    std::map<pnn, member> members_;
    phase phase_ = phase::idle;
    time_point phase_began_{};
    time_point phase_limit_{};
    time_point run_began_{};
    bool wanted_ = false;
    bool urgent_ = false;
    std::string wanted_why_;
    time_point start_at_{};
    time_point held_back_until_{};
    time_point next_retry_{};
    std::optional<time_point> deviates_since_;
    std::deque<time_point> recent_starts_;
    std::set<pnn> rebalance_;
    std::map<std::pair<item, pnn>, exclusion> exclusions_;
};

} // namespace ctdb::failoverd
