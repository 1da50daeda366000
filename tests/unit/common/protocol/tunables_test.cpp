#include "common/protocol/tunables.hpp"
#include "common/protocol/types_tunable.hpp"

#include <set>

#include <gtest/gtest.h>

namespace ctdb::protocol {
namespace {

TEST(Tunables, SlotsAreInOrderAndNamesUnique) {
    std::set<std::string_view> names;
    for (std::uint32_t slot = 0; slot < tunable_count; ++slot) {
        const tunable_info& one = tunables()[slot];
        EXPECT_EQ(static_cast<std::uint32_t>(one.id), slot);
        EXPECT_EQ(&info(one.id), &one);
        names.insert(one.name);
    }
    EXPECT_EQ(names.size(), tunable_count);
}

TEST(Tunables, ListNamesTheLiveOnesInUpstreamsOrder) {
    const auto listed = listed_tunables();
    ASSERT_EQ(listed.size(), 49U);
    for (std::size_t i = 0; i < listed.size(); ++i) {
        EXPECT_EQ(listed[i].list_order, i + 1);
    }
    EXPECT_EQ(listed.front().name, "SeqnumInterval");
    EXPECT_EQ(listed[28].name, "RepackLimit");
    EXPECT_EQ(listed[29].name, "VacuumFastPathCount"); // not in slot order
    EXPECT_EQ(listed.back().name, "AllowMixedVersions");
}

TEST(Tunables, NamesAreFoundInAnyCase) {
    ASSERT_NE(find_tunable("keepaliveLIMIT"), nullptr);
    EXPECT_EQ(find_tunable("keepaliveLIMIT")->id, tunable_id::keepalive_limit);
    EXPECT_EQ(find_tunable("Keepalive"), nullptr);
    EXPECT_EQ(find_tunable(""), nullptr);
    EXPECT_TRUE(find_tunable("LCP2PublicIPs")->obsolete());
}

TEST(TunableList, StartsWithDefaults) {
    tunable_list list;
    EXPECT_EQ(list[tunable_id::control_timeout], 60U);
    EXPECT_EQ(list[tunable_id::pull_db_preallocation], 10485760U);
    EXPECT_EQ(list[tunable_id::ip_alloc_algorithm], 2U);
    list[tunable_id::enable_bans] = 0;
    EXPECT_NE(list, tunable_list{});
}

// ctdbd answers LIST_TUNABLES with a leading colon.
TEST(VarList, LeadingColonSurvives) {
    const auto list = decode<var_list>(encode(tunable_name{":A:Bc"}));
    ASSERT_TRUE(list);
    EXPECT_EQ(list->names, (std::vector<std::string>{"", "A", "Bc"}));
    EXPECT_EQ(encode(*list), encode(tunable_name{":A:Bc"}));
}

} // namespace
} // namespace ctdb::protocol
