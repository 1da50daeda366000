// What vacuuming may do with a record: databases.md 8.2, row by row.
#include "ctdbd/database/vacuum/vacuum_rules.hpp"

#include <gtest/gtest.h>

namespace ctdb::ctdbd {
namespace {

using protocol::record_flag;
using protocol::record_header;

constexpr pnn me{1};
constexpr pnn other{2};

record_header header(std::uint64_t number, pnn dmaster, protocol::record_flags flags = {}) {
    record_header h;
    h.rsn = rsn{number};
    h.dmaster = dmaster;
    h.flags = flags;
    return h;
}
bytes empty(const record_header& h) {
    return protocol::encode(h);
}
bytes full(const record_header& h) {
    return protocol::join_header(h, view_of("value"));
}
vacuum_place lmaster_here() {
    return {me, me, false};
}

TEST(VacuumRules, AnEmptyRecordThatNeverCrossedNodesGoesAtOnceAtItsLmaster) {
    const auto h = header(5, me);
    EXPECT_EQ(judge_for_deletion(lmaster_here(), h, empty(h)), vacuum_verdict::delete_here);
}

TEST(VacuumRules, OneThatCrossedNodesWithDataGoesEverywhereFirst) {
    const auto crossed = header(5, me, record_flag::migrated_with_data);
    const auto plain = header(5, me);
    EXPECT_EQ(
        judge_for_deletion(lmaster_here(), crossed, empty(crossed)),
        vacuum_verdict::delete_everywhere
    );
    EXPECT_EQ(
        judge_for_deletion(lmaster_here(), crossed, empty(plain)), vacuum_verdict::delete_everywhere
    );
}

TEST(VacuumRules, InADatabaseWithDelegationsOthersMayHoldCopiesOfAnything) {
    const auto h = header(5, me);
    const vacuum_place place{me, me, true};
    EXPECT_EQ(judge_for_deletion(place, h, empty(h)), vacuum_verdict::delete_everywhere);
}

TEST(VacuumRules, AwayFromItsLmasterTheLmasterIsTold) {
    const auto h = header(5, me);
    const vacuum_place place{me, other, false};
    EXPECT_EQ(judge_for_deletion(place, h, empty(h)), vacuum_verdict::tell_lmaster);
}

TEST(VacuumRules, WhatIsInUseAgainStays) {
    const auto h = header(5, me);
    const auto place = lmaster_here();
    EXPECT_EQ(judge_for_deletion(place, h, full(h)), vacuum_verdict::keep);
    EXPECT_EQ(judge_for_deletion(place, h, empty(header(6, me))), vacuum_verdict::keep);
    EXPECT_EQ(judge_for_deletion(place, h, empty(header(5, other))), vacuum_verdict::keep);
    EXPECT_EQ(judge_for_deletion(place, h, bytes(10)), vacuum_verdict::keep);
    const auto read = header(5, me, record_flag::ro_have_delegations);
    EXPECT_EQ(judge_for_deletion(place, h, empty(read)), vacuum_verdict::keep);
}

TEST(VacuumRules, TheLastCopyGoesOnlyWhileNothingHasChanged) { // I23
    const auto h = header(5, me, record_flag::migrated_with_data);
    EXPECT_TRUE(may_delete_last(lmaster_here(), h, empty(h)));
    EXPECT_FALSE(may_delete_last(lmaster_here(), h, full(h)));
    EXPECT_FALSE(may_delete_last(lmaster_here(), h, empty(header(6, me))));
    EXPECT_FALSE(may_delete_last(lmaster_here(), h, empty(header(5, other))));
    EXPECT_FALSE(may_delete_last({me, other, false}, h, empty(h)));
}

TEST(VacuumRules, ACopyGoesUnlessItIsNewerOrOursOrRead) {
    const vacuum_place place{me, other, false};
    const bytes given = empty(header(5, other));
    EXPECT_TRUE(may_delete_copy(place, given, full(header(5, other))));
    EXPECT_TRUE(may_delete_copy(place, given, empty(header(4, other))));
    EXPECT_TRUE(may_delete_copy(place, given, {})); // missing
    EXPECT_FALSE(may_delete_copy(place, given, full(header(6, other))));
    EXPECT_FALSE(may_delete_copy(place, given, full(header(5, me))));
    EXPECT_FALSE(
        may_delete_copy(place, given, full(header(5, other, record_flag::ro_have_readonly)))
    );
}

TEST(VacuumRules, TheLmasterNeverDeletesOnRequestNorAnybodyForAStrangeOne) {
    EXPECT_FALSE(may_delete_copy(lmaster_here(), empty(header(5, other)), empty(header(4, other))));
    const vacuum_place place{me, other, false};
    EXPECT_FALSE(may_delete_copy(place, full(header(5, other)), empty(header(4, other))));
    EXPECT_FALSE(may_delete_copy(place, bytes(3), empty(header(4, other))));
    const bytes read = empty(header(5, other, record_flag::ro_have_delegations));
    EXPECT_FALSE(may_delete_copy(place, read, empty(header(4, other))));
}

} // namespace
} // namespace ctdb::ctdbd
