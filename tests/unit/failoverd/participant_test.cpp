// The rows of failover.md 15.9 that are a member's.
#include "failoverd/participant.hpp"

#include <gtest/gtest.h>

namespace ctdb::failoverd {
namespace {

using namespace std::chrono_literals;

const item a = pubip("10.0.0.1");
const item b = pubip("10.0.0.2");

class Participant : public testing::Test, public participant_host {
protected:
    void send(pnn to, const message& m) override { sent.emplace_back(to, m); }
    stamp now() const override { return clock; }
    item_set kernel_holds() override { return kernel; }
    void accepted(epoch e) override { disk = e; }
    pnn known_leader() const override { return leader; }
    bool may_take() const override { return authority; }
    bool closed() const override { return is_closed; }
    void begin(epoch, order what) override { orders.push_back(std::move(what)); }

    prepare plan_of(epoch e, plan wanted) {
        return prepare{e, clock, {}, std::move(wanted), 0, 5s};
    }
    take take_of(epoch e, item which) { return take{e, 1, clock, {{std::move(which), false}}, 5s}; }
    template <class M>
    const M* last_sent() const {
        return sent.empty() ? nullptr : std::get_if<M>(&sent.back().second);
    }

    stamp clock{1h};
    item_set kernel;
    epoch disk = 0;
    pnn leader{0};
    bool authority = true;
    bool is_closed = false;
    std::vector<order> orders;
    std::vector<std::pair<pnn, message>> sent;
    participant p{*this, pnn(1), 0};
};

TEST_F(Participant, AnswersPreparedWithWhatItHoldsAndRemembersTheEpoch) {
    kernel = {b};
    p.received(pnn(0), plan_of(5, {{a, pnn(1)}}));
    ASSERT_EQ(orders.size(), 1U);
    const auto& first = std::get<prepare_order>(orders[0]);
    EXPECT_EQ(first.gain, item_set{a});
    EXPECT_EQ(first.lose, item_set{b});
    EXPECT_EQ(disk, 5U);
    p.done({});
    ASSERT_NE(last_sent<prepared>(), nullptr);
    EXPECT_EQ(last_sent<prepared>()->held, item_set{b});
}

TEST_F(Participant, RefusesOlderPlansAndPlansOfWhoDoesNotLead) {
    p.received(pnn(0), plan_of(5, {}));
    p.done({});
    p.received(pnn(0), plan_of(4, {}));
    EXPECT_EQ(last_sent<prepared>()->outcome, verdict::stale);
    EXPECT_EQ(last_sent<prepared>()->accepted, 5U);
    p.received(pnn(2), plan_of(6, {}));
    EXPECT_EQ(last_sent<prepared>()->outcome, verdict::not_leader);
    EXPECT_EQ(p.accepted(), 5U);
}

TEST_F(Participant, RefusesTheEpochThatAnotherLeaderUsedAlready) {
    leader = unknown_pnn;
    p.received(pnn(0), plan_of(5, {}));
    p.done({});
    p.received(pnn(2), plan_of(5, {{a, pnn(1)}}));
    EXPECT_EQ(last_sent<prepared>()->outcome, verdict::stale);
}

TEST_F(Participant, TakesOnlyUnderTheAcceptedPlanAndItsShare) {
    p.received(pnn(0), plan_of(5, {{a, pnn(1)}, {b, pnn(2)}}));
    p.done({});
    p.received(pnn(0), take_of(4, a));
    EXPECT_EQ(orders.size(), 1U); // nothing begun
    p.received(pnn(0), take_of(5, b));
    EXPECT_EQ(orders.size(), 1U);
    EXPECT_EQ(last_sent<taken>()->failures.at(b), take_failure::stale);
    p.received(pnn(0), take_of(5, a));
    ASSERT_EQ(orders.size(), 2U);
    kernel = {a};
    p.done({});
    EXPECT_EQ(last_sent<taken>()->held, item_set{a});
    EXPECT_TRUE(last_sent<taken>()->failures.empty());
}

TEST_F(Participant, RefusesATakeThatWasLongOnItsWay) {
    p.received(pnn(0), plan_of(5, {{a, pnn(1)}}));
    p.done({});
    const take late = take_of(5, a);
    clock += 2001ms;
    p.received(pnn(0), late);
    EXPECT_EQ(last_sent<taken>()->failures.at(a), take_failure::stale);
}

TEST_F(Participant, GivesATakeTheMomentAfterWhichNothingMayBeConfigured) {
    p.received(pnn(0), plan_of(5, {{a, pnn(1)}}));
    p.done({});
    p.received(pnn(0), take_of(5, a));
    EXPECT_EQ(std::get<take_order>(orders.back()).until, clock + 4s);
}

TEST_F(Participant, BehindAClosedFenceOpensAtOnceIfItHoldsNothing) {
    is_closed = true;
    EXPECT_FALSE(p.may_open()); // nobody has given a plan
    p.received(pnn(0), plan_of(5, {{a, pnn(1)}}));
    p.done({});
    EXPECT_TRUE(p.may_open());
}

TEST_F(Participant, WhatIsLeftBehindAClosedFenceIsOnlyItsOwnOnceItHasBeenTaken) {
    is_closed = true;
    kernel = {a, b};
    p.received(pnn(0), plan_of(5, {{a, pnn(1)}, {b, pnn(1)}}));
    p.done({});
    EXPECT_FALSE(p.may_open()); // either may be on another node
    EXPECT_TRUE(p.lost().empty());
    // Given without a question: stays where it is. All else goes before the fence opens.
    p.received(pnn(0), take_of(5, a));
    EXPECT_EQ(std::get<take_order>(orders.back()).lose, item_set{b});
    kernel = {a};
    p.done({});
    EXPECT_TRUE(p.may_open());
}

TEST_F(Participant, WhatIsLeftBehindAClosedFenceGoesWhenTheNetworkIsToBeAsked) {
    is_closed = true;
    kernel = {a};
    p.received(pnn(0), plan_of(5, {{a, pnn(1)}}));
    p.done({});
    take asked = take_of(5, a);
    asked.items[a] = true;
    p.received(pnn(0), asked);
    EXPECT_EQ(std::get<take_order>(orders.back()).lose, item_set{a});
}

TEST_F(Participant, AfterDroppingTakesNothingUntilTheNextPlan) {
    p.received(pnn(0), plan_of(5, {{a, pnn(1)}}));
    p.done({});
    p.drop();
    p.received(pnn(0), take_of(5, a));
    EXPECT_EQ(last_sent<taken>()->failures.at(a), take_failure::stale);
    EXPECT_TRUE(p.permitted().empty());
    p.received(pnn(0), plan_of(6, {{a, pnn(1)}}));
    p.done({});
    p.received(pnn(0), take_of(6, a));
    EXPECT_TRUE(std::holds_alternative<take_order>(orders.back()));
}

TEST_F(Participant, WhatScriptsClaimDoesNotCountTheKernelDoes) {
    p.received(pnn(0), plan_of(5, {{a, pnn(1)}}));
    p.done({});
    p.received(pnn(0), take_of(5, a));
    p.done({}); // "ok", but nothing is there
    EXPECT_EQ(last_sent<taken>()->failures.at(a), take_failure::failed);
    kernel = {a};
    p.received(pnn(0), plan_of(6, {}));
    p.done({});
    p.received(pnn(0), release{6, 5s});
    p.done({}); // still there
    EXPECT_EQ(last_sent<released>()->held, item_set{a});
}

TEST_F(Participant, APlanThatComesWhileAnOrderRunsWaitsAndReplacesWhatWaited) {
    p.received(pnn(0), plan_of(5, {{a, pnn(1)}}));
    p.received(pnn(0), take_of(5, a));
    p.received(pnn(0), plan_of(6, {}));
    p.received(pnn(0), plan_of(7, {}));
    EXPECT_EQ(orders.size(), 1U);
    p.done({});
    EXPECT_EQ(p.accepted(), 7U);
    EXPECT_EQ(orders.size(), 2U);
}

TEST_F(Participant, WhatItWouldConfigureAgainCountsAsHeld) {
    p.received(pnn(0), plan_of(5, {{a, pnn(1)}}));
    p.done({});
    p.received(pnn(0), take_of(5, a));
    kernel = {a};
    p.done({});
    kernel.clear();
    EXPECT_EQ(p.lost(), item_set{a});
    EXPECT_EQ(p.held(), item_set{a});
    p.give_up({a});
    EXPECT_TRUE(p.held().empty());
}

} // namespace
} // namespace ctdb::failoverd
