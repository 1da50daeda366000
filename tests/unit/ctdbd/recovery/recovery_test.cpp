#include "common/protocol/hash.hpp"
#include "ctdbd/recovery/recovery.hpp"
#include "tests/unit/ctdbd/database/fake_cluster.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ctdb {
namespace {

namespace controls = protocol::controls;
using ctdbd::answer;
using ctdbd::database;
using ctdbd::recovery;
using ctdbd::recovery_report;
using testing::fake_cluster;
using testing::fake_node;
using testing::fault;
using ::testing::HasSubstr;

protocol::record_header header(std::uint64_t number, std::uint32_t dmaster) {
    protocol::record_header h;
    h.rsn = rsn{number};
    h.dmaster = pnn{dmaster};
    return h;
}

class RecoveryTest : public ::testing::Test {
protected:
    void attach(std::size_t node, const std::string& name, protocol::db_flags kind = {}) {
        ctdbd::asker recovery_of_another; // announces nothing
        recovery_of_another.node = pnn{99};
        cluster[node].databases.attach(kind, name, recovery_of_another, [](const answer<db_id>& a) {
            ASSERT_TRUE(a) << a.error().text;
        });
    }
    void attach_everywhere(const std::string& name, protocol::db_flags kind = {}) {
        for (std::size_t i = 0; i < cluster.nodes.size(); ++i) {
            attach(i, name, kind);
        }
        cluster.rt.settle();
    }
    void
    put(std::size_t node,
        const std::string& db,
        std::string_view key,
        const protocol::record_header& h,
        std::string_view value) {
        cluster[node].store(db).put(key, h, value);
    }
    void put_seqnum(std::size_t node, const std::string& db, std::uint64_t number) {
        const bytes value = protocol::encode(number);
        cluster[node].store(db).put(
            text_of(protocol::sequence_number_key()), header(number, 0), text_of(value)
        );
    }
    std::optional<std::string> value(std::size_t node, const std::string& db, std::string_view k) {
        const auto record = cluster[node].store(db).get(k);
        return record ? std::optional(record->value) : std::nullopt;
    }
    recovery_report recover(std::size_t leader = 0) {
        recovery driver(cluster[leader].port());
        return recover_with(driver);
    }
    recovery_report recover_with(recovery& driver) { return recover_with(driver, cluster); }
    recovery_report recover_with(recovery& driver, fake_cluster& on) const {
        ctdbd::recovery_request request;
        request.generations_seen = {invalid_generation, old};
        auto task = driver.run(std::move(request));
        task.raw().resume();
        EXPECT_TRUE(on.rt.wait_for([&] { return task.raw().done(); }, std::chrono::minutes{10}));
        return task.raw().promise().take();
    }
    void expect_recovered(const recovery_report& report, const std::string& db) {
        for (const pnn node : report.active) {
            database* found = cluster[node.value].databases.find(protocol::db_id_of(db));
            ASSERT_NE(found, nullptr) << db << " on " << node.value;
            EXPECT_EQ(found->generation(), report.generation) << db << " on " << node.value;
            EXPECT_EQ(found->phase(), database::freeze_phase::none) << db << " on " << node.value;
        }
    }
    static bytes named(std::string_view name) {
        bytes with_nul = to_bytes(name);
        with_nul.push_back(std::byte{0});
        return with_nul;
    }
    void not_ours() {
        for (const auto& node : cluster.nodes) {
            node->capabilities = protocol::upstream_capabilities;
        }
    }
    const generation old{0xABCD};
    fake_cluster cluster{3};
};

TEST_F(RecoveryTest, BringsThreeNodesToOneGenerationAndNormalMode) {
    attach_everywhere("v.tdb");
    const auto report = recover();
    ASSERT_TRUE(report.outcome) << report.outcome.error().what;
    EXPECT_EQ(report.databases, 1U);
    EXPECT_NE(report.generation, old);
    EXPECT_NE(report.generation, invalid_generation);
    for (const auto& node : cluster.nodes) {
        EXPECT_EQ(node->mode, protocol::recovery_mode::normal);
        EXPECT_EQ(node->map.generation, report.generation);
        EXPECT_EQ(node->map.map, (std::vector<pnn>{pnn{0}, pnn{1}, pnn{2}}));
    }
    expect_recovered(report, "v.tdb");
}

TEST_F(RecoveryTest, AttachesADatabaseWhereItIsLackingWithItsKind) {
    attach(1, "p.tdb", protocol::db_flag::persistent);
    attach(2, "r.tdb", protocol::db_flag::replicated);
    attach(2, "v.tdb");
    const auto report = recover();
    ASSERT_TRUE(report.outcome) << report.outcome.error().what;
    for (const auto& name : {"p.tdb", "r.tdb", "v.tdb"}) {
        expect_recovered(report, name);
    }
    EXPECT_TRUE(cluster[0].databases.find(protocol::db_id_of("p.tdb"))->is_persistent());
    EXPECT_FALSE(cluster[0].databases.find(protocol::db_id_of("r.tdb"))->is_volatile());
}

TEST_F(RecoveryTest, ANodeThatMissedTheAnnouncementGetsTheDatabaseInRecovery) {
    attach(1, "p.tdb", protocol::db_flag::persistent);
    put(1, "p.tdb", "k", header(7, 1), "kept");
    put_seqnum(1, "p.tdb", 7);
    const auto report = recover(1);
    ASSERT_TRUE(report.outcome) << report.outcome.error().what;
    for (std::size_t node = 0; node < 3; ++node) {
        EXPECT_EQ(value(node, "p.tdb", "k"), "kept") << node;
    }
}

TEST_F(RecoveryTest, VolatileRecordsComeFromWhereTheyAreNewest) {
    attach_everywhere("v.tdb");
    put(0, "v.tdb", "a", header(5, 1), "old");
    put(1, "v.tdb", "a", header(6, 1), "new");
    put(2, "v.tdb", "only", header(1, 2), "here");
    put(0, "v.tdb", "deleted", header(3, 1), "ghost");
    put(1, "v.tdb", "deleted", header(4, 1), "");
    const auto report = recover();
    ASSERT_TRUE(report.outcome) << report.outcome.error().what;
    for (std::size_t node = 0; node < 3; ++node) {
        EXPECT_EQ(value(node, "v.tdb", "a"), "new") << node;
        EXPECT_EQ(value(node, "v.tdb", "only"), "here") << node;
        EXPECT_EQ(value(node, "v.tdb", "deleted"), std::nullopt) << node;
    }
}

TEST_F(RecoveryTest, AmongOursTheHolderKeepsTheRecordAndHasTheHigherRsn) {
    attach_everywhere("v.tdb");
    put(2, "v.tdb", "held", header(6, 2), "x");
    const auto report = recover();
    ASSERT_TRUE(report.outcome);
    for (std::size_t node = 0; node < 3; ++node) {
        const auto record = cluster[node].store("v.tdb").get("held");
        ASSERT_TRUE(record);
        EXPECT_EQ(record->header.dmaster, pnn{2});
        EXPECT_EQ(record->header.rsn, rsn{node == 2 ? 7U : 6U}) << node;
        EXPECT_TRUE(record->header.flags.has(protocol::record_flag::migrated_with_data));
    }
}

TEST_F(RecoveryTest, WithAnUpstreamPeerTheLeaderBecomesDmaster) {
    not_ours();
    attach_everywhere("v.tdb");
    put(2, "v.tdb", "held", header(6, 2), "x");
    const auto report = recover(1);
    ASSERT_TRUE(report.outcome);
    for (std::size_t node = 0; node < 3; ++node) {
        const auto record = cluster[node].store("v.tdb").get("held");
        ASSERT_TRUE(record);
        EXPECT_EQ(record->header.dmaster, pnn{1});
        EXPECT_EQ(record->header.rsn, rsn{node == 1 ? 7U : 6U}) << node;
    }
}

TEST_F(RecoveryTest, ReadOnlyFlagsDoNotSurvive) {
    attach_everywhere("v.tdb");
    auto h = header(6, 2);
    h.flags = protocol::record_flag::ro_have_delegations;
    put(2, "v.tdb", "k", h, "x");
    const auto report = recover();
    ASSERT_TRUE(report.outcome);
    for (std::size_t node = 0; node < 3; ++node) {
        EXPECT_FALSE(
            cluster[node].store("v.tdb").get("k")->header.flags.has_any(protocol::readonly_mask)
        );
    }
}

TEST_F(RecoveryTest, PersistentDatabasesComeWholeFromTheHighestSequenceNumber) {
    attach_everywhere("p.tdb", protocol::db_flag::persistent);
    put(0, "p.tdb", "k", header(100, 0), "higher rsn, older database");
    put(0, "p.tdb", "only here", header(100, 0), "x");
    put_seqnum(0, "p.tdb", 8);
    put(1, "p.tdb", "k", header(3, 0), "newest");
    put_seqnum(1, "p.tdb", 9);
    const auto report = recover();
    ASSERT_TRUE(report.outcome) << report.outcome.error().what;
    for (std::size_t node = 0; node < 3; ++node) {
        EXPECT_EQ(value(node, "p.tdb", "k"), "newest") << node;
        EXPECT_EQ(value(node, "p.tdb", "only here"), std::nullopt) << node;
        EXPECT_EQ(cluster[node].store("p.tdb").get("k")->header, header(3, 0)) << node;
    }
}

TEST_F(RecoveryTest, EqualSequenceNumbersTakeTheFirstNodesCopy) {
    attach_everywhere("p.tdb", protocol::db_flag::persistent);
    for (std::size_t node = 0; node < 3; ++node) {
        put(node, "p.tdb", "k", header(1, 0), std::to_string(node));
    }
    ASSERT_TRUE(recover(2).outcome);
    EXPECT_EQ(value(2, "p.tdb", "k"), "0");
}

// A commit that only a node left behind has seen: its client knows number 1 and may find neither
// that nor the next (databases.md 7.1, 12.1 #21), also where nobody else ever counted.
TEST_F(RecoveryTest, AfterADivergenceTheNumberIsRaisedEvenIfTheWinnerHasNone) {
    attach_everywhere("p.tdb", protocol::db_flag::persistent);
    ASSERT_TRUE(recover().outcome);
    cluster[2].flags = protocol::node_flag::stopped;
    put_seqnum(2, "p.tdb", 1);
    put(0, "p.tdb", "k", header(1, 0), "counts");
    ASSERT_TRUE(recover().outcome);
    cluster[2].flags = {};
    ASSERT_TRUE(recover().outcome);
    for (std::size_t node = 0; node < 3; ++node) {
        EXPECT_EQ(value(node, "p.tdb", "k"), "counts");
        const auto number = value(node, "p.tdb", text_of(protocol::sequence_number_key()));
        ASSERT_TRUE(number) << node;
        EXPECT_EQ(*number, text_of(protocol::encode(std::uint64_t{3})));
    }
}

TEST_F(RecoveryTest, InvalidRecordsOfAReturningNodeStayOut) {
    attach_everywhere("v.tdb");
    put(2, "v.tdb", "deleted while away", header(50, 2), "ghost");
    cluster[2].databases.become_inactive();
    cluster.rt.settle();
    ASSERT_TRUE(recover().outcome);
    EXPECT_EQ(value(2, "v.tdb", "deleted while away"), std::nullopt);
    EXPECT_EQ(value(0, "v.tdb", "deleted while away"), std::nullopt);
}

TEST_F(RecoveryTest, NoNodeThawsADatabaseBeforeAllHaveCommittedIt) {
    attach_everywhere("v.tdb");
    cluster.trace.clear();
    ASSERT_TRUE(recover().outcome);
    for (int a = 0; a < 3; ++a) {
        for (int b = 0; b < 3; ++b) {
            EXPECT_LT(
                cluster.last_in_trace(fmt::format("{} DB_TRANSACTION_COMMIT", a)),
                cluster.first_in_trace(fmt::format("{} DB_THAW", b))
            );
        }
    }
}

TEST_F(RecoveryTest, ManySmallBuffersAndManyRecordsArriveWhole) {
    attach_everywhere("v.tdb");
    attach_everywhere("p.tdb", protocol::db_flag::persistent);
    for (const auto& node : cluster.nodes) {
        node->tunable_values[protocol::tunable_id::rec_buffer_size_limit] = 10'000;
    }
    for (int i = 0; i < 1234; ++i) {
        const auto n = static_cast<std::uint32_t>(i % 3);
        put(n, "v.tdb", fmt::format("key {}", i), header(1, n), std::string(1000, 'v'));
    }
    for (int i = 0; i < 345; ++i) {
        put(1, "p.tdb", fmt::format("key {}", i), header(1, 1), std::string(10'000, 'p'));
    }
    put_seqnum(1, "p.tdb", 1);
    const auto report = recover();
    ASSERT_TRUE(report.outcome) << report.outcome.error().what;
    for (std::size_t node = 0; node < 3; ++node) {
        EXPECT_EQ(cluster[node].store("v.tdb").committed().size(), 1234U);
        EXPECT_EQ(cluster[node].store("p.tdb").committed().size(), 346U);
    }
}

TEST_F(RecoveryTest, EveryDatabaseIsAskedToFreezeWhileOneWaitsForAClient) {
    for (int i = 0; i < 20; ++i) {
        attach_everywhere(fmt::format("v{}.tdb", i));
    }
    cluster[1].store("v0.tdb").answers_freeze = false; // a client holds a chain there
    recovery driver(cluster[0].port());
    auto task = driver.run({});
    task.raw().resume();
    cluster.rt.settle();
    // The other 19 are recovered, thawed and in use meanwhile.
    for (int i = 1; i < 20; ++i) {
        const auto id = protocol::db_id_of(fmt::format("v{}.tdb", i));
        EXPECT_EQ(cluster[1].databases.find(id)->phase(), database::freeze_phase::none) << i;
        EXPECT_EQ(cluster[1].databases.find(id)->generation(), cluster[1].map.generation) << i;
    }
    EXPECT_FALSE(task.raw().done());
    cluster[1].store("v0.tdb").answer_freeze({}); // the client lets go
    cluster.rt.settle();
    ASSERT_TRUE(task.raw().done());
    EXPECT_TRUE(task.raw().promise().take().outcome);
}

TEST_F(RecoveryTest, AStepThatFailsOnceIsTriedAgainFromTheOldContent) {
    attach_everywhere("v.tdb");
    put(0, "v.tdb", "k", header(1, 0), "kept");
    cluster.inject(pnn{2}, controls::db_push_confirm::opcode, fault::refuses, 1);
    const auto report = recover();
    ASSERT_TRUE(report.outcome) << report.outcome.error().what;
    EXPECT_EQ(report.credits.at(pnn{2}), 1U);
    for (std::size_t node = 0; node < 3; ++node) {
        EXPECT_EQ(value(node, "v.tdb", "k"), "kept") << node;
    }
}

struct failing_step {
    std::uint32_t opcode;
    const char* says;
};
class RecoveryStepTest : public RecoveryTest, public ::testing::WithParamInterface<failing_step> {};

TEST_P(RecoveryStepTest, AFailureNamesNodeDatabaseAndStepAndLeavesTheContent) {
    attach_everywhere("v.tdb");
    attach_everywhere("p.tdb", protocol::db_flag::persistent);
    put(0, "v.tdb", "k", header(1, 0), "kept");
    put(0, "p.tdb", "k", header(1, 0), "kept");
    cluster.inject(pnn{1}, GetParam().opcode, fault::refuses, 1000);
    const auto report = recover();
    ASSERT_FALSE(report.outcome);
    EXPECT_NE(report.outcome.error().code, 0);
    EXPECT_THAT(report.outcome.error().what, HasSubstr("node 1"));
    EXPECT_THAT(report.outcome.error().what, HasSubstr(GetParam().says));
    EXPECT_GT(report.credits.at(pnn{1}), 0U);
    EXPECT_EQ(value(0, "v.tdb", "k"), "kept");
    EXPECT_EQ(value(0, "p.tdb", "k"), "kept");

    cluster.inject(pnn{1}, GetParam().opcode, fault::refuses, 0); // it comes back
    ASSERT_TRUE(recover().outcome);
    for (std::size_t node = 0; node < 3; ++node) {
        EXPECT_EQ(value(node, "v.tdb", "k"), "kept") << node;
        EXPECT_EQ(value(node, "p.tdb", "k"), "kept") << node;
    }
}

INSTANTIATE_TEST_SUITE_P(
    EveryStep,
    RecoveryStepTest,
    ::testing::Values(
        failing_step{controls::get_node_map::opcode, "get node map"},
        failing_step{controls::get_capabilities::opcode, "get capabilities"},
        failing_step{controls::get_db_map::opcode, "get database map"},
        failing_step{controls::set_recovery_mode::opcode, "set recovery mode ACTIVE"},
        failing_step{controls::start_recovery::opcode, "start recovery"},
        failing_step{controls::set_vnn_map::opcode, "set vnn map"},
        failing_step{controls::get_db_name::opcode, "get name"},
        failing_step{controls::db_freeze::opcode, "freeze"},
        failing_step{controls::db_transaction_start::opcode, "start transaction"},
        failing_step{controls::get_db_seqnum::opcode, "database p.tdb: get sequence number"},
        failing_step{controls::db_pull::opcode, "database v.tdb: pull"},
        failing_step{controls::wipe_database::opcode, "wipe"},
        failing_step{controls::db_push_start::opcode, "start push"},
        failing_step{controls::db_push_confirm::opcode, "confirm push"},
        failing_step{controls::db_transaction_commit::opcode, "commit transaction"},
        failing_step{controls::db_thaw::opcode, "thaw"},
        failing_step{controls::end_recovery::opcode, "end recovery"}
    )
);

// 12.1 #10: upstream blamed the wrong node, and its error code meant "no error".
TEST_F(RecoveryTest, ANodeThatCallsADatabaseOtherwiseIsTheOneToBlame) {
    attach_everywhere("v.tdb");
    for (std::uint32_t liar = 0; liar < 3; ++liar) {
        cluster.falsify(pnn{liar}, controls::get_db_name::opcode, named("other.tdb"));
        const auto report = recover();
        cluster.tell_truth(pnn{liar}, controls::get_db_name::opcode);
        ASSERT_FALSE(report.outcome) << liar;
        EXPECT_NE(report.outcome.error().code, 0);
        EXPECT_THAT(report.outcome.error().what, HasSubstr(fmt::format("node {}: ", liar)));
        ASSERT_EQ(report.credits.size(), 1U) << liar;
        EXPECT_EQ(report.credits.begin()->first, pnn{liar});
    }
    EXPECT_TRUE(recover().outcome);
}

struct miscount {
    std::uint32_t opcode;
    const char* says;
};
class RecoveryCountTest : public RecoveryTest, public ::testing::WithParamInterface<miscount> {};

// I25: a number that differs from what came, or was sent, is a failure of that node.
TEST_P(RecoveryCountTest, ADifferenceIsNoticedAndNothingIsCommitted) {
    attach_everywhere("v.tdb");
    put(1, "v.tdb", "k", header(1, 1), "kept");
    cluster.falsify(pnn{1}, GetParam().opcode, protocol::encode(std::uint32_t{2}));
    const auto report = recover();
    ASSERT_FALSE(report.outcome);
    EXPECT_THAT(report.outcome.error().what, HasSubstr(GetParam().says));
    EXPECT_GT(report.credits.at(pnn{1}), 0U);
    EXPECT_EQ(value(1, "v.tdb", "k"), "kept");
    EXPECT_EQ(value(0, "v.tdb", "k"), std::nullopt);
}

INSTANTIATE_TEST_SUITE_P(
    PullAndPush,
    RecoveryCountTest,
    ::testing::Values(
        miscount{controls::db_pull::opcode, "pull"},
        miscount{controls::db_push_confirm::opcode, "push"}
    )
);

TEST_F(RecoveryTest, AFailedAttachIsReported) {
    attach(0, "new.tdb");
    cluster.inject(pnn{1}, controls::db_attach::opcode, fault::refuses, 1000);
    const auto report = recover();
    ASSERT_FALSE(report.outcome);
    EXPECT_THAT(report.outcome.error().what, HasSubstr("node 1: database new.tdb: attach"));
    EXPECT_GT(report.credits.at(pnn{1}), 0U);
}

TEST_F(RecoveryTest, ARefusalOfNormalModeIsReportedAndCredited) {
    attach_everywhere("v.tdb");
    cluster[1].refuses_normal_mode = true;
    const auto report = recover();
    ASSERT_FALSE(report.outcome);
    EXPECT_THAT(report.outcome.error().what, HasSubstr("node 1: set recovery mode NORMAL"));
    EXPECT_EQ(report.credits, (std::map<pnn, std::uint32_t>{{pnn{1}, 1}}));
    EXPECT_TRUE(report.to_blame.empty()); // see OutsideOfTheDatabasesNobodyIsToBlame
}

TEST_F(RecoveryTest, ANodeThatNeverAnswersCostsItsTimeAndIsNamed) {
    attach_everywhere("v.tdb");
    cluster.inject(pnn{1}, controls::db_freeze::opcode, fault::never_answers, 1000);
    const auto report = recover();
    ASSERT_FALSE(report.outcome);
    EXPECT_EQ(report.outcome.error().code, ETIMEDOUT);
    EXPECT_THAT(report.outcome.error().what, HasSubstr("node 1: database v.tdb: freeze"));
    EXPECT_GE(report.took, std::chrono::seconds{90}); // three attempts of RecoverTimeout
}

// 12.1 #28: the node answers, so its freeze waits for a client that keeps a lock.
TEST_F(RecoveryTest, AClientThatKeepsALockDoesNotGetItsNodeBanned) {
    attach_everywhere("v.tdb");
    cluster[1].store("v.tdb").answers_freeze = false;
    const auto report = recover();
    ASSERT_FALSE(report.outcome);
    EXPECT_EQ(report.outcome.error().code, ETIMEDOUT);
    EXPECT_THAT(report.outcome.error().what, HasSubstr("node 1: database v.tdb: freeze"));
    EXPECT_THAT(report.outcome.error().what, HasSubstr("client"));
    EXPECT_EQ(report.held_up, std::set<pnn>{pnn{1}});
    EXPECT_TRUE(report.credits.empty());
    EXPECT_TRUE(report.banned.empty());
    cluster[1].store("v.tdb").answer_freeze({});
    EXPECT_TRUE(recover().outcome);
}

TEST_F(RecoveryTest, ANodeThatHangsOverAFreezeIsBanned) { // 12.1 #28: not held up by a client
    attach_everywhere("v.tdb");
    cluster.inject(pnn{1}, controls::db_freeze::opcode, fault::never_answers, 1000);
    cluster.inject(pnn{1}, controls::get_recovery_mode::opcode, fault::never_answers, 1000);
    EXPECT_EQ(recover().banned, std::vector<pnn>{pnn{1}});
}

// Otherwise one client that hangs keeps the whole cluster from recovering.
TEST_F(RecoveryTest, InTheThirdRecoveryInARowTheNodeOfSuchAClientIsBanned) {
    attach_everywhere("v.tdb");
    recovery driver(cluster[0].port());
    cluster[1].store("v.tdb").answers_freeze = false;
    EXPECT_TRUE(recover_with(driver).banned.empty());
    EXPECT_TRUE(recover_with(driver).banned.empty());
    cluster[1].store("v.tdb").answers_freeze = true;
    cluster[1].store("v.tdb").answer_freeze({});
    EXPECT_TRUE(recover_with(driver).outcome); // the count starts anew
    cluster[1].store("v.tdb").answers_freeze = false;
    EXPECT_TRUE(recover_with(driver).banned.empty());
    EXPECT_TRUE(recover_with(driver).banned.empty());
    EXPECT_EQ(recover_with(driver).banned, std::vector<pnn>{pnn{1}});
}

// 12.1 #23: whatever the random numbers say.
TEST_F(RecoveryTest, TheGenerationIsNoneThatAnyNodeHas) {
    const ctdb::generation would_be = recover().generation;
    for (std::uint32_t node = 0; node < 3; ++node) {
        fake_cluster again{3}; // its random numbers are the same
        again[node].map.generation = would_be;
        recovery driver(again[0].port());
        EXPECT_NE(recover_with(driver, again).generation, would_be) << node;
    }
}

TEST_F(RecoveryTest, TheNodeWithThreeFailuresIsToldToBanItself) {
    attach_everywhere("v.tdb");
    cluster.inject(pnn{2}, controls::wipe_database::opcode, fault::refuses, 1000);
    const auto report = recover();
    ASSERT_FALSE(report.outcome);
    EXPECT_EQ(report.banned, std::vector<pnn>{pnn{2}});
    EXPECT_EQ(cluster[2].ban_seconds, 300U);
    EXPECT_TRUE(report.to_blame.empty()) << "it has its ban";
}

// 12.1 #19: a commit is tried once in a recovery, so it takes several to tell.
TEST_F(RecoveryTest, ANodeThatAlwaysRefusesToCommitIsToBlameForEachRecovery) {
    attach_everywhere("v.tdb");
    cluster.inject(pnn{2}, controls::db_transaction_commit::opcode, fault::refuses, 1000);
    for (int i = 0; i < 6; ++i) {
        const auto report = recover();
        ASSERT_FALSE(report.outcome);
        EXPECT_TRUE(report.banned.empty());
        EXPECT_EQ(report.to_blame, std::vector<pnn>{pnn{2}});
    }
    cluster[2].flags = protocol::node_flag::banned; // as the leader's credits say now
    const auto report = recover();
    EXPECT_TRUE(report.outcome);
    EXPECT_TRUE(report.to_blame.empty());
}

TEST_F(RecoveryTest, WhereAllNodesFailNobodyIsToBlame) {
    attach_everywhere("v.tdb");
    for (std::uint32_t node = 0; node < 3; ++node) {
        cluster.inject(pnn{node}, controls::db_transaction_commit::opcode, fault::refuses, 1);
    }
    const auto report = recover();
    ASSERT_FALSE(report.outcome);
    EXPECT_EQ(report.credits.size(), 3U);
    EXPECT_TRUE(report.to_blame.empty());
}

// As with upstream: where locks of the cluster file system do not work, all but the leader refuse
// recovery mode NORMAL, and without them it would go on alone.
TEST_F(RecoveryTest, OutsideOfTheDatabasesNobodyIsToBlame) {
    attach_everywhere("v.tdb");
    for (const auto opcode :
         {controls::start_recovery::opcode,
          controls::set_vnn_map::opcode,
          controls::end_recovery::opcode}) {
        cluster.inject(pnn{1}, opcode, fault::refuses, 1);
        const auto report = recover();
        ASSERT_FALSE(report.outcome);
        EXPECT_EQ(report.credits.size(), 1U);
        EXPECT_TRUE(report.to_blame.empty()) << opcode;
    }
}

// Another attempt in this generation would push the holder's rsn to the others while they are of
// the same generation: until the holder has committed as well, their copies are as new as its own
// (I2).
class RecoveryEndTest : public RecoveryTest, public ::testing::WithParamInterface<std::uint32_t> {};

TEST_P(RecoveryEndTest, OnceNodesWereToldToCommitThereIsNoOtherAttemptInThisGeneration) {
    attach_everywhere("v.tdb");
    put(2, "v.tdb", "held", header(6, 2), "x");
    cluster.inject(pnn{0}, GetParam(), fault::refuses, 1);
    cluster.trace.clear();
    const auto failed = recover();
    ASSERT_FALSE(failed.outcome);
    EXPECT_EQ(failed.credits, (std::map<pnn, std::uint32_t>{{pnn{0}, 1}}));
    EXPECT_TRUE(failed.banned.empty());
    EXPECT_EQ(std::ranges::count(cluster.trace, "1 DB_TRANSACTION_COMMIT"), 1);
    EXPECT_EQ(cluster[1].store("v.tdb").get("held")->header.rsn, rsn{6});
    EXPECT_EQ(cluster[2].store("v.tdb").get("held")->header.rsn, rsn{7});

    const auto next = recover();
    ASSERT_TRUE(next.outcome) << next.outcome.error().what;
    EXPECT_NE(next.generation, failed.generation);
    expect_recovered(next, "v.tdb");
    EXPECT_EQ(value(0, "v.tdb", "held"), "x");
}

INSTANTIATE_TEST_SUITE_P(
    CommitAndThaw,
    RecoveryEndTest,
    ::testing::Values(controls::db_transaction_commit::opcode, controls::db_thaw::opcode)
);

TEST_F(RecoveryTest, ANodeThatCallsItselfStoppedIsLeftOut) {
    attach_everywhere("v.tdb");
    cluster[1].flags = protocol::node_flag::stopped;
    const auto report = recover();
    ASSERT_TRUE(report.outcome) << report.outcome.error().what;
    EXPECT_EQ(report.active, (std::vector<pnn>{pnn{0}, pnn{2}}));
    EXPECT_EQ(cluster[1].mode, protocol::recovery_mode::active);
}

TEST_F(RecoveryTest, AStoppedLeaderDoesNotRecover) {
    cluster[0].flags = protocol::node_flag::stopped;
    const auto report = recover();
    ASSERT_FALSE(report.outcome);
    EXPECT_THAT(report.outcome.error().what, HasSubstr("not active"));
}

TEST_F(RecoveryTest, WithoutLmastersTheLeaderStandsInTheMap) {
    for (const auto& node : cluster.nodes) {
        node->capabilities.clear(protocol::capability::lmaster);
    }
    cluster[1].capabilities.set(protocol::capability::lmaster);
    EXPECT_EQ(recover().vnn_map.map, std::vector<pnn>{pnn{1}});
    cluster[1].capabilities.clear(protocol::capability::lmaster);
    EXPECT_EQ(recover(2).vnn_map.map, std::vector<pnn>{pnn{2}});
}

TEST_F(RecoveryTest, ADatabaseOfDifferentKindsIsLeftAloneAndEverythingElseRecovers) {
    attach_everywhere("v.tdb");
    attach(1, "odd.tdb", protocol::db_flag::persistent);
    put(1, "odd.tdb", "k", header(1, 1), "mine");
    attach(0, "odd.tdb"); // volatile; node 2 has none
    const auto report = recover();
    ASSERT_TRUE(report.outcome) << report.outcome.error().what;
    EXPECT_EQ(report.of_differing_kinds, std::vector<db_id>{protocol::db_id_of("odd.tdb")});
    expect_recovered(report, "v.tdb");
    for (std::size_t node = 0; node < 2; ++node) {
        const auto* odd = cluster[node].databases.find(protocol::db_id_of("odd.tdb"));
        EXPECT_EQ(odd->generation(), report.generation);
        EXPECT_EQ(odd->phase(), database::freeze_phase::none);
    }
    EXPECT_EQ(value(1, "odd.tdb", "k"), "mine");
    EXPECT_EQ(value(0, "odd.tdb", "k"), std::nullopt);
}

TEST_F(RecoveryTest, AnAbortAtAnyMomentLeavesNothingInTheLeaderAndTheNextRecoverySucceeds) {
    attach_everywhere("v.tdb");
    put(1, "v.tdb", "k", header(4, 1), "kept");
    const std::size_t before = cluster[0].listeners();
    bool held_records = false;
    for (int turns = 0; turns < 200; turns += 7) {
        recovery driver(cluster[0].port());
        auto task = driver.run({});
        task.raw().resume();
        for (int i = 0; i < turns && !task.raw().done(); ++i) {
            cluster.rt.one_turn();
        }
        task.reset();
        EXPECT_LE(cluster[0].listeners(), before + 1) << turns; // a push that the node receives
        held_records = held_records || driver.holds_records();
        cluster.rt.settle(); // late answers find nobody
        EXPECT_FALSE(driver.holds_records()) << turns;
        const auto report = recover(static_cast<std::size_t>(turns) % 3);
        ASSERT_TRUE(report.outcome) << turns << ": " << report.outcome.error().what;
        for (std::size_t node = 0; node < 3; ++node) {
            ASSERT_EQ(value(node, "v.tdb", "k"), "kept") << turns;
        }
    }
    EXPECT_TRUE(held_records);
}

} // namespace
} // namespace ctdb
