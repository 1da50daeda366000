// The table against itself: nothing in it may be contradictory.
#include "common/conf/options.hpp"
#include "common/conf/tunable_options.hpp"
#include "common/conf/values.hpp"
#include "common/protocol/tunables.hpp"
#include "conf_fixture.hpp"

#include <set>

namespace ctdb::conf {
namespace {

TEST(OptionTable, NamesAreUniqueAndFoundAgain) {
    std::set<std::string> names;
    for (const option* o : all_options()) {
        EXPECT_TRUE(names.insert(fmt::format("{}/{}", o->section, o->key)).second) << o->key;
        EXPECT_EQ(find_option(o->section, o->key), o) << o->key;
        EXPECT_TRUE(is_section(o->section)) << o->section;
    }
}

TEST(OptionTable, EveryOptionIsExplainedInSentences) {
    for (const option* o : all_options()) {
        EXPECT_GT(o->explanation.size(), 20U) << o->key;
        EXPECT_EQ(o->explanation.back(), '.') << o->key;
    }
}

TEST(OptionTable, DefaultsHaveTheTypeTheyClaim) {
    for (const option* o : all_options()) {
        if (o->type == option_type::integer) {
            const parsed_integer number = parse_integer(o->default_text);
            ASSERT_TRUE(number.value && !number.sloppy) << o->key;
            EXPECT_GE(*number.value, o->minimum) << o->key;
            EXPECT_LE(*number.value, o->maximum) << o->key;
        }
        if (o->type == option_type::boolean) {
            EXPECT_TRUE(o->default_text == "true" || o->default_text == "false") << o->key;
        }
        if (!o->choices.empty()) {
            EXPECT_NE(o->choices.find(o->default_text), std::string_view::npos) << o->key;
        }
        if (!o->replaced_by.empty()) {
            EXPECT_NE(find_option(o->section, o->replaced_by), nullptr) << o->key;
        }
    }
}

TEST(OptionTable, SectionsStandTogether) {
    std::set<std::string_view> seen;
    std::string_view current;
    for (const option* o : all_options()) {
        if (o->section != current) {
            current = o->section;
            EXPECT_TRUE(seen.insert(current).second) << current;
        }
    }
}

TEST(OptionTable, TunablesHaveOneOptionEachWithTheSameDefault) {
    std::set<std::string_view> named;
    for (const option& o : tunable_options()) {
        const protocol::tunable_info* info = protocol::find_tunable(o.tunable);
        ASSERT_NE(info, nullptr) << o.tunable;
        EXPECT_EQ(info->name, o.tunable);
        EXPECT_FALSE(info->obsolete()) << o.tunable;
        EXPECT_TRUE(named.insert(o.tunable).second) << o.tunable;
        const std::uint32_t value = o.type == option_type::boolean
                                        ? std::uint32_t{o.default_text == "true"}
                                        : parse_unsigned(o.default_text).value_or(0);
        EXPECT_EQ(value, info->default_value) << o.tunable;
    }
    // These are accepted and used by nobody: no option advertises them.
    const std::set<std::string_view> unused{
        "DBRecordCountWarn", "DBRecordSizeWarn", "DBSizeWarn", "PullDBPreallocation"};
    for (const protocol::tunable_info& info : protocol::tunables()) {
        EXPECT_EQ(named.count(info.name) == 1, !info.obsolete() && unused.count(info.name) == 0)
            << info.name;
    }
}

} // namespace
} // namespace ctdb::conf
