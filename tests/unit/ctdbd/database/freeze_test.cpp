#include "common/protocol/hash.hpp"
#include "tests/unit/ctdbd/database/fake_cluster.hpp"

#include <gtest/gtest.h>

namespace ctdb {
namespace {

using ctdbd::answer;
using ctdbd::database;
using phase = database::freeze_phase;
using testing::fake_cluster;
using testing::fake_store;

constexpr generation epoch{0x1111};
constexpr std::uint32_t tid = 0x2222;

class FreezeTest : public ::testing::Test {
protected:
    FreezeTest() {
        attach("v.tdb", {});
        cluster.make_normal(epoch);
    }
    void attach(const std::string& name, protocol::db_flags kind) {
        ctdbd::asker daemon;
        cluster[0].databases.attach(kind, name, daemon, [](const answer<db_id>& id) {
            ASSERT_TRUE(id) << id.error().text;
        });
    }
    database& db(const std::string& name = "v.tdb") {
        return *cluster[0].databases.find(protocol::db_id_of(name));
    }
    fake_store& store(const std::string& name = "v.tdb") { return cluster[0].store(name); }
    // 1: answered 0, -1: refused, 0: not answered
    std::shared_ptr<int> freeze() {
        auto said = std::make_shared<int>(0);
        db().freeze(database::records::stay_valid, [said](const answer<>& a) {
            *said = a ? 1 : -1;
        });
        return said;
    }
    void freeze_now() {
        freeze();
        cluster.rt.settle();
        ASSERT_EQ(db().phase(), phase::frozen);
    }
    fake_cluster cluster{1};
};

TEST_F(FreezeTest, PendingUntilTheLockIsThereAndAnswersEveryWaiter) {
    store().answers_freeze = false;
    const auto first = freeze();
    const auto second = freeze();
    cluster.rt.settle();
    EXPECT_EQ(db().phase(), phase::pending);
    EXPECT_EQ(*first + *second, 0);

    store().answer_freeze({});
    EXPECT_EQ(db().phase(), phase::frozen);
    EXPECT_EQ(*first + *second, 2);
}

TEST_F(FreezeTest, AFrozenDatabaseAnswersAtOnce) {
    freeze_now();
    EXPECT_EQ(*freeze(), 1);
}

TEST_F(FreezeTest, AFailedLockRefusesTheWaitersAndLeavesTheDatabaseInUse) {
    store().answers_freeze = false;
    const auto waiter = freeze();
    store().answer_freeze(fail(ECHILD, "agent died"));
    EXPECT_EQ(*waiter, -1);
    EXPECT_EQ(db().phase(), phase::none);
}

TEST_F(FreezeTest, ThawWhilePendingRefusesTheWaitersAndCancelsTheLock) {
    store().answers_freeze = false;
    const auto waiter = freeze();
    cluster.rt.settle();
    db().thaw();
    EXPECT_EQ(*waiter, -1);
    EXPECT_EQ(db().phase(), phase::none);
    EXPECT_FALSE(store().freeze_asked());
}

TEST_F(FreezeTest, ATransactionNeedsAFrozenDatabase) {
    EXPECT_FALSE(db().begin(tid));
    EXPECT_FALSE(testing::commit_now(db(), tid));
    EXPECT_FALSE(db().wipe(tid));
}

TEST_F(FreezeTest, WipeAndCommitNeedTheTransactionsOwnId) {
    freeze_now();
    EXPECT_FALSE(db().wipe(tid));
    EXPECT_FALSE(testing::commit_now(db(), tid));
    ASSERT_TRUE(db().begin(tid));
    EXPECT_FALSE(db().wipe(tid + 1));
    EXPECT_FALSE(testing::commit_now(db(), tid + 1));
    EXPECT_EQ(db().phase(), phase::frozen_txn);
}

TEST_F(FreezeTest, BeginAgainStartsAnewSoThatARetryFindsTheOldContent) {
    store().put("a", {}, "1");
    freeze_now();
    ASSERT_TRUE(db().begin(tid));
    ASSERT_TRUE(db().wipe(tid));
    ASSERT_TRUE(db().begin(tid));
    ASSERT_TRUE(testing::commit_now(db(), tid));
    EXPECT_TRUE(store().get("a"));
}

TEST_F(FreezeTest, CommitSetsTheGenerationAndLeavesTheDatabaseFrozen) {
    freeze_now();
    ASSERT_TRUE(db().begin(tid));
    ASSERT_TRUE(testing::commit_now(db(), tid));
    EXPECT_EQ(db().generation(), generation{tid});
    EXPECT_EQ(db().phase(), phase::frozen);
}

TEST_F(FreezeTest, AFailedCommitKeepsGenerationAndContent) {
    store().put("a", {}, "1");
    store().fails_to_commit = true;
    freeze_now();
    ASSERT_TRUE(db().begin(tid));
    ASSERT_TRUE(db().wipe(tid));
    EXPECT_FALSE(testing::commit_now(db(), tid));
    EXPECT_EQ(db().generation(), epoch);
    EXPECT_EQ(db().phase(), phase::frozen);
    EXPECT_TRUE(store().get("a"));
}

TEST_F(FreezeTest, ThawCancelsAnOpenTransaction) {
    store().put("a", {}, "1");
    freeze_now();
    ASSERT_TRUE(db().begin(tid));
    ASSERT_TRUE(db().wipe(tid));
    db().thaw();
    EXPECT_EQ(db().phase(), phase::none);
    EXPECT_TRUE(store().get("a"));
    EXPECT_EQ(db().generation(), epoch);
}

TEST_F(FreezeTest, CancelIsNeverRefused) {
    cluster[0].databases.cancel(db().id());
    freeze_now();
    ASSERT_TRUE(db().begin(tid));
    EXPECT_TRUE(cluster[0].databases.cancel(db().id()));
    EXPECT_EQ(db().phase(), phase::frozen);
}

TEST_F(FreezeTest, ALostFreezeEndsTheTransactionAndAsksForRecovery) {
    freeze_now();
    ASSERT_TRUE(db().begin(tid));
    store().lose_freeze();
    EXPECT_EQ(db().phase(), phase::none);
    EXPECT_EQ(cluster[0].recoveries_wanted.size(), 1U);
    EXPECT_FALSE(testing::commit_now(db(), tid));
}

// ---- a commit that takes its time ----

class SlowCommitTest : public FreezeTest {
protected:
    std::optional<answer<>> said;

    void begin_commit() {
        freeze_now();
        store().commits_later = true;
        ASSERT_TRUE(db().begin(tid));
        db().commit(tid, [this](const answer<>& a) { said = a; });
        ASSERT_EQ(db().phase(), phase::committing);
    }
    void end_commit(const result<>& how = {}) {
        const auto end = std::exchange(store().commit_under_way, nullptr);
        end(how);
    }
};

TEST_F(SlowCommitTest, IsAnsweredWhenTheFileIsDone) {
    begin_commit();
    EXPECT_FALSE(said);
    EXPECT_NE(db().generation(), generation{tid});
    end_commit();
    EXPECT_TRUE(said && *said);
    EXPECT_EQ(db().generation(), generation{tid});
    EXPECT_EQ(db().phase(), phase::frozen);
}

TEST_F(SlowCommitTest, AFreezeWaitsForItsEnd) { // the leader's next attempt, after a time-out
    begin_commit();
    bool frozen = false;
    db().freeze(database::records::stay_valid, [&](const answer<>& a) { frozen = a.has_value(); });
    cluster.rt.settle();
    EXPECT_FALSE(frozen);
    end_commit(fail(EIO, "disk"));
    EXPECT_TRUE(said && !*said);
    EXPECT_TRUE(frozen);
    EXPECT_TRUE(db().begin(tid + 1));
}

TEST_F(SlowCommitTest, NothingElseIsDoneMeanwhile) {
    begin_commit();
    EXPECT_FALSE(db().begin(tid));
    EXPECT_FALSE(db().wipe(tid));
    EXPECT_FALSE(db().push_start(srvid{1}));
    EXPECT_FALSE(testing::commit_now(db(), tid));
    db().cancel();
    EXPECT_EQ(db().phase(), phase::committing);
    end_commit();
    EXPECT_TRUE(said && *said);
}

TEST_F(SlowCommitTest, IsRefusedWhenThawedBeforeItsEnd) {
    begin_commit();
    db().thaw();
    EXPECT_TRUE(said && !*said);
    EXPECT_EQ(db().phase(), phase::none);
    EXPECT_NE(db().generation(), generation{tid});
}

TEST_F(SlowCommitTest, ANodeThatBecameInactiveMeanwhileKeepsNoValidGeneration) {
    begin_commit();
    cluster[0].databases.become_inactive();
    end_commit();
    EXPECT_TRUE(said && !*said);
    EXPECT_EQ(db().generation(), invalid_generation);
}

TEST_F(FreezeTest, APartOfACopyIsNotGivenToOthers) {
    store().put("a", {}, "1");
    store().only_a_part = true;
    freeze_now();
    std::optional<answer<std::uint32_t>> sent;
    db().pull(srvid{1}, pnn{0}, [&](const answer<std::uint32_t>& a) { sent = a; });
    cluster.rt.settle();
    ASSERT_TRUE(sent && *sent);
    EXPECT_EQ(**sent, 0U);
}

TEST_F(FreezeTest, NodeWideFreezeInvalidatesVolatileRecordsOnlyUntilThaw) {
    attach("p.tdb", protocol::db_flag::persistent);
    int answered = 0;
    cluster[0].databases.freeze_all([&](const answer<>& a) { answered += a ? 1 : 100; });
    cluster.rt.settle();
    EXPECT_EQ(answered, 1);
    EXPECT_TRUE(cluster[0].databases.all_frozen());
    EXPECT_TRUE(db().has_invalid_records());
    EXPECT_FALSE(db("p.tdb").has_invalid_records());

    cluster[0].databases.end_node_freeze();
    EXPECT_FALSE(db().has_invalid_records());
    EXPECT_EQ(db("p.tdb").phase(), phase::none);
}

TEST_F(FreezeTest, ADatabaseAttachedDuringTheNodeWideFreezeIsFrozenToo) {
    cluster[0].databases.freeze_all([](const answer<>&) {});
    attach("later.tdb", {});
    cluster.rt.settle();
    EXPECT_TRUE(db("later.tdb").is_frozen());
}

TEST_F(FreezeTest, BecomingInactiveInvalidatesEveryGenerationAndFreezes) {
    cluster[0].databases.become_inactive();
    cluster.rt.settle();
    EXPECT_EQ(db().generation(), invalid_generation);
    EXPECT_TRUE(db().has_invalid_records());
    EXPECT_TRUE(db().is_frozen());
}

TEST_F(FreezeTest, ARecoveryThatStillCountsOnAnInactiveNodeCannotMakeItsRecordsValid) {
    freeze_now();
    ASSERT_TRUE(db().begin(tid));
    cluster[0].flags = protocol::node_flag::stopped;
    cluster[0].databases.become_inactive();
    bool refused = false;
    cluster[0].databases.commit({db().id(), tid}, [&](const answer<>& a) { refused = !a; });
    EXPECT_TRUE(refused);
    EXPECT_FALSE(cluster[0].databases.thaw(db().id()));
    EXPECT_FALSE(cluster[0].databases.begin({db().id(), tid}));
    cluster[0].map.generation = invalid_generation; // as of every database, and still not normal
    EXPECT_FALSE(cluster[0].databases.check_generations());
    EXPECT_TRUE(db().has_invalid_records());
    EXPECT_EQ(db().generation(), invalid_generation);
}

TEST_F(FreezeTest, CommitHealsAPersistentDatabaseIfSomeNodeIsHealthy) {
    attach("p.tdb", protocol::db_flag::persistent);
    cluster[0].files.unhealthy["p.tdb"] = "ERROR - Backup of corrupted TDB in 'x'";
    cluster[0].flags = protocol::node_flag::unhealthy;
    for (int i = 0; i < 2; ++i) {
        db("p.tdb").freeze(database::records::stay_valid, [](const answer<>&) {});
        cluster.rt.settle();
        ASSERT_TRUE(db("p.tdb").begin(tid));
        ASSERT_TRUE(testing::commit_now(db("p.tdb"), tid));
        EXPECT_EQ(
            db("p.tdb").health(), "NO-HEALTHY-NODES - ERROR - Backup of corrupted TDB in 'x'"
        );
    }
    cluster[0].flags = {};
    ASSERT_TRUE(db("p.tdb").begin(tid));
    ASSERT_TRUE(testing::commit_now(db("p.tdb"), tid));
    EXPECT_EQ(db("p.tdb").health(), "");
}

} // namespace
} // namespace ctdb
