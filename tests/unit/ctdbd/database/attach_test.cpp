#include "common/protocol/hash.hpp"
#include "tests/unit/ctdbd/database/fake_cluster.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ctdb {
namespace {

using ctdbd::answer;
using ctdbd::asker;
using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using testing::fake_cluster;
using ::testing::HasSubstr;

constexpr generation epoch{0x1111};
constexpr protocol::db_flags volatile_kind{};
constexpr protocol::db_flags persistent = protocol::db_flag::persistent;
constexpr protocol::db_flags replicated = protocol::db_flag::replicated;

class AttachTest : public ::testing::Test {
protected:
    AttachTest() { cluster.make_normal(epoch); }

    // What became of an attach: nothing while it waits.
    using outcome = std::shared_ptr<std::optional<answer<db_id>>>;
    outcome attach(const std::string& name, protocol::db_flags kind, const asker& who) {
        auto said = std::make_shared<std::optional<answer<db_id>>>();
        node().databases.attach(kind, name, who, [said](const answer<db_id>& a) { *said = a; });
        return said;
    }
    static asker own_client(std::uint32_t id = 5) {
        asker who;
        who.client = client_id{id};
        return who;
    }
    static asker recovery_client() {
        asker who = own_client();
        who.flags = protocol::control_flag::attach_recovery;
        return who;
    }
    static asker other_node() {
        asker who;
        who.node = pnn{1};
        return who;
    }
    static bool refused(const outcome& o) { return o->has_value() && !o->value(); }
    static bool granted(const outcome& o) { return o->has_value() && o->value(); }
    testing::fake_node& node() { return cluster[0]; }
    fake_cluster cluster{3};
};

TEST_F(AttachTest, AnswersTheIdAndTellsEveryNode) {
    const auto said = attach("v.tdb", volatile_kind, own_client());
    ASSERT_TRUE(granted(said));
    EXPECT_EQ(**said, db_id{0xd56fcbab});
    cluster.rt.settle();
    for (const auto& n : cluster.nodes) {
        ASSERT_NE(n->databases.find(db_id{0xd56fcbab}), nullptr);
        EXPECT_EQ(n->databases.find(db_id{0xd56fcbab})->generation(), epoch);
    }
    // One announcement: the others do not announce it again.
    EXPECT_EQ(std::ranges::count(cluster.trace, "2 DB_ATTACH"), 1);
}

TEST_F(AttachTest, EveryKindIsAnnouncedAsItself) {
    attach("p.tdb", persistent, own_client());
    attach("r.tdb", replicated, own_client());
    cluster.rt.settle();
    EXPECT_TRUE(cluster[2].databases.find(db_id{0x47023bf1})->is_persistent());
    EXPECT_EQ(
        cluster[2].databases.find(db_id{0x720783a5})->flags(),
        protocol::db_flags(protocol::db_flag::replicated)
    );
}

TEST_F(AttachTest, TheNewestIsListedFirst) {
    for (const char* name : {"a.tdb", "b.tdb", "c.tdb"}) {
        attach(name, volatile_kind, own_client());
    }
    const auto map = node().databases.db_map();
    ASSERT_EQ(map.dbs.size(), 3U);
    EXPECT_EQ(map.dbs[0].db_id, protocol::db_id_of("c.tdb"));
    EXPECT_EQ(map.dbs[2].db_id, protocol::db_id_of("a.tdb"));
}

TEST_F(AttachTest, KnownNamesNeedTheWantedKind) {
    attach("p.tdb", persistent, own_client());
    attach("v.tdb", volatile_kind, own_client());
    EXPECT_TRUE(granted(attach("p.tdb", persistent, own_client())));
    EXPECT_TRUE(granted(attach("p.tdb", volatile_kind, own_client()))); // no bit is wanted
    EXPECT_TRUE(refused(attach("p.tdb", replicated, own_client())));
    EXPECT_TRUE(refused(attach("v.tdb", persistent, own_client())));
}

TEST_F(AttachTest, ClientsAreForbiddenByTunableRecoveryIsNot) {
    node().tunable_values[protocol::tunable_id::allow_client_db_attach] = 0;
    EXPECT_TRUE(refused(attach("v.tdb", volatile_kind, own_client())));
    EXPECT_TRUE(granted(attach("v.tdb", volatile_kind, other_node())));
    node().mode = protocol::recovery_mode::active;
    EXPECT_TRUE(granted(attach("w.tdb", volatile_kind, recovery_client())));
}

TEST_F(AttachTest, AnInactiveNodeRefusesItsClientsOnly) {
    node().flags = protocol::node_flag::stopped;
    EXPECT_TRUE(refused(attach("v.tdb", volatile_kind, own_client())));
    EXPECT_TRUE(granted(attach("v.tdb", volatile_kind, other_node())));
}

TEST_F(AttachTest, TheRecoveryFlagNeedsARecovery) {
    EXPECT_TRUE(refused(attach("v.tdb", volatile_kind, recovery_client())));
    node().mode = protocol::recovery_mode::active;
    EXPECT_TRUE(granted(attach("v.tdb", volatile_kind, recovery_client())));
}

TEST_F(AttachTest, DuringRecoveryClientsWaitAndAreServedRightAfterIt) {
    node().mode = protocol::recovery_mode::active;
    const auto said = attach("v.tdb", volatile_kind, own_client());
    EXPECT_FALSE(said->has_value());
    cluster.rt.advance(seconds{20});
    EXPECT_FALSE(said->has_value());

    node().mode = protocol::recovery_mode::normal;
    node().databases.attaches_may_go_on();
    EXPECT_FALSE(said->has_value()); // who sets the mode is answered first
    cluster.rt.advance(milliseconds{1});
    EXPECT_TRUE(granted(said));
}

TEST_F(AttachTest, BeforeRunStateStartupClientsWait) {
    node().state = protocol::run_state::first_recovery;
    const auto said = attach("v.tdb", volatile_kind, own_client());
    node().databases.attaches_may_go_on();
    cluster.rt.advance(seconds{2});
    EXPECT_FALSE(said->has_value());
    node().state = protocol::run_state::startup;
    node().databases.attaches_may_go_on();
    cluster.rt.advance(seconds{2});
    EXPECT_TRUE(granted(said));
}

TEST_F(AttachTest, WaitingEndsAfterDeferredAttachTOEvenIfPutOffAgain) {
    node().mode = protocol::recovery_mode::active;
    const auto said = attach("v.tdb", volatile_kind, own_client());
    cluster.rt.advance(seconds{60});
    node().databases.attaches_may_go_on(); // tried again, still recovering
    cluster.rt.advance(seconds{59});
    EXPECT_FALSE(said->has_value());
    cluster.rt.advance(seconds{2});
    ASSERT_TRUE(refused(said));
    EXPECT_EQ(said->value().error().status, -1);
}

TEST_F(AttachTest, AClientThatGoesTakesItsAttachAlong) {
    node().mode = protocol::recovery_mode::active;
    const auto gone = attach("v.tdb", volatile_kind, own_client(5));
    const auto stays = attach("w.tdb", volatile_kind, own_client(6));
    node().databases.client_gone(client_id{5});
    node().mode = protocol::recovery_mode::normal;
    node().databases.attaches_may_go_on();
    cluster.rt.advance(seconds{200});
    EXPECT_FALSE(gone->has_value());
    EXPECT_TRUE(granted(stays));
}

TEST_F(AttachTest, AFileThatCannotBeOpenedIsARefusal) {
    node().files.unopenable.insert("v.tdb");
    EXPECT_TRUE(refused(attach("v.tdb", volatile_kind, own_client())));
    EXPECT_TRUE(node().databases.all().empty());
}

TEST_F(AttachTest, PersistentDatabasesOnDiskAreAttachedAtStartAndBadOnesNamed) {
    node().files.on_disk = {"one.tdb", "bad.tdb", "two.tdb"};
    node().files.unopenable.insert("bad.tdb");
    const auto opened = node().databases.open_persistent();
    ASSERT_FALSE(opened);
    EXPECT_THAT(opened.error().what, HasSubstr("bad.tdb"));
    ASSERT_EQ(node().databases.all().size(), 2U);
    EXPECT_TRUE(node().databases.all().front()->is_persistent());
}

TEST_F(AttachTest, FrozenForStartLeavesRecordsValid) {
    attach("v.tdb", volatile_kind, own_client());
    bool done = false;
    node().databases.freeze_for_start([&](const answer<>& a) { done = a.has_value(); });
    cluster.rt.settle();
    EXPECT_TRUE(done);
    EXPECT_FALSE(node().databases.all().front()->has_invalid_records());
}

TEST_F(AttachTest, DetachNeedsTheTunableAVolatileDatabaseAndNormalMode) {
    attach("v.tdb", volatile_kind, own_client());
    attach("p.tdb", persistent, own_client());
    cluster.rt.settle();
    auto& dbs = node().databases;
    const auto v = protocol::db_id_of("v.tdb");
    EXPECT_FALSE(dbs.detach(v, own_client()));
    for (const auto& n : cluster.nodes) {
        n->tunable_values[protocol::tunable_id::allow_client_db_attach] = 0;
    }
    EXPECT_FALSE(dbs.detach(protocol::db_id_of("p.tdb"), own_client()));
    EXPECT_FALSE(dbs.detach(db_id{1}, own_client()));
    node().mode = protocol::recovery_mode::active;
    EXPECT_FALSE(dbs.detach(v, own_client()));
    node().mode = protocol::recovery_mode::normal;
    EXPECT_TRUE(dbs.detach(v, other_node()));
    EXPECT_EQ(dbs.find(v), nullptr);
}

TEST_F(AttachTest, UnknownDatabasesAreRefused) {
    auto& dbs = node().databases;
    EXPECT_FALSE(dbs.path(db_id{1}));
    EXPECT_FALSE(dbs.name(db_id{1}));
    EXPECT_FALSE(dbs.open_flags(db_id{1}));
    EXPECT_FALSE(dbs.health(db_id{1}));
    EXPECT_FALSE(dbs.thaw(db_id{1}));
    EXPECT_FALSE(dbs.begin({db_id{1}, 2}));
}

TEST_F(AttachTest, GenerationsAreComparedBeforeNormalMode) {
    attach("v.tdb", volatile_kind, own_client());
    EXPECT_TRUE(node().databases.check_generations());
    node().map.generation = generation{0x2222};
    const auto checked = node().databases.check_generations();
    ASSERT_FALSE(checked);
    EXPECT_THAT(checked.error().text, HasSubstr("v.tdb"));
}

TEST_F(AttachTest, SetHealthyDuringStartupAsksForARecovery) {
    attach("p.tdb", persistent, own_client());
    const auto p = protocol::db_id_of("p.tdb");
    node().files.unhealthy["p.tdb"] = "bad";
    EXPECT_EQ(node().databases.health(p)->value(), "bad");
    EXPECT_THAT(node().databases.unhealthy(), ElementsAre("p.tdb"));
    node().state = protocol::run_state::startup;
    ASSERT_TRUE(node().databases.set_healthy(p));
    EXPECT_EQ(node().databases.health(p).value(), std::nullopt);
    EXPECT_EQ(node().recoveries_wanted.size(), 1U);
    ASSERT_TRUE(node().databases.set_healthy(p)); // healthy already: nothing more
    EXPECT_EQ(node().recoveries_wanted.size(), 1U);
}

} // namespace
} // namespace ctdb
