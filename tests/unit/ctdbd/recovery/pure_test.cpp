#include "common/protocol/hash.hpp"
#include "common/protocol/record_buffer.hpp"
#include "ctdbd/recovery/credits.hpp"
#include "ctdbd/recovery/database_union.hpp"
#include "ctdbd/recovery/plan.hpp"
#include "ctdbd/recovery/record_disposal.hpp"
#include "ctdbd/recovery/record_merge.hpp"
#include "tests/unit/ctdbd/database/test_runtime.hpp"

#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ctdb {
namespace {

using namespace ctdbd;
using ::testing::ElementsAre;

constexpr pnn leader{1};
const std::vector<pnn> nodes{pnn{0}, pnn{1}, pnn{2}};
constexpr db_id db{77};

struct copy {
    std::uint32_t order;
    std::uint64_t rsn;
    std::uint32_t dmaster;
    std::string value;
};

bytes buffer_of(std::string_view key, const copy& c) {
    protocol::record_buffer_writer out(db);
    protocol::record_header header;
    header.rsn = rsn{c.rsn};
    header.dmaster = pnn{c.dmaster};
    out.append(view_of(key), header, view_of(c.value));
    return out.take();
}

std::map<std::string, std::string> winners(const record_merge& merge) {
    std::map<std::string, std::string> all;
    record_merge::position position;
    bool more = true;
    while (more) {
        more = merge.visit(position, 7, [&](const record_merge::record& r) {
            all[std::string(text_of(r.key))] = text_of(r.value);
        });
    }
    return all;
}

std::string winner_of(std::vector<copy> copies) {
    record_merge merge(leader, nodes);
    for (const copy& c : copies) {
        EXPECT_EQ(merge.add(buffer_of("k", c), c.order).value(), 1U);
    }
    return winners(merge).at("k");
}

bool is_holders_own(const copy& c) {
    return nodes[c.order] == pnn{c.dmaster};
}

// upstream's rule, one node after the other (databases.md 6.6), but that a holder's own copy stands
// against others of its rsn
std::string expected_winner(std::vector<copy> copies) {
    std::ranges::sort(copies, {}, &copy::order);
    copy kept = copies.front();
    for (std::size_t i = 1; i < copies.size(); ++i) {
        const copy& next = copies[i];
        bool stays = next.rsn < kept.rsn || (next.rsn == kept.rsn && kept.dmaster != leader.value);
        if (next.rsn == kept.rsn && is_holders_own(next) != is_holders_own(kept)) {
            stays = is_holders_own(kept);
        }
        kept = stays ? kept : next;
    }
    return kept.value;
}

TEST(RecordMerge, HighestRsnWins) {
    EXPECT_EQ(winner_of({{0, 5, 0, "five"}, {1, 6, 0, "six"}}), "six");
    EXPECT_EQ(winner_of({{0, 6, 0, "six"}, {1, 5, 1, "five"}}), "six");
}

TEST(RecordMerge, OnEqualRsnTheEarlierStandsUnlessItNamesTheLeader) {
    EXPECT_EQ(winner_of({{0, 5, 2, "a"}, {1, 5, 0, "b"}}), "a");
    EXPECT_EQ(winner_of({{0, 5, 1, "a"}, {2, 5, 0, "b"}}), "b");
    EXPECT_EQ(winner_of({{0, 5, 1, "a"}, {2, 5, 1, "b"}}), "b");
}

// The others were given the holder's rsn by a recovery that broke off before it had raised its own
// (I2). What its clients have written since is nowhere else.
TEST(RecordMerge, OnEqualRsnTheHoldersOwnCopyWins) {
    EXPECT_EQ(winner_of({{0, 2, 2, "older"}, {1, 2, 2, "older"}, {2, 2, 2, "newer"}}), "newer");
    EXPECT_EQ(winner_of({{0, 2, 0, "newer"}, {1, 2, 0, "older"}, {2, 2, 0, "older"}}), "newer");
    EXPECT_EQ(winner_of({{0, 2, 1, "a"}, {1, 2, 1, "leader's"}, {2, 2, 1, "b"}}), "leader's");
    EXPECT_EQ(winner_of({{0, 2, 2, "a"}, {1, 2, 1, "own"}, {2, 2, 2, "own too"}}), "own too");
    EXPECT_EQ(winner_of({{0, 3, 2, "higher rsn"}, {2, 2, 2, "own"}}), "higher rsn");
}

TEST(RecordMerge, OnEqualRsnWhatItsHolderHasDeletedIsDeleted) { // I7
    EXPECT_EQ(winner_of({{0, 2, 2, "ghost"}, {2, 2, 2, ""}}), "");
}

TEST(RecordMerge, ArrivalOrderDoesNotMatter) {
    for (unsigned code = 0; code < 4096; ++code) { // rsn and dmaster of three copies
        std::vector<copy> copies;
        for (std::uint32_t i = 0; i < 3; ++i) {
            const unsigned part = (code >> (4 * i)) & 15U;
            copies.push_back({i, part & 3U, part >> 2U, std::string(1 + i, 'x')});
        }
        const std::string expected = expected_winner(copies);
        std::ranges::sort(copies, {}, &copy::order);
        do {
            ASSERT_EQ(winner_of(copies), expected) << code;
        } while (std::ranges::next_permutation(copies, {}, &copy::order).found);
    }
}

TEST(RecordMerge, KeepsValuesOfChangingSizesApart) {
    record_merge merge(leader, nodes);
    for (std::uint64_t round = 1; round <= 3; ++round) {
        for (int key = 0; key < 5000; ++key) {
            const std::string value(static_cast<std::size_t>((key * 7) % 900) * round, 'a');
            const copy c{0, round, 0, value + std::to_string(key)};
            ASSERT_TRUE(merge.add(buffer_of(std::to_string(key), c), 0));
        }
    }
    EXPECT_EQ(merge.size(), 5000U);
    const auto all = winners(merge);
    ASSERT_EQ(all.size(), 5000U);
    for (int key = 0; key < 5000; ++key) {
        const std::string value(static_cast<std::size_t>((key * 7) % 900) * 3, 'a');
        ASSERT_EQ(all.at(std::to_string(key)), value + std::to_string(key));
    }
}

record_merge merge_of(int records, std::size_t value_size) {
    record_merge merge(leader, nodes);
    const std::string value(value_size, 'v');
    for (int key = 0; key < records; ++key) {
        EXPECT_TRUE(merge.add(buffer_of(std::to_string(key), {0, 1, 0, value}), 0));
    }
    return merge;
}

TEST(RecordMerge, GrowsALittleAtATime) {
    record_merge merge(leader, nodes);
    std::size_t most = 0;
    for (int key = 0; key < 200'000;) {
        const std::size_t before = merge.slots_made();
        for (int i = 0; i < 200; ++i, ++key) { // as many as a buffer holds
            ASSERT_TRUE(merge.add(buffer_of(std::to_string(key), {0, 1, 0, "v"}), 0));
        }
        most = std::max(most, merge.slots_made() - before);
    }
    EXPECT_LE(most, 64'000U) << "slots filled at a stretch";
    EXPECT_GE(merge.slots_made(), 400'000U);
}

TEST(RecordMerge, WalksNoMoreAtATimeThanAskedForAndEachRecordOnce) {
    const record_merge merge = merge_of(20'000, 10);
    std::map<std::string, int> seen;
    record_merge::position position;
    for (bool more = true; more;) {
        int now = 0;
        more = merge.visit(position, 64, [&](const record_merge::record& r) {
            ++seen[std::string(text_of(r.key))];
            ++now;
        });
        ASSERT_LE(now, 64);
    }
    EXPECT_EQ(seen.size(), 20'000U);
    EXPECT_TRUE(std::ranges::all_of(seen, [](const auto& each) { return each.second == 1; }));
}

// What it gives back at a stretch does not grow with what it holds.
TEST(RecordMerge, ForgetsPieceByPiece) {
    record_merge merge = merge_of(20'000, 1000); // 20 MB
    int pieces = 1;
    while (merge.forget_some()) {
        ++pieces;
    }
    EXPECT_GT(pieces, 20); // of a megabyte
    EXPECT_FALSE(merge.forget_some());
}

TEST(RecordDisposal, GivesBackALittleInEachTurn) {
    testing::test_runtime rt;
    ctdbd::record_disposal disposal(rt);
    record_merge merge = merge_of(20'000, 1000); // 20 MB
    disposal.take(std::move(merge));
    int turns = 0;
    while (!disposal.idle() && rt.one_turn()) {
        ++turns;
    }
    EXPECT_TRUE(disposal.idle());
    EXPECT_GE(turns, 3);
    disposal.take(record_merge(leader, nodes));
    EXPECT_TRUE(disposal.idle()); // nothing was merged
}

TEST(RecordMerge, WhatWasMovedFromHoldsNothing) {
    record_merge from = merge_of(100, 100);
    const record_merge to = std::move(from);
    EXPECT_EQ(winners(to).size(), 100U);
    EXPECT_EQ(from.size(), 0U); // NOLINT(bugprone-use-after-move): it is what is tested
    EXPECT_TRUE(winners(from).empty());
}

TEST(RecordMerge, ForgetsLittleAtOnce) {
    EXPECT_FALSE(record_merge(leader, nodes).forget_some());
    record_merge merge = merge_of(100, 100);
    int pieces = 1;
    while (merge.forget_some()) {
        ++pieces;
    }
    EXPECT_LE(pieces, 8);
}

TEST(RecordMerge, RefusesMalformedBuffersAndCountsHeaderlessRecords) {
    record_merge merge(leader, nodes);
    bytes cut = buffer_of("k", {0, 1, 0, "v"});
    cut.pop_back();
    EXPECT_FALSE(merge.add(cut, 0));
    protocol::record_buffer_writer out(db);
    out.append(view_of("short"), view_of("only 20 bytes here!!"));
    EXPECT_EQ(merge.add(out.view(), 0).value(), 1U);
    EXPECT_EQ(merge.size(), 0U);
}

record_merge::record winner(std::uint32_t order, std::uint32_t dmaster, std::string_view value) {
    record_merge::record r;
    r.key = view_of("key");
    r.order = order;
    r.header.dmaster = pnn{dmaster};
    r.value = view_of(value);
    return r;
}

push_rules rules(bool keep) {
    push_rules r;
    r.keep_dmaster = keep;
    r.leader = leader;
    r.nodes = nodes;
    r.map.map = r.nodes;
    return r;
}

TEST(PushedHeader, DropsEmptyRecords) {
    EXPECT_FALSE(pushed_header(winner(0, 0, ""), rules(true)));
}

TEST(PushedHeader, LeaderBecomesDmasterWithUpstreamPeers) {
    const auto header = pushed_header(winner(2, 2, "v"), rules(false));
    EXPECT_EQ(header->dmaster, leader);
    EXPECT_TRUE(header->flags.has(protocol::record_flag::migrated_with_data));
}

TEST(PushedHeader, HolderStaysDmasterAmongOursAndTheLmasterGetsTheRest) {
    EXPECT_EQ(pushed_header(winner(2, 2, "v"), rules(true))->dmaster, pnn{2});
    const auto lmaster = *protocol::lmaster_of(rules(true).map, view_of("key"));
    const std::uint32_t other = lmaster == pnn{0} ? 1 : 0;
    EXPECT_EQ(pushed_header(winner(other, 2, "v"), rules(true))->dmaster, lmaster);
}

TEST(PushedHeader, PersistentHeadersAreNotTouched) {
    auto how = rules(true);
    how.rewrite_dmaster = false;
    const auto header = pushed_header(winner(0, 9, "v"), how);
    EXPECT_EQ(header->dmaster, pnn{9});
    EXPECT_TRUE(header->flags.none());
}

node_databases node(std::uint32_t number, std::vector<protocol::dbid> dbs) {
    return {pnn{number}, {std::move(dbs)}};
}

TEST(DatabaseUnion, ListsEachOnceWithWhoHasIt) {
    const protocol::dbid a{db_id{1}, {}};
    const protocol::dbid b{db_id{2}, protocol::db_flag::persistent};
    const auto plans = unite_databases({node(0, {a}), node(1, {b, a}), node(2, {})});
    ASSERT_EQ(plans.size(), 2U);
    EXPECT_EQ(plans[0].id, db_id{1});
    EXPECT_THAT(plans[0].having, ElementsAre(pnn{0}, pnn{1}));
    EXPECT_THAT(plans[0].lacking, ElementsAre(pnn{2}));
    EXPECT_THAT(plans[1].lacking, ElementsAre(pnn{0}, pnn{2}));
    EXPECT_TRUE(plans[1].kind.has(protocol::db_flag::persistent));
}

TEST(DatabaseUnion, ReadonlyAndStickyAreNoKinds) {
    const protocol::dbid plain{db_id{1}, {}};
    const protocol::dbid sticky{db_id{1}, protocol::db_flag::sticky | protocol::db_flag::readonly};
    EXPECT_FALSE(unite_databases({node(0, {plain}), node(1, {sticky})})[0].kinds_differ);
}

TEST(DatabaseUnion, KindsMustAgree) {
    const protocol::dbid plain{db_id{1}, {}};
    const protocol::dbid persistent{db_id{1}, protocol::db_flag::persistent};
    const protocol::dbid replicated{db_id{1}, protocol::db_flag::replicated};
    EXPECT_TRUE(unite_databases({node(0, {plain}), node(1, {persistent})})[0].kinds_differ);
    EXPECT_TRUE(unite_databases({node(0, {replicated}), node(1, {persistent})})[0].kinds_differ);
}

TEST(Plan, GenerationDiffersFromEverythingSeen) {
    EXPECT_EQ(pick_generation(0, {}), generation{2});
    EXPECT_EQ(pick_generation(1, {}), generation{2});
    EXPECT_EQ(pick_generation(5, {generation{5}, generation{6}}), generation{7});
    EXPECT_EQ(pick_generation(0xFFFFFFFF, {generation{0xFFFFFFFF}}), generation{2});
}

TEST(Credits, ThreeAreTheLimitAndMostComeFirst) {
    credit_table credits;
    for (int i = 0; i < 3; ++i) {
        credits.add(pnn{1});
        credits.add(pnn{2});
        credits.add(pnn{3});
    }
    credits.add(pnn{2});
    credits.add(pnn{4});
    EXPECT_THAT(credits.over_limit(), ElementsAre(pnn{2}, pnn{1}, pnn{3}));
}

} // namespace
} // namespace ctdb
