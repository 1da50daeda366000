// The small parts of the engine: call rule, orphan detector, residency, turns of clients, hot keys,
// parking.
#include "ctdbd/database/record/call_rule.hpp"
#include "ctdbd/database/record/client_turns.hpp"
#include "ctdbd/database/record/hot_keys.hpp"
#include "ctdbd/database/record/owner_hints.hpp"
#include "ctdbd/database/record/parking.hpp"
#include "ctdbd/database/record/redirect_memory.hpp"
#include "ctdbd/database/record/residency.hpp"
#include "ctdbd/database/record/sticky_records.hpp"

#include <gtest/gtest.h>

namespace ctdb::ctdbd {
namespace {

using namespace std::chrono_literals;
using protocol::record_flag;
using protocol::record_flags;

constexpr pnn me{1};
const async::time_point start{std::chrono::hours(1)};

call_situation situation(call_origin origin, pnn dmaster, record_flags flags) {
    call_situation s;
    s.me = me;
    s.origin = origin;
    s.header.dmaster = dmaster;
    s.header.flags = flags;
    return s;
}

call_action decide(call_origin origin, pnn dmaster, record_flags flags = {}, bool commit = false) {
    call_situation s = situation(origin, dmaster, flags);
    s.commit_running = commit;
    return decide_call(s);
}

TEST(CallRule, TheDmasterServesItsOwnAndHandsOverToOthers) {
    EXPECT_EQ(decide(call_origin::client, me), call_action::serve);
    EXPECT_EQ(decide(call_origin::own_node, me), call_action::serve);
    EXPECT_EQ(decide(call_origin::peer, me), call_action::hand_over);
}

TEST(CallRule, OthersPassCallsOn) {
    EXPECT_EQ(decide(call_origin::client, pnn{2}), call_action::send_out);
    EXPECT_EQ(decide(call_origin::own_node, pnn{2}), call_action::redirect);
    EXPECT_EQ(decide(call_origin::peer, pnn{2}), call_action::redirect);
}

TEST(CallRule, NothingIsHandedOverWhileACommitRuns) {
    EXPECT_EQ(decide(call_origin::peer, me, {}, true), call_action::wait_for_commit);
    EXPECT_EQ(decide(call_origin::client, me, {}, true), call_action::serve);
    EXPECT_EQ(decide(call_origin::peer, pnn{2}, {}, true), call_action::redirect);
}

call_action decide_reading(call_origin origin, pnn dmaster, record_flags flags = {}) {
    call_situation s = situation(origin, dmaster, flags);
    s.wants_to_read = true;
    return decide_call(s);
}

TEST(CallRule, DelegationsOfAnotherNodesRecordEndInARecovery) {
    for (const auto origin : {call_origin::client, call_origin::own_node, call_origin::peer}) {
        const auto have = record_flag::ro_have_delegations;
        const auto revoking = record_flag::ro_revoking_readonly;
        EXPECT_EQ(decide(origin, pnn{2}, have), call_action::recover);
        EXPECT_EQ(decide(origin, pnn{2}, revoking), call_action::recover);
        EXPECT_EQ(decide_reading(origin, pnn{2}, have), call_action::recover);
    }
    // A read-only copy of somebody else's record is nothing special to a writer.
    EXPECT_EQ(
        decide(call_origin::client, pnn{2}, record_flag::ro_have_readonly), call_action::send_out
    );
}

TEST(CallRule, WritersEndTheCopiesFirst) {
    for (const auto origin : {call_origin::client, call_origin::own_node, call_origin::peer}) {
        EXPECT_EQ(decide(origin, me, record_flag::ro_have_delegations), call_action::revoke);
        EXPECT_EQ(decide(origin, me, record_flag::ro_have_readonly), call_action::revoke);
        const record_flags both =
            record_flag::ro_have_delegations | record_flag::ro_revoking_readonly;
        EXPECT_EQ(decide(origin, me, both), call_action::wait_for_revoke);
        EXPECT_EQ(decide_reading(origin, me, both), call_action::wait_for_revoke);
    }
}

TEST(CallRule, ReadersGetCopiesAndUseThem) {
    const record_flags shared = record_flag::ro_have_delegations;
    EXPECT_EQ(decide_reading(call_origin::peer, me), call_action::delegate);
    EXPECT_EQ(decide_reading(call_origin::peer, me, shared), call_action::delegate);
    EXPECT_EQ(decide_reading(call_origin::client, me, shared), call_action::serve);
    EXPECT_EQ(decide_reading(call_origin::own_node, me, shared), call_action::serve);
    const record_flags copy = record_flag::ro_have_readonly;
    EXPECT_EQ(decide_reading(call_origin::client, pnn{2}, copy), call_action::serve);
    EXPECT_EQ(decide_reading(call_origin::client, pnn{2}), call_action::send_out);
    EXPECT_EQ(decide_reading(call_origin::peer, pnn{2}, copy), call_action::redirect);
}

TEST(CallRule, DelegatedIsBehindRevokedIsBehindTheDmaster) { // 3.1, I2
    protocol::record_header mine;
    mine.rsn = rsn{10};
    mine.dmaster = me;
    mine.flags = record_flag::migrated_with_data;
    const auto shared = delegating(mine);
    EXPECT_EQ(shared.rsn.value, 13U);
    EXPECT_EQ(shared.flags.value, 0x01010000U); // as seen from upstream
    EXPECT_EQ(delegating(shared), shared);
    const auto copy = delegated_copy(shared);
    EXPECT_EQ(copy.rsn.value, 11U);
    EXPECT_EQ(copy.flags.value, 0x02010000U);
    EXPECT_EQ(copy.dmaster, me);
    auto revoking = shared;
    revoking.flags.set(record_flag::ro_revoking_readonly);
    const auto ended = revoked_copy(revoking);
    EXPECT_EQ(ended.rsn.value, 12U);
    EXPECT_EQ(ended.flags.value, 0x00010000U);
    const auto after = after_revoke(revoking);
    EXPECT_EQ(after.rsn.value, 14U); // the store rule makes it 15
    EXPECT_EQ(after.flags.value, 0x00010000U);
}

TEST(OwnerHints, TellWhoAskedLastAndOnlyOnce) {
    owner_hints hints;
    const auto key = view_of("k");
    EXPECT_EQ(hints.take(key, pnn{1}), pnn{1});
    hints.asked_by(key, pnn{2});
    hints.asked_by(key, pnn{3});
    EXPECT_EQ(hints.take(key, pnn{1}), pnn{3});
    EXPECT_EQ(hints.take(key, pnn{1}), pnn{1});
    hints.asked_by(key, pnn{2});
    hints.forget(key);
    EXPECT_EQ(hints.take(key, pnn{1}), pnn{1});
}

TEST(StickyRecords, AreStickyForAWhileAndNeverTooMany) {
    sticky_records sticky;
    EXPECT_TRUE(sticky.make_sticky(view_of("k"), start, 10s));
    EXPECT_FALSE(sticky.make_sticky(view_of("k"), start + 1s, 10s)); // longer, not anew
    EXPECT_TRUE(sticky.is_sticky(view_of("k"), start + 10s));
    EXPECT_FALSE(sticky.is_sticky(view_of("k"), start + 11s));
    for (std::size_t i = 0; i < 2 * sticky_records::keys_max; ++i) {
        sticky.make_sticky(view_of("key " + std::to_string(i)), start, 10s);
    }
    EXPECT_EQ(sticky.size(), sticky_records::keys_max);
    EXPECT_TRUE(sticky.make_sticky(view_of("later"), start + 1h, 10s)); // those have expired
    EXPECT_EQ(sticky.size(), 1U);
}

TEST(RedirectMemory, TheSameRequestBackFromTheOwnerWithNothingChangedProvesAnOrphan) {
    redirect_memory memory;
    const redirect step{pnn{3}, reqid{7}, pnn{3}, pnn{2}, rsn{5}};
    EXPECT_FALSE(memory.circles(step, start));
    redirect again = step;
    again.via = pnn{2};
    EXPECT_TRUE(memory.circles(again, start + 1s));
}

TEST(RedirectMemory, AChangedHeaderOrAnotherLinkProvesNothing) {
    redirect_memory memory;
    redirect step{pnn{3}, reqid{7}, pnn{3}, pnn{2}, rsn{5}};
    EXPECT_FALSE(memory.circles(step, start));
    step.via = pnn{4}; // not the owner's link: it may be older than what made it owner
    EXPECT_FALSE(memory.circles(step, start));
    step.via = pnn{2};
    step.rsn = rsn{6}; // went away and came back meanwhile
    EXPECT_FALSE(memory.circles(step, start));
    EXPECT_TRUE(memory.circles(step, start));
}

TEST(RedirectMemory, OtherRequestsAndForgottenOnesStartAfresh) {
    redirect_memory memory;
    redirect step{pnn{3}, reqid{7}, pnn{2}, pnn{2}, rsn{5}};
    EXPECT_FALSE(memory.circles(step, start));
    step.id = reqid{8};
    EXPECT_FALSE(memory.circles(step, start));
    EXPECT_FALSE(memory.circles(step, start + redirect_memory::remembered_for + 1s));
    memory.clear();
    EXPECT_FALSE(memory.circles(step, start + redirect_memory::remembered_for + 1s));
}

TEST(RedirectMemory, IsBounded) {
    redirect_memory memory;
    for (std::uint32_t i = 0; i < 3 * redirect_memory::remembered_max; ++i) {
        EXPECT_FALSE(memory.circles({pnn{3}, reqid{i}, pnn{2}, pnn{2}, rsn{5}}, start));
    }
    EXPECT_LE(memory.size(), redirect_memory::remembered_max);
}

// The ends of all parts, if the record is in use in each.
std::vector<async::duration> looks(const client_turns& turns) {
    std::vector<async::duration> at;
    for (auto next = turns.next_look(start); next; next = turns.next_look(*next)) {
        at.push_back(*next - start);
    }
    return at;
}

TEST(ClientTurns, EachFurtherClientHasItsTimeAndAllTogetherALimit) {
    EXPECT_EQ(looks(client_turns(1, {}, start)).back(), client_turns::for_each);
    EXPECT_EQ(looks(client_turns(7, {}, start)).back(), 7 * client_turns::for_each);
    EXPECT_EQ(looks(client_turns(100, {}, start)).back(), client_turns::for_all_max);
    EXPECT_EQ(looks(client_turns(100'000, {}, start)).back(), client_turns::for_all_max);
}

TEST(ClientTurns, TheStayIsLookedAtInFewPartsNotTooShort) {
    EXPECT_EQ(looks(client_turns(2, {}, start)).size(), 1U);
    EXPECT_EQ(looks(client_turns(4, {}, start)).front(), client_turns::part_min);
    EXPECT_EQ(looks(client_turns(100, {}, start)).size(), std::size_t{client_turns::parts_max});
}

TEST(ClientTurns, AnotherValueThanAtTheLastLookIsAChange) {
    client_turns turns(3, view_of("came"), start);
    EXPECT_FALSE(turns.changed(view_of("came")));
    EXPECT_TRUE(turns.changed(view_of("written")));
    EXPECT_FALSE(turns.changed(view_of("written")));
    EXPECT_TRUE(turns.changed(view_of("came")));
}

// One race: the record comes with `came`, leaves with `left`, the client asks again.
std::chrono::microseconds
race(residency& r, async::time_point& now, std::string_view came, std::string_view left) {
    const auto key = view_of("k");
    const auto rest = r.arrived(key, client_id{1}, view_of(came), now += 100us);
    r.leaves(key, view_of(left));
    r.missed(key, client_id{1}, now += 100us);
    return rest;
}

TEST(Residency, AQuickRingWhoseClientsGetTheirTurnNeverRests) {
    residency r;
    auto now = start;
    for (int i = 0; i < 1000; ++i) {
        EXPECT_EQ(race(r, now, "before", "after").count(), 0);
    }
}

TEST(Residency, AnotherClientThatAsksHasLostNoRace) {
    residency r;
    const auto key = view_of("k");
    for (int i = 0; i < 100; ++i) {
        EXPECT_EQ(r.arrived(key, client_id{1}, view_of("v"), start + i * 1ms).count(), 0);
        r.leaves(key, view_of("v"));
        r.missed(key, client_id{2}, start + i * 1ms);
    }
}

TEST(Residency, AClientSeenWithTheLockHasHadItsTurn) {
    residency r;
    const auto key = view_of("k");
    for (int i = 0; i < 100; ++i) {
        EXPECT_EQ(r.arrived(key, client_id{1}, view_of("v"), start + i * 1ms).count(), 0);
        r.in_use(key);
        r.leaves(key, view_of("v")); // it only looked
        r.missed(key, client_id{1}, start + i * 1ms);
    }
}

TEST(Residency, ARecordThatIsStillHereHasLostNobodyARace) {
    residency r;
    const auto key = view_of("k");
    EXPECT_EQ(r.arrived(key, client_id{1}, view_of("v"), start).count(), 0);
    r.missed(key, client_id{1}, start + 1ms); // gone by way of a recovery, say
    EXPECT_EQ(r.arrived(key, client_id{1}, view_of("v"), start + 2ms).count(), 0);
}

TEST(Residency, LostRacesLengthenTheRestUpToAMillisecondAndWonOnesShortenIt) {
    residency r;
    auto now = start;
    std::chrono::microseconds rest = race(r, now, "v", "v");
    EXPECT_EQ(rest.count(), 0);
    while (rest < residency::rest_max) {
        const auto next = race(r, now, "v", "v");
        ASSERT_GT(next, rest);
        rest = next;
    }
    EXPECT_EQ(rest, residency::rest_max);
    EXPECT_EQ(race(r, now, "v", "changed"), residency::rest_max); // the last one was lost
    for (int i = 0; i < 12; ++i) {
        const auto next = race(r, now, "v", "changed");
        EXPECT_LT(next.count(), std::max<long>(rest.count(), 1));
        rest = next;
    }
    EXPECT_EQ(rest.count(), 0);
}

TEST(Residency, AClientThatOnlyLooksIsNotMadeToWaitForEver) {
    residency r;
    auto now = start;
    int rested = 0;
    for (int i = 0; i < 1000; ++i) {
        rested += race(r, now, "v", "v").count() > 0 ? 1 : 0;
    }
    EXPECT_LE(rested, 10);
    now += residency::left_alone_for;
    rested = 0;
    for (int i = 0; i < 3; ++i) {
        rested += race(r, now, "v", "v").count() > 0 ? 1 : 0;
    }
    EXPECT_GE(rested, 1); // another chance for whoever it is by now
}

TEST(Residency, AskingMuchLaterIsANewWish) {
    residency r;
    const auto key = view_of("k");
    EXPECT_EQ(r.arrived(key, client_id{1}, view_of("v"), start).count(), 0);
    r.leaves(key, view_of("v"));
    r.missed(key, client_id{1}, start + residency::race_window + 1ms);
    EXPECT_EQ(r.arrived(key, client_id{1}, view_of("v"), start + 1s).count(), 0);
}

TEST(HotKeys, AreListedAscendingOneSlotPerKey) {
    hot_keys hot;
    for (int i = 0; i < 3; ++i) {
        hot.migrated(view_of("three"), start);
    }
    hot.migrated(view_of("one"), start);
    const auto& slots = hot.ascending();
    EXPECT_EQ(slots[0].count, 1U);
    EXPECT_EQ(text_of(slots[0].key), "one");
    EXPECT_EQ(slots[1].count, 3U);
    EXPECT_EQ(text_of(slots[1].key), "three");
    EXPECT_EQ(slots[2].count, 0U); // as captured from upstream: empty slots come last
}

TEST(HotKeys, CountWithinOneSecondAndKeepTheHighestWindow) {
    hot_keys hot;
    for (int i = 0; i < 5; ++i) {
        hot.migrated(view_of("k"), start);
    }
    hot.migrated(view_of("k"), start + 1s); // a new window
    EXPECT_EQ(hot.ascending()[0].count, 5U);
    hot.clear();
    EXPECT_EQ(hot.ascending()[0].count, 0U);
}

TEST(HotKeys, AHotterKeyReplacesTheColdest) {
    hot_keys hot;
    for (int k = 0; k < 10; ++k) {
        for (int i = 0; i <= k; ++i) {
            hot.migrated(view_of(std::string(1, static_cast<char>('a' + k))), start);
        }
    }
    hot.migrated(view_of("new"), start);
    EXPECT_EQ(text_of(hot.ascending()[0].key), "a"); // as cold as the new one, and there first
    hot.migrated(view_of("new"), start);
    EXPECT_EQ(text_of(hot.ascending()[0].key), "new");
}

record_request request(std::string_view key, std::uint64_t arrival) {
    record_request r;
    r.key = view_of(key);
    r.arrival = arrival;
    return r;
}

TEST(Parking, ReturnedRequestsStandBeforeLaterOnesInTheirOrder) {
    parking p;
    p.park(1, request("k", 3));
    std::deque<record_request> earlier;
    earlier.push_back(request("k", 1));
    earlier.push_back(request("k", 2));
    p.return_to_line(1, earlier);
    const auto& line = p.line(1)->requests;
    ASSERT_EQ(line.size(), 3U);
    EXPECT_EQ(line[0].arrival, 1U);
    EXPECT_EQ(line[1].arrival, 2U);
    EXPECT_EQ(line[2].arrival, 3U);
}

TEST(Parking, ParkedRequestsOwnTheirBytes) {
    parking p;
    {
        std::string packet = "key";
        p.park(1, request(packet, 1));
        packet.assign("xxx");
    }
    EXPECT_EQ(text_of(p.line(1)->requests.front().key), "key");
}

TEST(Parking, TheDeadAreRemovedWhereverTheyWait) {
    parking p;
    p.park(1, request("a", 1));
    p.park(1, request("a", 2));
    p.hold_for(view_of("a")).held.push_back(request("a", 1));
    p.hold_for(view_of("b")).collapsed.push_back(request("b", 1));
    EXPECT_EQ(p.size(), 4U);
    p.drop_if([](const record_request& r) { return r.arrival == 1; });
    EXPECT_EQ(p.size(), 1U);
}

} // namespace
} // namespace ctdb::ctdbd
