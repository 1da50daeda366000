// participant: a member's side of a failover run (failover.md 15.7). Pure: what it orders is done
// by its host, which says when it is done.
//
//   message   | accepted when                                   | answered with
//   PREPARE e | e newer than accepted (or the same again), and  | PREPARED, what is held
//             | the sender is not known not to lead             |
//   RELEASE e | e is the accepted plan                          | RELEASED, what is left
//   TAKE e    | the same, and the echo is fresh, and not dropped | TAKEN, what is held, failures
//   FINALISE e| the same                                        | FINALISED
//
// P1  one order at a time; messages wait, a newer PREPARE forgets those of older epochs.
// P2  nothing is taken that is not in the accepted plan's share of this node.
// P3  after drop() nothing is taken until another PREPARE has been accepted.
// P4  what is reported as held includes everything that this node would configure again by itself.
#pragma once

#include "common/async/runtime.hpp"
#include "failoverd/messages.hpp"

#include <deque>
#include <functional>
#include <optional>
#include <variant>

namespace ctdb::failoverd {

class participant_host {
public:
    participant_host() = default;
    participant_host(const participant_host&) = delete;
    participant_host& operator=(const participant_host&) = delete;
    virtual ~participant_host() = default;

    virtual void send(pnn to, const message& m) = 0;
    [[nodiscard]] virtual stamp now() const = 0;
    [[nodiscard]] virtual item_set kernel_holds() = 0;  // among all items ever heard of
    virtual void accepted(epoch e) = 0;                 // to be on disk when this returns
    [[nodiscard]] virtual pnn known_leader() const = 0; // unknown_pnn: not known now
    [[nodiscard]] virtual bool may_take() const = 0;    // active, authority
    // A kernel fence lets nobody reach what this node holds.
    [[nodiscard]] virtual bool closed() const = 0;
    // Each order is answered once with participant::done().
    struct prepare_order {
        prepare what;
        item_set gain;
        item_set lose;
        item_set keep;
    };
    struct release_order {
        item_set lose;
        std::chrono::milliseconds limit{};
    };
    struct take_order {
        item_set lose;              // before: left by an earlier life, may be elsewhere
        std::map<item, bool> items; // true: probe first
        stamp until{};              // nothing is configured after this
        std::chrono::milliseconds limit{};
    };
    struct finalise_order {
        std::chrono::milliseconds limit{};
    };
    using order = std::variant<prepare_order, release_order, take_order, finalise_order>;
    virtual void begin(epoch e, order what) = 0;
};

struct order_outcome {
    bool ok = true;
    std::string text;
    std::map<item, take_failure> failures; // of a take
};

class participant {
public:
    // `accepted`: the highest epoch accepted before a restart.
    participant(participant_host& host, pnn self, epoch accepted)
        : host_(host), self_(self), accepted_(accepted) {}

    void become(pnn self) { self_ = self; } // known after registration with ctdbd
    void received(pnn from, const message& m);
    void done(const order_outcome& outcome);
    // Everything has been, or is about to be, removed without being told to.
    void drop();
    // Addresses found at start under the accepted plan (restart of failoverd): kept until told.
    void adopt(const plan& old);

    [[nodiscard]] epoch accepted() const noexcept { return accepted_; }
    [[nodiscard]] const plan& accepted_plan() const noexcept { return plan_; }
    [[nodiscard]] item_set held(); // P4
    // What may stay configured: the share and what has not been released yet.
    [[nodiscard]] item_set permitted() const;
    // A plan has been prepared in this life of the process, and the kernel has nothing but what has
    // been taken in it: a closed fence may be opened.
    [[nodiscard]] bool may_open() const;
    // The epoch in the newest word of authority of this node; 0: none.
    [[nodiscard]] epoch heard_of(pnn node) const { return speaker_ == node ? heard_ : 0; }
    // Whose word of authority was the last, if its node has an open kernel fence.
    [[nodiscard]] pnn fenced_leader() const noexcept { return fenced_leader_; }
    // Taken, permitted, and gone from the kernel: to be configured again or given up.
    [[nodiscard]] item_set lost();
    void give_up(const item_set& items);
    [[nodiscard]] std::uint64_t key() const noexcept { return key_; } // of the accepted PREPARE
    [[nodiscard]] bool busy() const noexcept { return busy_; }
    [[nodiscard]] stamp newest_echo() const noexcept { return newest_echo_; }

private:
    struct waiting {
        pnn from;
        message m;
    };
    void next();
    void handle(pnn from, const message& m);
    void take_prepare(pnn from, const prepare& p);
    void take_release(pnn from, const release& r);
    void take_take(pnn from, const take& t);
    void take_finalise(pnn from, const finalise& f);
    void begin(pnn from, const message& m, participant_host::order what);
    void heard_echo(stamp echo);

    participant_host& host_;
    pnn self_;
    epoch accepted_ = 0;
    pnn leader_ = unknown_pnn; // who sent the accepted plan
    plan plan_;
    item_set share_;     // of the plan; empty after drop()
    item_set releasing_; // held when the plan came, not in it
    item_set had_;       // configured under this plan
    std::uint64_t key_ = 0;
    stamp newest_echo_{};
    pnn fenced_leader_ = unknown_pnn;
    pnn speaker_ = unknown_pnn; // of the newest word of authority
    epoch heard_ = 0;           // in it
    bool busy_ = false;
    std::optional<waiting> current_; // what the order in progress answers
    std::deque<waiting> queue_;
};

} // namespace ctdb::failoverd
