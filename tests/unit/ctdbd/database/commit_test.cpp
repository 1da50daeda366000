// TRANS3_COMMIT.
#include "tests/unit/ctdbd/database/database_fixture.hpp"

namespace ctdb {
namespace {

namespace controls = protocol::controls;
using ctdbd::answer;
using ctdbd::asker;
using testing::fault;

class CommitTest : public testing::database_fixture {
protected:
    using outcome = std::shared_ptr<std::optional<answer<>>>;
    outcome commit(const bytes& data, const asker& who) {
        auto said = std::make_shared<std::optional<answer<>>>();
        node().commits.commit(data, who, [said](const answer<>& a) { *said = a; });
        return said;
    }
    outcome commit(const asker& who = own_client()) {
        return commit(buffer("p.tdb", "k", 1, "v"), who);
    }
    static std::int32_t status(const outcome& o) {
        if (!o->has_value()) {
            return 1000; // still waiting
        }
        return o->value() ? 0 : o->value().error().status;
    }
    testing::fake_node& node() { return cluster[0]; }
    void recover(std::uint32_t to = 0x2222) { // what a recovery does to the service
        node().map.generation = generation{to};
        node().commits.recovery_ended();
    }
};

TEST_F(CommitTest, EveryActiveNodeHasItBeforeTheClientIsTold) {
    const auto said = commit();
    EXPECT_EQ(status(said), 1000);
    cluster.rt.settle();
    EXPECT_EQ(status(said), 0);
    for (std::size_t i = 0; i < 3; ++i) {
        EXPECT_EQ(value(i, "p.tdb", "k"), "v") << i;
    }
    EXPECT_EQ(node().commits.running(), 0U);
}

TEST_F(CommitTest, PersistentQuorumRefusesAMinorityAndOnlyOfPersistentDatabases) {
    std::size_t listed = 5;
    node().commits.need_majority_of([&listed] { return listed; });
    const auto enough = commit(); // three of five
    cluster.rt.settle();
    EXPECT_EQ(status(enough), 0);

    listed = 6;
    EXPECT_EQ(status(commit(buffer("p.tdb", "k", 2, "w"), own_client())), -1);
    EXPECT_EQ(value(0, "p.tdb", "k"), "v");
    attach("r.tdb", protocol::db_flag::replicated);
    const auto replicated = commit(buffer("r.tdb", "k", 1, "v"), own_client());
    cluster.rt.settle();
    EXPECT_EQ(status(replicated), 0);

    listed = 5;
    const auto again = commit(buffer("p.tdb", "k", 2, "w"), own_client());
    cluster.rt.settle();
    EXPECT_EQ(status(again), 0);
}

TEST_F(CommitTest, RefusedDuringRecoveryFromStrangersTwiceAndForUnknownDatabases) {
    asker stranger;
    stranger.node = pnn{1};
    EXPECT_EQ(status(commit(stranger)), -1);
    EXPECT_EQ(status(commit(buffer("unknown.tdb", "k", 1, "v"), own_client())), -1);
    EXPECT_EQ(status(commit(to_bytes("abc"), own_client())), -1);

    commit(own_client(5));
    EXPECT_EQ(status(commit(buffer("v.tdb", "k", 1, "v"), own_client(5))), -1); // same client
    EXPECT_EQ(status(commit(own_client(6))), -1);                               // same database
    cluster.rt.settle();

    node().mode = protocol::recovery_mode::active;
    EXPECT_EQ(status(commit()), -1);
}

TEST_F(CommitTest, AFailureAsksForRecoveryAndTheClientIsToldAtItsEnd) {
    cluster.inject(pnn{2}, controls::update_record::opcode, fault::refuses, 1);
    const auto said = commit();
    cluster.rt.settle();
    EXPECT_EQ(status(said), 1000);
    EXPECT_EQ(node().recoveries_wanted.size(), 1U);
    recover();
    EXPECT_EQ(status(said), 2);
    EXPECT_EQ((*said)->error().text, "trans3 commit ended by recovery");
}

TEST_F(CommitTest, ARecoveryMeanwhileDecides) {
    cluster[1].store("p.tdb").answers_updates = false;
    const auto said = commit();
    cluster.rt.settle();
    node().mode = protocol::recovery_mode::active; // for another reason
    cluster[1].store("p.tdb").answer_update({});
    cluster.rt.settle();
    EXPECT_EQ(status(said), 1000); // the late success counts no more
    recover();
    EXPECT_EQ(status(said), 2);
}

// The others may never have had it, or have dropped it: a node that stood still over the recovery
// answers for the past.
TEST_F(CommitTest, AnAnswerAfterTheRecoveryDoesNotChangeTheOwnFile) {
    cluster[1].store("p.tdb").answers_updates = false;
    const auto said = commit();
    cluster.rt.settle();
    recover();
    EXPECT_EQ(status(said), 2);
    cluster[1].store("p.tdb").answer_update({});
    cluster.rt.settle();
    EXPECT_EQ(value(0, "p.tdb", "k"), std::nullopt);
}

TEST_F(CommitTest, SilenceEndsWithStatusOneAndARecovery) {
    cluster.inject(pnn{2}, controls::update_record::opcode, fault::never_answers, 1);
    const auto said = commit();
    cluster.rt.advance(std::chrono::seconds{59});
    EXPECT_EQ(status(said), 1000);
    cluster.rt.advance(std::chrono::seconds{2});
    EXPECT_EQ(status(said), 1);
    EXPECT_EQ(node().recoveries_wanted.size(), 1U);
}

TEST_F(CommitTest, AClientThatGoesLeavesTheDecisionToRecovery) {
    const auto said = commit(own_client(5));
    node().commits.client_gone(client_id{5});
    EXPECT_EQ(node().recoveries_wanted.size(), 1U);
    EXPECT_EQ(node().commits.running(), 0U);
    cluster.rt.settle();
    EXPECT_EQ(status(said), 1000);
    node().commits.client_gone(client_id{6}); // had none
    EXPECT_EQ(node().recoveries_wanted.size(), 1U);
}

TEST_F(CommitTest, ALateAnswerDoesNotEndTheNextCommit) {
    cluster[1].store("p.tdb").answers_updates = false;
    const auto first = commit();
    cluster.rt.settle();
    recover();
    EXPECT_EQ(status(first), 2);
    cluster.make_normal(generation{0x2222});

    cluster[2].store("p.tdb").answers_updates = false;
    const auto second = commit(buffer("p.tdb", "k", 2, "w"), own_client());
    cluster.rt.settle();
    cluster[1].store("p.tdb").answer_update({}); // of the first
    cluster.rt.settle();
    EXPECT_EQ(status(second), 1000);
    cluster[1].store("p.tdb").answer_update({});
    cluster[2].store("p.tdb").answer_update({});
    cluster.rt.settle();
    EXPECT_EQ(status(second), 0);
}

TEST_F(CommitTest, ACommitThatBeganInTheNewGenerationIsNotEndedByTheEndOfTheRecovery) {
    cluster.make_normal(generation{0x2222}); // normal mode is set, END_RECOVERY is still to come
    const auto said = commit();
    node().commits.recovery_ended();
    EXPECT_EQ(status(said), 1000);
    cluster.rt.settle();
    EXPECT_EQ(status(said), 0);
}

TEST_F(CommitTest, AnswersOfAnOldGenerationDecideNothing) {
    cluster[1].store("p.tdb").answers_updates = false;
    const auto said = commit();
    cluster.rt.settle();
    node().map.generation = generation{0x2222}; // normal again, END_RECOVERY is still to come
    cluster[1].store("p.tdb").answer_update({});
    cluster.rt.settle();
    EXPECT_EQ(status(said), 1000);
    node().commits.recovery_ended();
    EXPECT_EQ(status(said), 2);
}

TEST_F(CommitTest, AmongOursNodesWithoutLmasterGetItToo) {
    node().map.map = {pnn{0}, pnn{1}};
    commit();
    cluster.rt.settle();
    EXPECT_EQ(value(2, "p.tdb", "k"), "v");
}

TEST_F(CommitTest, WithAnUpstreamPeerOnlyTheNodesOfTheVnnMapGetIt) {
    cluster[1].capabilities = protocol::upstream_capabilities;
    node().map.map = {pnn{0}, pnn{1}};
    const auto said = commit();
    cluster.rt.settle();
    EXPECT_EQ(status(said), 0);
    EXPECT_EQ(value(1, "p.tdb", "k"), "v");
    EXPECT_EQ(value(2, "p.tdb", "k"), std::nullopt);
}

TEST_F(CommitTest, WithAnUpstreamPeerAnInactiveNodeOfTheVnnMapIsLeftOut) {
    cluster[1].capabilities = protocol::upstream_capabilities;
    cluster[2].flags = protocol::node_flag::stopped;
    const auto said = commit();
    cluster.rt.settle();
    EXPECT_EQ(status(said), 0);
    EXPECT_EQ(value(2, "p.tdb", "k"), std::nullopt);
}

TEST_F(CommitTest, AmongOursAMemberThatIsCalledInactiveHereIsAskedAllTheSame) {
    cluster[2].flags = protocol::node_flag::stopped; // what node 0 believes
    commit();
    cluster.rt.settle();
    EXPECT_EQ(value(2, "p.tdb", "k"), "v");
}

TEST_F(CommitTest, OnlyMembersOfTheEpochAreAskedWhereTheRecoveryNamedThem) {
    ctdbd::epoch_number number;
    number.generation = node().map.generation;
    number.epoch = 7;
    number.members = {pnn{0}, pnn{1}}; // node 2 is connected here, but not to the leader
    node().hear(ctdbd::epoch_address, ctdbd::encode(number));
    const auto said = commit();
    cluster.rt.settle();
    EXPECT_EQ(status(said), 0);
    EXPECT_EQ(value(1, "p.tdb", "k"), "v");
    EXPECT_EQ(value(2, "p.tdb", "k"), std::nullopt);
}

TEST_F(CommitTest, ALargeOneIsCopiedForEachNodeInATurnOfItsOwn) {
    const std::string large(std::size_t{2} << 20U, 'v');
    const auto said = commit(buffer("p.tdb", "k", 1, large), own_client());
    EXPECT_EQ(value(1, "p.tdb", "k"), std::nullopt); // not at a stretch with its arrival
    cluster.rt.settle();
    EXPECT_EQ(status(said), 0);
    for (std::size_t i = 0; i < 3; ++i) {
        EXPECT_EQ(value(i, "p.tdb", "k"), large) << i;
    }
}

// What is sent after a recovery bears its generation, and the nodes would take it for a new commit.
TEST_F(CommitTest, ALargeOneIsNotSentAfterARecoveryHasDecided) {
    const std::string large(std::size_t{2} << 20U, 'v');
    const auto said = commit(buffer("p.tdb", "k", 1, large), own_client());
    for (std::size_t i = 0; i < 3; ++i) {
        cluster[i].map.generation = generation{0x2222};
    }
    recover();
    cluster.rt.settle();
    EXPECT_EQ(status(said), 2);
    for (std::size_t i = 0; i < 3; ++i) {
        EXPECT_EQ(value(i, "p.tdb", "k"), std::nullopt) << i;
    }
}

TEST_F(CommitTest, TheOwnFileChangesLast) {
    cluster[1].store("p.tdb").answers_updates = false;
    const auto said = commit();
    cluster.rt.settle();
    EXPECT_EQ(value(0, "p.tdb", "k"), std::nullopt);
    cluster[1].store("p.tdb").answer_update(fail(EIO, "planted"));
    cluster.rt.settle();
    EXPECT_EQ(value(0, "p.tdb", "k"), std::nullopt); // the client does not see what was refused
    EXPECT_EQ(value(2, "p.tdb", "k"), "v");          // the recovery decides
}

} // namespace
} // namespace ctdb
