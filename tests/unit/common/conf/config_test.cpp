#include "common/conf/config.hpp"
#include "conf_fixture.hpp"

namespace ctdb::conf {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

using Config = conf_fixture;

TEST_F(Config, DefaultsAreThoseOfTheSpecification) {
    const config c(where);
    EXPECT_EQ(c.get(options::transport), "tcp");
    EXPECT_EQ(c.get(options::node_address), "");
    EXPECT_EQ(c.get(options::leader_timeout), 5);
    EXPECT_TRUE(c.get(options::leader_capability));
    EXPECT_FALSE(c.get(options::failover_disabled));
    EXPECT_EQ(c.get(options::shutdown_failover_timeout), 10);
    EXPECT_EQ(c.get(options::volatile_database_directory), where.var + "/volatile");
    EXPECT_EQ(c.get(options::log_location), "file:" + where.log + "/log.ctdb");
    EXPECT_EQ(c.get(options::address_lease), 6);
    EXPECT_EQ(c.get(options::maximum_packet_size), 256);
    EXPECT_EQ(c.level(), log_level::notice);
    EXPECT_FALSE(c.is_set(options::transport));
}

TEST_F(Config, ValuesAreTypedAndKnowTheirLine) {
    const auto loaded = read("[cluster]\nleader timeout = 0x10\n\nleader capability = No\n");
    ASSERT_TRUE(loaded.settings);
    EXPECT_EQ(loaded.settings->get(options::leader_timeout), 16);
    EXPECT_FALSE(loaded.settings->get(options::leader_capability));
    EXPECT_EQ(loaded.settings->text(options::leader_capability), "false");
    EXPECT_EQ(loaded.settings->line_of(options::leader_capability), 4);
}

TEST_F(Config, SectionsIgnoreCaseKeysDoNot) {
    EXPECT_TRUE(read("[CLUSTER]\nleader timeout = 7\n").settings);
    EXPECT_FALSE(read("[cluster]\nLeader Timeout = 7\n").settings);
}

TEST_F(Config, TheLastOfTwoWinsWithAWarningNamingBoth) {
    const auto loaded = read("[cluster]\nleader timeout = 3\nleader timeout = 5\n");
    ASSERT_TRUE(loaded.settings);
    EXPECT_EQ(
        loaded.settings->get(options::leader_timeout), 5
    ); // also when it is the default (W64)
    EXPECT_THAT(
        texts(loaded.findings),
        ElementsAre("F:3: [cluster] leader timeout again, instead of line 2; expected it once")
    );
}

TEST_F(Config, AllErrorsOfAllKindsAreReportedInOneRunInTheOrderOfTheFile) {
    const auto loaded = read("loose = 1\n"
                             "[clutser]\n"
                             "x = 1\n"
                             "[cluster]\n"
                             "no equals\n"
                             "transport = ib\n"
                             "node address = 10.0.0.1:4379\n"
                             "leader timeout = -1\n"
                             "leader capability = maybe\n"
                             "cluster lock =\n"
                             "fencing = sometimes\n"
                             "maximum packet size = 5000\n"
                             "[event]\n"
                             "debug script = none.sh\n");
    EXPECT_FALSE(loaded.settings);
    EXPECT_EQ(loaded.code, EINVAL);
    EXPECT_THAT(
        texts(loaded.findings),
        ElementsAre(
            "F:1: option \"loose\" stands before any section",
            "F:2: unknown section [clutser]; did you mean \"cluster\"?",
            "F:3: option \"x\" in unknown section [clutser]",
            "F:5: \"no equals\" is no option; expected KEY = VALUE",
            "F:6: [cluster] transport = ib; expected tcp",
            "F:7: [cluster] node address = 10.0.0.1:4379; expected an IPv4 or IPv6 address without "
            "port",
            "F:8: [cluster] leader timeout = -1; expected a number from 0 to 2147483647",
            "F:9: [cluster] leader capability = maybe; expected true, yes, false or no",
            "F:10: [cluster] cluster lock has no value; expected a value, or the line left out",
            "F:11: [cluster] fencing = sometimes; expected auto|yes|no",
            "F:12: [cluster] maximum packet size = 5000; expected a number from 1 to 1024",
            "F:14: [event] debug script " + where.etc +
                "/none.sh does not exist; expected an executable file"
        )
    );
}

TEST_F(Config, DaemonsIgnoreWhatTheyDoNotKnowButSaySo) {
    const auto loaded =
        load_text("[cluster]\nleeder timeout = 7\n[new]\na = 1\n", where, unknown_options::warn);
    ASSERT_TRUE(loaded.settings);
    ASSERT_EQ(loaded.findings.size(), 3U);
    EXPECT_EQ(loaded.findings[0].level, severity::warning);
    EXPECT_EQ(loaded.findings[0].expected, "did you mean \"leader timeout\"?");
}

TEST_F(Config, TheOldNameOfTheClusterLockStillWorks) {
    const auto old = read("[cluster]\nrecovery lock = /x/y\n");
    ASSERT_TRUE(old.settings);
    EXPECT_EQ(old.settings->cluster_lock(), "/x/y");
    EXPECT_EQ(
        old.findings.at(0).upstream.at(0),
        "Configuration option [cluster] -> recovery lock is deprecated"
    );
    const auto both = read("[cluster]\nrecovery lock = /x\ncluster lock = !/h a # b\n");
    EXPECT_EQ(both.settings->cluster_lock(), "!/h a # b");
    EXPECT_FALSE(read("[cluster]\ncluster lock = !\n").settings);
}

TEST_F(Config, ScriptsAreLookedUpBesideTheFileByTheirBaseName) {
    file("debug.sh", "");
    EXPECT_THAT(
        texts(read("[event]\ndebug script = /elsewhere/debug.sh\n").findings),
        ElementsAre(HasSubstr("/debug.sh is not executable; expected chmod u+x"))
    );
    std::filesystem::permissions(where.etc + "/debug.sh", std::filesystem::perms::owner_all);
    EXPECT_TRUE(read("[event]\ndebug script = /elsewhere/debug.sh\n").settings);
    std::filesystem::create_directory(where.etc + "/dir.sh");
    EXPECT_THAT(
        texts(read("[database]\nlock debug script = dir.sh\n").findings),
        ElementsAre(HasSubstr("is not a file"))
    );
}

TEST_F(Config, LogLocationMayContainColonsAndNeedsItsDirectory) {
    EXPECT_TRUE(read("[logging]\nlocation = file:" + where.etc + "/a:b\n").settings);
    EXPECT_TRUE(read("[logging]\nlocation = file:-\n").settings);
    EXPECT_THAT(
        texts(read("[logging]\nlocation = file:/no/where\n").findings),
        ElementsAre(HasSubstr("expected the directory /no to exist"))
    );
    EXPECT_FALSE(read("[logging]\nlog level = \n").settings);
    EXPECT_TRUE(read("[logging]\nlog level = inf\n").settings);
}

TEST_F(Config, AMissingFileMeansDefaultsOrAnErrorAsAsked) {
    EXPECT_TRUE(load(where, unknown_options::warn, missing_file::is_default).settings);
    const auto strict = load(where, unknown_options::warn, missing_file::is_error);
    EXPECT_EQ(strict.code, ENOENT);
    EXPECT_FALSE(strict.settings);
}

TEST_F(Config, ADaemonRefusesABrokenFileNamingEachLine) {
    file("ctdb.conf", "[cluster]\ntransport = ib\ngarbage\n");
    const auto loaded = load_for_daemon(where);
    ASSERT_FALSE(loaded);
    EXPECT_EQ(loaded.error().what, "Failed to load config file " + where.etc + "/ctdb.conf");
    EXPECT_THAT(
        logged,
        ElementsAre(
            where.etc + "/ctdb.conf:2: [cluster] transport = ib; expected tcp",
            where.etc + "/ctdb.conf:3: \"garbage\" is no option; expected KEY = VALUE"
        )
    );
}

TEST_F(Config, AReloadNeverDependsOnWhatWasBefore) {
    file("ctdb.conf", "[cluster]\nleader timeout = 9\n[logging]\nlog level = INFO\n");
    const auto first = load_for_daemon(where);
    const auto again = load_for_daemon(where);
    ASSERT_TRUE(first && again);
    EXPECT_EQ(again->get(options::leader_timeout), 9); // upstream falls back to the default (W64)
    EXPECT_THAT(changes_needing_restart(*first, *again), IsEmpty());
}

TEST_F(Config, AReloadNamesWhatOnlyCountsAtStart) {
    const auto first = read("[cluster]\nleader timeout = 9\n");
    const auto second = read("[cluster]\nleader timeout = 8\nnode address = 10.0.0.1\n");
    ASSERT_TRUE(first.settings && second.settings);
    EXPECT_THAT(
        changes_needing_restart(*first.settings, *second.settings),
        ElementsAre(&options::node_address)
    );
}

} // namespace
} // namespace ctdb::conf
