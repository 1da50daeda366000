#include "ctdbd/database/record/store_rule.hpp"

#include <vector>

#include <gtest/gtest.h>

namespace ctdb::ctdbd {
namespace {

using protocol::record_flag;
using protocol::record_flags;

constexpr pnn me{1};
constexpr pnn other{2};
constexpr pnn third{3};

// databases.md 2.2 written down once more, as the table it is: the first row that fits.
struct expected {
    bool keep;
    bool candidate;
};
expected by_the_table(record_flags flags, bool empty, bool lmaster, bool dmaster) {
    struct row {
        bool fits;
        expected result;
    };
    const bool vacuumed = flags.has(record_flag::vacuum_migrated);
    const std::vector<row> table = {
        {!empty, {true, false}},                                     // 1
        {flags.has_any(protocol::readonly_mask), {true, false}},     // 2
        {flags.has(record_flag::automatic), {true, true}},           // 3
        {flags.has(record_flag::migrated_with_data), {true, false}}, // 4
        {lmaster && !(vacuumed && dmaster), {true, false}},          // 5
        {lmaster, {false, false}},                                   // 6
        {dmaster, {true, false}},                                    // 7
        {true, {false, false}},                                      // 8
    };
    for (const row& r : table) {
        if (r.fits) {
            return r.result;
        }
    }
    return {};
}

const std::vector<record_flag> every_flag = {
    record_flag::persistent,
    record_flag::persistent_in_progress,
    record_flag::migrated_with_data,
    record_flag::vacuum_migrated,
    record_flag::automatic,
    record_flag::ro_have_delegations,
    record_flag::ro_have_readonly,
    record_flag::ro_revoking_readonly,
    record_flag::ro_revoke_complete,
};

record_flags combination(unsigned bits) {
    record_flags flags;
    for (std::size_t i = 0; i < every_flag.size(); ++i) {
        if ((bits & (1U << i)) != 0) {
            flags.set(every_flag[i]);
        }
    }
    return flags;
}

// All 512 combinations of flags x value x role of this node.
template <class Check>
void for_every_case(Check check) {
    for (unsigned bits = 0; bits < (1U << every_flag.size()); ++bits) {
        for (unsigned roles = 0; roles < 8; ++roles) {
            check(combination(bits), (roles & 1) != 0, (roles & 2) != 0, (roles & 4) != 0);
        }
    }
}

store_decision decide(database_kind kind, record_flags flags, bool empty, bool lm, bool dm) {
    protocol::record_header header;
    header.rsn = rsn{41};
    header.dmaster = dm ? me : third;
    header.flags = flags;
    return decide_store({kind, me, lm ? me : other}, header, empty);
}

TEST(StoreRule, VolatileRecordsAreKeptOrDeletedByTheFirstRowThatFits) {
    for_every_case([](record_flags flags, bool empty, bool lmaster, bool dmaster) {
        const auto got = decide(database_kind::volatile_db, flags, empty, lmaster, dmaster);
        const auto want = by_the_table(flags, empty, lmaster, dmaster);
        EXPECT_EQ(got.keep, want.keep) << std::hex << flags.value << empty << lmaster << dmaster;
    });
}

TEST(StoreRule, TheDmastersRsnRisesByOneUnlessReadOnlyCopiesExist) {
    for_every_case([](record_flags flags, bool empty, bool lmaster, bool dmaster) {
        const auto got = decide(database_kind::volatile_db, flags, empty, lmaster, dmaster);
        const bool rises = got.keep && dmaster && !flags.has_any(protocol::readonly_mask);
        EXPECT_EQ(got.header.rsn.value, rises ? 42U : 41U);
    });
}

TEST(StoreRule, VacuumingHearsOfEmptyRecordsOfTheDmasterAndOfNewOnes) {
    for_every_case([](record_flags flags, bool empty, bool lmaster, bool dmaster) {
        const auto got = decide(database_kind::volatile_db, flags, empty, lmaster, dmaster);
        const bool by_dmaster = dmaster && empty && !flags.has_any(protocol::readonly_mask);
        const bool candidate = by_the_table(flags, empty, lmaster, dmaster).candidate || by_dmaster;
        const auto want = !got.keep   ? vacuum_note::nothing
                          : candidate ? vacuum_note::candidate
                                      : vacuum_note::not_candidate;
        EXPECT_EQ(got.note, want);
    });
}

TEST(StoreRule, TransientFlagsNeverReachTheFileOthersAlwaysDo) { // I24
    for (const auto kind :
         {database_kind::volatile_db, database_kind::persistent, database_kind::replicated}) {
        for_every_case([kind](record_flags flags, bool empty, bool lmaster, bool dmaster) {
            const auto got = decide(kind, flags, empty, lmaster, dmaster);
            EXPECT_EQ(got.header.flags, flags.without(transient_flags));
        });
    }
}

TEST(StoreRule, PersistentAndReplicatedRecordsAreStoredAsTheyCome) {
    for (const auto kind : {database_kind::persistent, database_kind::replicated}) {
        for_every_case([kind](record_flags flags, bool empty, bool lmaster, bool dmaster) {
            const auto got = decide(kind, flags, empty, lmaster, dmaster);
            EXPECT_TRUE(got.keep);
            EXPECT_EQ(got.header.rsn.value, 41U);
            EXPECT_EQ(got.note, vacuum_note::nothing);
        });
    }
}

} // namespace
} // namespace ctdb::ctdbd
