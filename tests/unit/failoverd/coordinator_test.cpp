// The rows of failover.md 15.9 that are the leader's.
#include "failoverd/coordinator.hpp"
#include "failoverd/status_pace.hpp"

#include <gtest/gtest.h>

namespace ctdb::failoverd {
namespace {

using namespace std::chrono_literals;

const item a = pubip("10.0.0.1");
const item b = pubip("10.0.0.2");

class Coordinator : public testing::Test, public coordinator_outputs {
protected:
    void send(pnn to, const message& m) override { sent.emplace_back(to, m); }
    plan calculate(const calculation_input& input) override {
        last_input = input;
        plan p;
        for (const auto& [which, where] : input.available_on) {
            for (const pnn n : where) {
                if (!p.contains(which) && (!wish.contains(which) || wish[which] == n)) {
                    p[which] = n;
                }
            }
        }
        return p;
    }
    void run_ended(const run_report& r) override { reports.push_back(r); }

    void come_up(std::uint32_t nodes) {
        for (std::uint32_t n = 0; n < nodes; ++n) {
            map[pnn(n)] = node_state{true, true, false};
        }
        c.nodes_are(map, now);
        c.lead(0, now);
        for (std::uint32_t n = 0; n < nodes; ++n) {
            says(pnn(n), {});
        }
    }
    [[nodiscard]] status holding_b() const {
        status s;
        s.now = now.time_since_epoch();
        s.heard = c.current();
        s.known = s.available = {a, b};
        s.held = {b};
        return s;
    }
    void says(pnn node, item_set held) {
        status s;
        s.now = now.time_since_epoch();
        s.heard = c.current();
        s.known = s.available = {a, b};
        s.held = std::move(held);
        c.received(node, s, now);
    }
    void advance(std::chrono::milliseconds by) {
        for (const auto end = now + by; now < end; now += 10ms) {
            c.tick(now);
        }
        c.tick(now);
    }
    void all_prepared(std::map<pnn, item_set> held = {}) {
        for (const auto& [node, s] : map) {
            if (s.connected) {
                prepared p;
                p.of = p.accepted = c.current();
                p.held = held[node];
                c.received(node, p, now);
            }
        }
        c.tick(now);
    }
    void two_nodes_with_an_item_each() {
        wish = {{a, pnn(0)}, {b, pnn(1)}};
        come_up(2);
        says(pnn(1), {b});
        says(pnn(0), {a});
        advance(100ms);
        all_prepared({{pnn(0), {a}}, {pnn(1), {b}}});
        answer_finalise();
        wish.clear();
    }
    template <class M>
    std::map<pnn, M> take_sent() {
        std::map<pnn, M> found;
        for (const auto& [to, m] : sent) {
            if (const auto* one = std::get_if<M>(&m)) {
                found[to] = *one;
            }
        }
        std::erase_if(sent, [](const auto& s) { return std::holds_alternative<M>(s.second); });
        return found;
    }
    void answer_takes(take_failure failure = take_failure::failed, bool ok = true) {
        for (const auto& [to, t] : take_sent<take>()) {
            taken done{t.of, t.round, {}, {}};
            for (const auto& [which, probe] : t.items) {
                if (ok) {
                    done.held.insert(which);
                } else {
                    done.failures[which] = failure;
                }
            }
            c.received(to, done, now);
        }
        c.tick(now);
    }
    void answer_finalise() {
        for (const auto& [to, f] : take_sent<finalise>()) {
            c.received(to, finalised{f.of, verdict::ok, ""}, now);
        }
        c.tick(now);
    }

    async::time_point now{1h};
    std::map<pnn, node_state> map;
    std::vector<std::pair<pnn, message>> sent;
    std::vector<run_report> reports;
    std::map<item, pnn> wish;
    calculation_input last_input;
    coordinator c{*this, coordinator_settings{}};
};

TEST_F(Coordinator, TakesNewItemsAtOnceWhenNobodyHasToRelease) {
    come_up(2);
    wish = {{a, pnn(0)}, {b, pnn(1)}};
    advance(100ms);
    EXPECT_EQ(take_sent<prepare>().size(), 2U);
    all_prepared();
    EXPECT_TRUE(take_sent<release>().empty());
    const auto takes = take_sent<take>();
    ASSERT_EQ(takes.size(), 2U);
    EXPECT_EQ(takes.at(pnn(0)).items, (std::map<item, bool>{{a, false}}));
}

TEST_F(Coordinator, GivesAnItemOnlyAfterItsHolderHasReleasedIt) {
    come_up(2);
    says(pnn(0), {a});
    wish = {{a, pnn(1)}, {b, pnn(1)}};
    advance(100ms);
    all_prepared({{pnn(0), {a}}});
    EXPECT_EQ(take_sent<release>().size(), 1U);
    EXPECT_TRUE(take_sent<take>().empty());
    c.received(pnn(0), released{c.current(), {}}, now);
    c.tick(now);
    EXPECT_EQ(take_sent<take>().at(pnn(1)).items.size(), 2U);
}

TEST_F(Coordinator, OneNodeThatCannotReleaseDelaysOnlyItsItem) {
    come_up(3);
    says(pnn(0), {a});
    wish = {{a, pnn(1)}, {b, pnn(2)}};
    advance(100ms);
    all_prepared({{pnn(0), {a}}});
    const auto first = take_sent<take>();
    ASSERT_EQ(first.size(), 1U);
    EXPECT_EQ(first.begin()->first, pnn(2));
    c.received(pnn(0), released{c.current(), {a}}, now); // it still holds it
    c.received(pnn(2), taken{c.current(), 1, {b}, {}}, now);
    advance(11s);
    EXPECT_TRUE(take_sent<take>().empty());
    EXPECT_EQ(take_sent<finalise>().size(), 3U);
}

TEST_F(Coordinator, AMemberThatDoesNotAnswerPrepareIsLeftOut) {
    come_up(3);
    advance(100ms);
    take_sent<prepare>();
    for (int i = 0; i < 60; ++i) {
        for (const pnn n : {pnn(0), pnn(1), pnn(2)}) {
            says(n, {});
        }
        if (i == 1) {
            for (const pnn n : {pnn(0), pnn(1)}) {
                c.received(n, prepared{c.current(), verdict::ok, c.current(), {}, ""}, now);
            }
        }
        advance(100ms);
    }
    EXPECT_EQ(take_sent<prepare>().size(), 2U);
}

TEST_F(Coordinator, AMemberThatDiesBeforePreparedStartsTheRunAnew) {
    come_up(3);
    advance(100ms);
    const epoch first = c.current();
    take_sent<prepare>();
    map[pnn(2)] = node_state{false, true, false};
    c.nodes_are(map, now);
    advance(20ms);
    EXPECT_GT(c.current(), first);
    EXPECT_EQ(take_sent<prepare>().size(), 2U);
}

TEST_F(Coordinator, ItemsOfADeadNodeAreAskedForOnTheNetworkOnceNothingOfItsCanBegin) {
    two_nodes_with_an_item_each();
    const auto died = now;
    map[pnn(1)].connected = false;
    c.nodes_are(map, now);
    advance(20ms);
    take_sent<finalise>();
    all_prepared({{pnn(0), {a}}});
    EXPECT_TRUE(take_sent<take>().empty());
    answer_finalise();
    std::map<pnn, take> late;
    while (late.empty() && now < died + 10s) {
        says(pnn(0), {a});
        advance(50ms);
        answer_finalise();
        late = take_sent<take>();
    }
    ASSERT_EQ(late.size(), 1U);
    EXPECT_TRUE(late.at(pnn(0)).items.at(b)); // ask first
    EXPECT_GE(now - died, fresh_window);
    EXPECT_LT(now - died, fresh_window + 1s);
    // busy: tried again, without a new run
    const epoch before = c.current();
    c.received(pnn(0), taken{before, late.at(pnn(0)).round, {a}, {{b, take_failure::busy}}}, now);
    says(pnn(0), {a});
    advance(300ms);
    EXPECT_EQ(take_sent<take>().size(), 1U);
    EXPECT_EQ(c.current(), before);
}

TEST_F(Coordinator, AsksTheNetworkAtOnceWhenTheHostSaysThatFailoverdHasEnded) {
    two_nodes_with_an_item_each();
    const auto died = now;
    c.has_ended(pnn(1), now); // connected: not believed
    map[pnn(1)].connected = false;
    c.nodes_are(map, now);
    advance(20ms);
    all_prepared({{pnn(0), {a}}});
    answer_finalise();
    EXPECT_TRUE(take_sent<take>().empty());
    c.has_ended(pnn(1), now);
    advance(20ms);
    const auto given = take_sent<take>();
    ASSERT_EQ(given.size(), 1U);
    EXPECT_TRUE(given.at(pnn(0)).items.at(b)); // asked for first
    EXPECT_LT(now - died, 1s);
}

TEST_F(Coordinator, WhatADeadNodeWasTakingIsAskedForWhenItCannotBeTakenAnyMore) {
    wish = {{a, pnn(0)}, {b, pnn(1)}};
    come_up(2);
    advance(100ms);
    all_prepared();
    ASSERT_TRUE(take_sent<take>().contains(pnn(1))); // and never answered
    c.received(pnn(0), taken{c.current(), 1, {a}, {}}, now);
    wish.clear();
    const auto died = now;
    map[pnn(1)].connected = false;
    c.nodes_are(map, now);
    c.has_ended(pnn(1), now);
    std::map<pnn, take> given;
    while (!(given.contains(pnn(0)) && given.at(pnn(0)).items.contains(b)) && now < died + 10s) {
        says(pnn(0), {a});
        advance(50ms);
        all_prepared({{pnn(0), {a}}});
        answer_finalise();
        given = take_sent<take>();
    }
    EXPECT_GE(now - died, take_window);
    EXPECT_LT(now - died, take_window + 1s);
}

TEST_F(Coordinator, WhatWasSaidBeforeThisTermDoesNotCount) {
    two_nodes_with_an_item_each();
    const epoch before = c.current();
    now += 8s; // it stood still, and another may have led meanwhile
    status waited;
    waited.now = (now - 7s).time_since_epoch();
    waited.heard = before;
    waited.known = waited.available = {a, b};
    sent.clear();
    c.received(pnn(1), waited, now);
    ASSERT_GT(term_of(c.current()), term_of(before));
    const auto words = take_sent<authority>();
    ASSERT_TRUE(words.contains(pnn(1)));
    EXPECT_EQ(words.at(pnn(1)).current, c.current());
    advance(900ms);
    EXPECT_TRUE(take_sent<prepare>().empty()); // it waits for what they say now
    says(pnn(0), {a});
    says(pnn(1), {b});
    advance(20ms);
    EXPECT_EQ(take_sent<prepare>().size(), 2U);
}

TEST_F(Coordinator, ANodeWhoseFenceIsClosedGetsARun) {
    two_nodes_with_an_item_each();
    advance(100ms);
    const epoch before = c.current();
    status s;
    s.now = now.time_since_epoch();
    s.heard = before;
    s.known = s.available = {a, b};
    s.held = {b};
    s.closed = true;
    c.received(pnn(1), s, now);
    advance(100ms);
    EXPECT_GT(c.current(), before);
}

TEST_F(Coordinator, TheLastWordOfANodeIsProofAtOnceIfItKnowsTheKey) {
    c.set_key(42);
    two_nodes_with_an_item_each();
    take_sent<prepare>();
    c.has_released_all({pnn(1), 41, now.time_since_epoch()}, now);
    advance(20ms);
    EXPECT_TRUE(take_sent<prepare>().empty());
    c.has_released_all({pnn(1), 42, now.time_since_epoch()}, now);
    map[pnn(1)].connected = false;
    c.nodes_are(map, now);
    advance(20ms);
    EXPECT_EQ(take_sent<prepare>().size(), 1U);
    all_prepared({{pnn(0), {a}}});
    EXPECT_EQ(take_sent<take>().at(pnn(0)).items, (std::map<item, bool>{{b, false}}));
}

// The status comes by way of two ctdbds, the rest does not.
TEST_F(Coordinator, AStatusThatItsSendersLastWordHasOvertakenIsNotBelieved) {
    c.set_key(42);
    two_nodes_with_an_item_each();
    take_sent<prepare>();
    const status late = holding_b();
    now += 1ms;
    c.has_released_all({pnn(1), 42, now.time_since_epoch()}, now);
    c.received(pnn(1), late, now);
    map[pnn(1)].connected = false;
    c.nodes_are(map, now);
    advance(20ms);
    all_prepared({{pnn(0), {a}}});
    EXPECT_EQ(take_sent<take>()[pnn(0)].items, (std::map<item, bool>{{b, false}}));
}

TEST_F(Coordinator, AStatusThatComesAfterItsNodeHasLeftIsNotBelieved) {
    two_nodes_with_an_item_each();
    take_sent<prepare>();
    const status late = holding_b();
    map[pnn(1)].connected = false;
    c.nodes_are(map, now);
    c.has_ended(pnn(1), now);
    c.received(pnn(1), late, now);
    advance(20ms);
    all_prepared({{pnn(0), {a}}});
    EXPECT_EQ(take_sent<take>()[pnn(0)].items, (std::map<item, bool>{{b, true}}));
}

TEST_F(Coordinator, ANodeThatIsBackWithAnEarlierClockIsHeard) {
    c.set_key(42);
    two_nodes_with_an_item_each();
    c.has_released_all({pnn(1), 42, now.time_since_epoch() + 1h}, now);
    map[pnn(1)].connected = false;
    c.nodes_are(map, now);
    advance(20ms);
    all_prepared({{pnn(0), {a}}});
    const auto round = take_sent<take>()[pnn(0)].round;
    c.received(pnn(0), taken{c.current(), round, {a, b}, {}}, now);
    advance(20ms);
    answer_finalise();
    map[pnn(1)].connected = true;
    c.nodes_are(map, now);
    wish = {{a, pnn(0)}, {b, pnn(1)}};
    std::map<pnn, take> given;
    for (const auto end = now + 5s; !given.contains(pnn(1)) && now < end;) {
        says(pnn(0), {a});
        says(pnn(1), {});
        advance(50ms);
        all_prepared({{pnn(0), {a}}});
        answer_finalise();
        given = take_sent<take>();
    }
    EXPECT_TRUE(given.contains(pnn(1)));
}

// Node 1 led and died; its failoverd released everything and said so to all, before or after node 0
// became leader.
class LastWordBeforeATerm : public Coordinator {
protected:
    void node_1_goes() {
        map[pnn(1)].connected = false;
        c.nodes_are(map, now);
    }
    // What is given at once, with whether the network has to be asked.
    std::map<item, bool> given_in_a_new_term() {
        c.lead(0, now);
        says(pnn(0), {a});
        advance(20ms);
        all_prepared({{pnn(0), {a}}});
        return take_sent<take>()[pnn(0)].items;
    }
    void two_nodes() {
        c.stop_leading();
        map[pnn(0)] = map[pnn(1)] = node_state{true, true, false};
        c.nodes_are(map, now);
        wish = {{a, pnn(0)}, {b, pnn(0)}};
    }
};

TEST_F(LastWordBeforeATerm, IsProof) {
    two_nodes();
    c.has_released_all_before(pnn(1), now);
    node_1_goes();
    EXPECT_EQ(given_in_a_new_term(), (std::map<item, bool>{{b, false}}));
}

TEST_F(LastWordBeforeATerm, IsNoneIfTheNodeHasBeenBack) {
    two_nodes();
    node_1_goes();
    c.has_released_all_before(pnn(1), now);
    two_nodes();
    node_1_goes();
    EXPECT_FALSE(given_in_a_new_term().contains(b));
}

TEST_F(LastWordBeforeATerm, IsNoneIfTheNodeLivedOn) {
    two_nodes();
    c.has_released_all_before(pnn(1), now);
    now += 1s;
    node_1_goes();
    EXPECT_FALSE(given_in_a_new_term().contains(b));
}

TEST_F(LastWordBeforeATerm, WithoutItTheTakerWaits) {
    two_nodes();
    node_1_goes();
    EXPECT_FALSE(given_in_a_new_term().contains(b));
}

TEST_F(Coordinator, AfterAFailedTakeTheItemGoesElsewhere) {
    come_up(2);
    advance(100ms);
    all_prepared();
    answer_takes(take_failure::failed, false);
    answer_finalise();
    advance(100ms);
    EXPECT_EQ(last_input.available_on.at(a), (std::set<pnn>{pnn(1)}));
}

TEST_F(Coordinator, AnOldTermGivesWayToANewerOneThatAMemberHasSeen) {
    come_up(2);
    advance(100ms);
    c.received(pnn(1), prepared{c.current(), verdict::stale, epoch_of(9, 4), {}, "old"}, now);
    EXPECT_EQ(term_of(c.current()), 10U);
}

TEST_F(Coordinator, ARunAsksForAnotherOnlyWhenSomethingChanges) {
    come_up(2);
    advance(100ms);
    all_prepared();
    answer_takes();
    answer_finalise();
    ASSERT_EQ(reports.size(), 1U);
    EXPECT_TRUE(reports[0].complete);
    take_sent<prepare>();
    for (int i = 0; i < 20; ++i) {
        says(pnn(0), {a, b});
        says(pnn(1), {});
        advance(200ms);
    }
    EXPECT_TRUE(take_sent<prepare>().empty());
}

TEST_F(Coordinator, RunsThatAreDisabledWait) {
    c.hold_back_until(now + 5s);
    come_up(2);
    advance(4s);
    EXPECT_TRUE(take_sent<prepare>().empty());
    for (const pnn n : {pnn(0), pnn(1)}) {
        says(n, {});
    }
    advance(1500ms);
    EXPECT_EQ(take_sent<prepare>().size(), 2U);
}

TEST_F(Coordinator, FollowersDoNothing) {
    come_up(2);
    c.stop_leading();
    advance(2s);
    EXPECT_TRUE(take_sent<prepare>().empty());
}

TEST_F(Coordinator, SpeaksToAllMembersAtOnceAndNotAgainWhenTheyAnswer) {
    come_up(3);
    advance(status_interval);
    sent.clear();
    const auto heard = now;
    for (std::uint32_t n = 0; n < 3; ++n) {
        says(pnn(n), {});
    }
    sent.clear(); // what came on its own was answered
    now += status_interval;
    c.tick(now);
    auto words = take_sent<authority>();
    ASSERT_EQ(words.size(), 3U);
    EXPECT_EQ(words.at(pnn(1)).echo, heard.time_since_epoch());
    now += 2ms;
    says(pnn(0), {});
    says(pnn(1), {});
    EXPECT_TRUE(take_sent<authority>().empty());
}

TEST_F(Coordinator, AnswersAStatusThatComesOnItsOwn) {
    come_up(2);
    advance(status_interval);
    sent.clear();
    now += status_interval / 2;
    says(pnn(1), {});
    const auto words = take_sent<authority>();
    ASSERT_EQ(words.size(), 1U);
    EXPECT_EQ(words.at(pnn(1)).echo, now.time_since_epoch());
}

TEST_F(Coordinator, SaysNothingToANodeThatHasGone) {
    come_up(2);
    map[pnn(1)] = node_state{};
    c.nodes_are(map, now);
    sent.clear();
    advance(2 * status_interval);
    EXPECT_FALSE(take_sent<authority>().contains(pnn(1)));
}

TEST(StatusPace, AnswersTheLeadersWordButNotOneThatCrossedTheStatus) {
    status_pace pace;
    const time_point now{1h};
    pace.said(now);
    EXPECT_FALSE(pace.answers_at(now + 10ms));
    EXPECT_TRUE(pace.answers_at(now + status_interval));
    EXPECT_GT(pace.next_alone(), now + status_interval);
    EXPECT_LT(pace.next_alone() + status_interval, now + silence_limit / 2);
}

} // namespace
} // namespace ctdb::failoverd
