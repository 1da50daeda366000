#include "tools/ctdb-config/show_json.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using namespace ctdb;
using cmdline::json;
using config_tool::extent;

path::paths places() {
    path::paths where;
    where.etc = "/etc/ctdb";
    where.var = "/var/lib/ctdb";
    where.log = "/var/log/ctdb";
    return where;
}

conf::config loaded(std::string_view text) {
    auto outcome = conf::load_text(text, places(), conf::unknown_options::refuse);
    EXPECT_TRUE(outcome.settings);
    return outcome.settings.value_or(conf::config(places()));
}

json find(const json& answer, std::string_view key) {
    for (const json& option : answer["options"]) {
        if (option["key"] == key) {
            return option;
        }
    }
    return nullptr;
}

std::vector<std::string> keys_of(const json& object) {
    std::vector<std::string> keys;
    for (const auto& [key, value] : object.items()) {
        keys.push_back(key);
    }
    return keys;
}

TEST(ConfigJson, DumpGivesTypedValuesAndTheLineThatSetsThem) {
    const conf::config settings =
        loaded("[legacy]\n\trealtime scheduling = false\n[cluster]\n\tleader timeout = 7\n");
    const json answer = config_tool::dump_json(settings, extent::upstream);
    EXPECT_THAT(
        keys_of(answer), testing::ElementsAre("schema", "node", "time", "time_epoch", "options")
    );
    EXPECT_EQ(
        json::parse(R"({"section": "legacy", "key": "realtime scheduling", "value": false,
                        "default": true, "source": {"file": "/etc/ctdb/ctdb.conf", "line": 2}})"),
        find(answer, "realtime scheduling")
    );
    EXPECT_EQ(7, find(answer, "leader timeout")["value"]);
    EXPECT_EQ(
        json::parse(R"({"section": "cluster", "key": "cluster lock", "value": null,
                        "default": null, "source": null})"),
        find(answer, "cluster lock")
    );
}

TEST(ConfigJson, DumpShowsWhatTheWordsShow) {
    const conf::config settings = loaded("");
    const json upstream = config_tool::dump_json(settings, extent::upstream);
    const json all = config_tool::dump_json(settings, extent::all);
    EXPECT_EQ(nullptr, find(upstream, "address lease"));
    EXPECT_EQ(6, find(all, "address lease")["value"]);
    EXPECT_EQ(conf::all_options().size(), all["options"].size());
}

TEST(ConfigJson, GetAndExplainAreAboutOneOption) {
    const conf::config settings = loaded("");
    const json got = config_tool::get_json(settings, conf::options::address_lease);
    ASSERT_EQ(1U, got["options"].size());
    EXPECT_EQ(6, got["options"][0]["default"]);
    const json told = config_tool::explain_json(settings, conf::options::address_lease);
    ASSERT_EQ(1U, told["options"].size());
    EXPECT_EQ("a number from 2 to 3600", told["options"][0]["type"]);
    EXPECT_EQ("on reload", told["options"][0]["effect"]);
    EXPECT_EQ("not in upstream CTDB", told["options"][0]["since"]);
    EXPECT_EQ(nullptr, told["options"][0]["tunable"]);
}

TEST(ConfigJson, ProblemsNameFileLineAndRemedy) {
    const auto outcome =
        conf::load_text("[cluster]\n\tnodes lst = x\n", places(), conf::unknown_options::refuse);
    ASSERT_FALSE(outcome.settings);
    const json answer = config_tool::problems_json({{"ctdb.conf", outcome.findings}});
    ASSERT_EQ(1U, answer["problems"].size());
    const json& problem = answer["problems"][0];
    EXPECT_THAT(
        keys_of(problem), testing::ElementsAre("file", "line", "severity", "message", "hint")
    );
    EXPECT_EQ("ctdb.conf", problem["file"]);
    EXPECT_EQ(2, problem["line"]);
    EXPECT_EQ("error", problem["severity"]);
    EXPECT_THAT(problem["message"].get<std::string>(), testing::HasSubstr("nodes lst"));
    EXPECT_EQ(json::array(), config_tool::problems_json({{"ctdb.conf", {}}})["problems"]);
}

} // namespace
