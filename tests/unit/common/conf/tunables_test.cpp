#include "common/conf/tunables.hpp"
#include "conf_fixture.hpp"

namespace ctdb::conf {
namespace {

using protocol::tunable_id;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

using Tunables = conf_fixture;

std::vector<std::string> upstream_lines(const std::vector<diagnostic>& findings) {
    std::vector<std::string> all;
    for (const diagnostic& d : findings) {
        all.insert(all.end(), d.upstream.begin(), d.upstream.end());
    }
    return all;
}

TEST_F(Tunables, GoodLinesCountAlthoughOthersAreWrongInUpstreamsWords) {
    protocol::tunable_list values;
    const auto findings = parse_tunables(
        "# comment\n; comment\n"
        "monitorinterval = 0x10\n"
        "[cluster]\n"
        "KeepaliveLimit\n"
        "KeepaliveLimit =\n"
        "KeepaliveLimit = many\n"
        "KeepaliveLimt = 3\n"
        "VacuumLimit = 5\n"
        "= 4\n"
        "EventScriptTimeout=017\n",
        "F",
        values
    );
    EXPECT_EQ(values[tunable_id::monitor_interval], 16U);
    EXPECT_EQ(values[tunable_id::event_script_timeout], 15U);
    EXPECT_EQ(values[tunable_id::keepalive_limit], 5U);
    EXPECT_THAT(
        upstream_lines(findings),
        ElementsAre(
            "F: Invalid line for section [cluster] - tunables sections not supported",
            "F: Invalid tunables line containing \"KeepaliveLimit\"",
            "F: Invalid tunables line containing \"KeepaliveLimit\"",
            "F: Invalid value \"many\" for tunable \"KeepaliveLimit\"",
            "F: Unknown tunable \"KeepaliveLimt\"",
            "F: Obsolete tunable \"VacuumLimit\"",
            "F: Syntax error"
        )
    );
    EXPECT_THAT(
        texts(findings),
        Contains(HasSubstr("F:8: unknown tunable KeepaliveLimt; did you "
                           "mean KeepaliveLimit?"))
    );
}

TEST_F(Tunables, FilesComeInOrderAndOptionsOfCtdbConfWin) {
    std::filesystem::create_directory(where.tunables_directory());
    file("ctdb.tunables", "MonitorInterval=1\nRecoverTimeout=1\nKeepaliveLimit=1\nEnableBans=1\n");
    file("tunables.d/20.tunables", "RecoverTimeout=20\n");
    file("tunables.d/10.tunables", "RecoverTimeout=10\nKeepaliveLimit=10\n");
    file("tunables.d/30.conf", "KeepaliveLimit=30\n");
    file("tunables.d/.hidden.tunables", "KeepaliveLimit=31\n");
    const auto settings = read("[cluster]\nkeepalive limit = 4\nenable bans = no\n");
    ASSERT_TRUE(settings.settings);
    const protocol::tunable_list values = load_tunables(*settings.settings);
    EXPECT_EQ(values[tunable_id::monitor_interval], 1U);
    EXPECT_EQ(values[tunable_id::recover_timeout], 20U);
    EXPECT_EQ(values[tunable_id::keepalive_limit], 4U);
    EXPECT_EQ(values[tunable_id::enable_bans], 0U);
    EXPECT_EQ(values[tunable_id::takeover_timeout], 9U);
}

TEST_F(Tunables, WithoutFilesThereAreDefaultsAndOneLineAtInfo) {
    const config defaults(where);
    EXPECT_EQ(load_tunables(defaults), protocol::tunable_list());
    EXPECT_THAT(
        logged, ElementsAre("Optional tunables file " + where.tunables_file() + " not found")
    );
}

TEST_F(Tunables, WrongLinesAreLoggedAndStopNothing) {
    file("ctdb.tunables", "nonsense\nMonitorInterval=7\n");
    const protocol::tunable_list values = load_tunables(config(where));
    EXPECT_EQ(values[tunable_id::monitor_interval], 7U);
    EXPECT_THAT(logged, Contains(HasSubstr("/ctdb.tunables:1: \"nonsense\" has no value")));
}

TEST_F(Tunables, IntervalsOfCtdbConfCannotBeZero) {
    EXPECT_FALSE(read("[service]\nmonitor interval = 0\n").settings);
    EXPECT_TRUE(read("[service]\nmonitor interval = 1\n").settings);
}

} // namespace
} // namespace ctdb::conf
