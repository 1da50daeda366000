#include "common/event/script_dir.hpp"
#include "tests/unit/common/event/temp_dir.hpp"

#include <gtest/gtest.h>

namespace ctdb::event {
namespace {

using test::temp_dir;

std::vector<std::string> names(const std::vector<script>& scripts) {
    std::vector<std::string> out;
    for (const script& s : scripts) {
        out.push_back((s.enabled ? "+" : "-") + s.name);
    }
    return out;
}

script_place place_in(const temp_dir& dir) {
    return {dir.directory("etc"), dir.directory("data"), "service"};
}

TEST(ScriptDir, OnlyTwoDigitsADotAndTheSuffixMakeAScript) {
    EXPECT_EQ(script_name_of("10.a.script"), "10.a");
    EXPECT_EQ(script_name_of("10.a.b.script"), "10.a.b");
    EXPECT_EQ(script_name_of("10..script"), "10.");
    for (const char* none :
         {"README",
          "a.script",
          "1.a.script",
          "10a.script",
          "10.a.script.rpmnew",
          "10.a.script~",
          "10.script",
          "",
          ".script"}) {
        EXPECT_EQ(script_name_of(none), std::nullopt) << none;
    }
}

TEST(ScriptDir, ScriptsComeInByteOrderWithWhoIsEnabled) {
    const temp_dir dir;
    dir.script("events/20.b.script", "");
    dir.script("events/10.z.script", "");
    dir.script("events/10.A.script", "");
    dir.write("events/05.off.script", "");
    dir.write("events/README", "");
    std::filesystem::create_symlink("/nowhere/x", dir.file("events/30.dangling.script"));
    const auto found = list_scripts(dir.file("events"));
    ASSERT_TRUE(found.has_value());
    const std::vector<std::string> expected{"-05.off", "+10.A", "+10.z", "+20.b", "-30.dangling"};
    EXPECT_EQ(names(*found), expected);
}

TEST(ScriptDir, AMissingDirectoryAndAFileInItsPlaceAreTheirErrnos) {
    const temp_dir dir;
    EXPECT_EQ(list_scripts(dir.file("none")).error().code, ENOENT);
    EXPECT_EQ(list_scripts(dir.write("file", "")).error().code, ENOTDIR);
    EXPECT_FALSE(has_enabled_script(dir.file("none")));
}

TEST(ScriptDir, AComponentCannotLeaveItsDirectory) {
    EXPECT_TRUE(is_component_name("legacy"));
    for (const char* bad : {"", ".", "..", "../x", "a/b"}) {
        EXPECT_FALSE(is_component_name(bad)) << bad;
    }
}

TEST(ScriptDir, EnablingAProvidedScriptLinksItAndDisablingUnlinks) {
    const temp_dir dir;
    const script_place place = place_in(dir);
    dir.script("data/50.samba.script", "");
    ASSERT_TRUE(enable_script(place, "50.samba").has_value());
    EXPECT_TRUE(has_enabled_script(place.enabled_directory));
    EXPECT_TRUE(enable_script(place, "50.samba.script").has_value()) << "twice changes nothing";
    ASSERT_TRUE(disable_script(place, "50.samba.script").has_value());
    EXPECT_FALSE(std::filesystem::exists(dir.file("etc/50.samba.script")));
    EXPECT_TRUE(disable_script(place, "50.samba").has_value());
}

TEST(ScriptDir, ALocalScriptIsSwitchedByItsExecuteBits) {
    const temp_dir dir;
    const script_place place = place_in(dir);
    dir.write("etc/10.own.script", "");
    ASSERT_TRUE(enable_script(place, "10.own").has_value());
    EXPECT_TRUE(has_enabled_script(place.enabled_directory));
    ASSERT_TRUE(disable_script(place, "10.own").has_value());
    EXPECT_FALSE(has_enabled_script(place.enabled_directory));
    EXPECT_TRUE(std::filesystem::exists(dir.file("etc/10.own.script")));
}

TEST(ScriptDir, WhatCannotBeEnabledSaysWhy) {
    const temp_dir dir;
    const script_place place = place_in(dir);
    EXPECT_EQ(enable_script(place, "10.no").error().what, "Script 10.no does not exist in service");
    EXPECT_EQ(enable_script(place, "no").error().code, ENOENT);
    EXPECT_EQ(enable_script(place, "../10.x").error().code, ENOENT);
    EXPECT_EQ(disable_script(place, "../10.x").error().code, ENOENT);
    dir.directory("etc/60.d.script");
    EXPECT_EQ(enable_script(place, "60.d").error().code, EINVAL);
    EXPECT_EQ(disable_script(place, "60.d").error().code, EINVAL);
}

TEST(ScriptDir, TheListingTellsProvidedScriptsFromLocalOnes) {
    const temp_dir dir;
    const script_place place = place_in(dir);
    dir.script("data/10.a.script", "");
    dir.script("data/30.c.script", "");
    ASSERT_TRUE(enable_script(place, "30.c").has_value());
    dir.script("etc/10.a.script", "");
    dir.write("etc/20.b.script", "");
    const auto listing = list_for_operator(place);
    ASSERT_TRUE(listing.has_value());
    script_listing expected;
    expected.provided = {{"10.a", false}, {"30.c", true}};
    expected.local = {{"10.a", true}, {"20.b", false}};
    EXPECT_EQ(*listing, expected);
}

TEST(ScriptDir, WithoutProvidedScriptsThereIsNoListing) {
    const temp_dir dir;
    const script_place place{dir.directory("etc"), dir.file("none"), "service"};
    EXPECT_EQ(list_for_operator(place).error().code, ENOENT);
}

} // namespace
} // namespace ctdb::event
