// What waits, for what, in which order and until when (databases.md 2.9, 2.11, 4.3, 5).
#include "tests/unit/ctdbd/record/engine_fixture.hpp"

namespace ctdb::ctdbd {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

using Waiting = engine_fixture;

TEST_F(Waiting, ABusyChainIsWaitedForOnceHoweverManyAsk) { // 4.3 item 3
    const auto key = key_of(me);
    have(key, me, 5, "v");
    {
        const lock_holder holder(*file_, key);
        client_calls(key, 1);
        client_calls(key, 2);
        node_calls(key, peer, 7);
        EXPECT_THAT(said(), IsEmpty());
        EXPECT_EQ(engine_->statistics().locks.num_calls, 1U);
        EXPECT_EQ(engine_->statistics().locks.num_current, 1U);
    }
    turn();
    EXPECT_THAT(
        said(),
        ElementsAre(
            "client 10 call 1 status 0: 0 head, ''",
            "client 10 call 2 status 0: 0 head, ''",
            "reply_dmaster 7 to 2: rsn 5 'v' flags 10000"
        )
    );
    EXPECT_EQ(engine_->statistics().locks.num_current, 0U);
    EXPECT_EQ(engine_->statistics().locks.latency.num, 1);
}

TEST_F(Waiting, AFreezeIsALockCallAsAnyOther) { // 4.3 item 5
    const auto locks = [this] { return engine_->statistics().locks; };
    engine_->freeze_asked();
    EXPECT_EQ(locks().num_calls, 1U);
    EXPECT_EQ(locks().num_current, 1U);
    pass(3s);
    engine_->frozen();
    EXPECT_EQ(locks().num_current, 0U);
    EXPECT_EQ(locks().latency.max, 3);
    EXPECT_EQ(locks().buckets[5], 1U); // below 4 s
    engine_->thawed();
    EXPECT_EQ(locks().num_failed, 0U);
    engine_->freeze_asked();
    engine_->thawed(); // before it came
    engine_->freeze_asked();
    engine_->freeze_failed();
    engine_->freeze_asked();
    engine_->detached();
    EXPECT_EQ(locks().num_calls, 4U);
    EXPECT_EQ(locks().num_current, 0U);
    EXPECT_EQ(locks().num_failed, 3U);
    EXPECT_EQ(locks().latency.num, 1);
}

TEST_F(Waiting, ALateComerDoesNotOvertakeThoseWhoWait) { // I8
    const auto key = key_of(me);
    have(key, me, 5, "v");
    auto holder = std::make_unique<lock_holder>(*file_, key);
    client_calls(key, 1);
    holder.reset(); // free, but the agent has not told yet
    client_calls(key, 2);
    EXPECT_THAT(said(), IsEmpty());
    turn();
    EXPECT_THAT(
        said(),
        ElementsAre(
            "client 10 call 1 status 0: 0 head, ''", "client 10 call 2 status 0: 0 head, ''"
        )
    );
}

TEST_F(Waiting, CallsWaitBehindTheRecordThatIsComing) { // the dmaster-pending queue of 2.9
    const auto key = key_of(me);
    have(key, peer, 4, "old");
    {
        const lock_holder holder(*file_, key);
        given_away(key, peer, 7, third, 5, "new");
        node_calls(key, peer, 8);
        EXPECT_THAT(said(), IsEmpty()); // nothing bounces
    }
    turn();
    EXPECT_THAT(
        said(), ElementsAre("reply_dmaster 7 to 3: rsn 5 'new' flags 0", "call 8 of 2 to 3 hop 1")
    );
}

TEST_F(Waiting, TheLockIsFreeOnceBetweenAClientsRecordAndTheNextNode) { // 4.3 item 4
    const auto key = key_of(peer);
    client_calls(key, 1);
    std::unique_ptr<lock_holder> client;
    {
        const lock_holder holder(*file_, key);
        record_comes(key, 100, 5, "v");
        node_calls(key, third, 7);
        static_cast<void>(said());
    }
    while (said_.empty()) { // up to the answer to the client
        ASSERT_TRUE(world_.step(world_.now()));
    }
    client = std::make_unique<lock_holder>(*file_, key); // it is quick
    turn();
    EXPECT_THAT(said(), ElementsAre("client 10 call 1 status 0: 0 head, ''"));
    client.reset();
    turn();
    EXPECT_THAT(said(), ElementsAre("req_dmaster 7 to 2: 3 gets rsn 6 'v' flags 10000"));
}

TEST_F(Waiting, ACallForTheEmptyKeyIsServedBehindABusyChainAsAnyOther) {
    const std::string key;
    have(key, me, 5, "v");
    {
        const lock_holder holder(*file_, key);
        node_calls(key, peer, 7);
    }
    for (int steps = 0; steps < 1000 && world_.step(world_.now()); ++steps) { // not for ever
    }
    EXPECT_THAT(said(), ElementsAre(testing::StartsWith("re"))); // handed over
    EXPECT_EQ(engine_->parked(), 0U);
}

TEST_F(Waiting, AClientThatKeepsLosingTheRaceGetsAMomentWithItsRecord) { // S8
    const auto key = key_of(peer);
    std::uint32_t id = 100;
    for (std::uint32_t round = 1; round <= 5; ++round, ++id) {
        client_calls(key, round);
        record_comes(key, id, 5 + round, "v");
        node_calls(key, third, 7);
        if (round == 1) {
            EXPECT_EQ(header(key)->dmaster, third); // no evidence yet: gone at once
        } else {
            EXPECT_EQ(header(key)->dmaster, me);
            pass(1ms);
            EXPECT_EQ(header(key)->dmaster, third);
        }
    }
}

TEST_F(Waiting, ARingWhoseClientsGetTheirTurnHandsOverAtOnceHoweverQuickItIs) { // S8
    const auto key = key_of(peer);
    std::uint32_t id = 100;
    for (std::uint32_t round = 1; round <= 50; ++round, ++id) {
        client_calls(key, round);
        record_comes(key, id, 5 + 2 * round, "v");
        have(key, me, 6 + 2 * round, "written " + std::to_string(round)); // the client, in no time
        node_calls(key, third, 7);
        ASSERT_EQ(header(key)->dmaster, third) << "round " << round;
    }
}

TEST_F(Waiting, ClientsThatAreToldTogetherHaveTheRecordWhileTheyUseIt) { // S8
    const auto key = key_of(peer);
    for (std::uint32_t client = 1; client <= 21; ++client) {
        client_calls(key, client, client_id{client});
    }
    record_comes(key, 100, 5, "v");
    node_calls(key, third, 7);
    EXPECT_EQ(said().size(), 1U + 21U);     // its call, and everybody's answer
    for (int part = 1; part <= 8; ++part) { // 20 times 100 us
        ASSERT_EQ(header(key)->dmaster, me) << "part " << part;
        have(key, me, 6, "written " + std::to_string(part)); // one of them
        pass(250us);
    }
    EXPECT_EQ(header(key)->dmaster, third);
    EXPECT_EQ(engine_->parked(), 0U);
}

TEST_F(Waiting, ClientsThatHaveAllHadTheirTurnKeepNobodyWaiting) { // S8
    const auto key = key_of(peer);
    for (std::uint32_t client = 1; client <= 100; ++client) {
        client_calls(key, client, client_id{client});
    }
    record_comes(key, 100, 5, "v");
    node_calls(key, third, 7);
    have(key, me, 6, "the last word");
    pass(1250us);
    EXPECT_EQ(header(key)->dmaster, me);
    pass(1250us);
    EXPECT_EQ(header(key)->dmaster, third);
}

TEST_F(Waiting, AClientWithTheLockUsesTheRecord) { // S8
    const auto key = key_of(peer);
    for (std::uint32_t client = 1; client <= 11; ++client) {
        client_calls(key, client, client_id{client});
    }
    record_comes(key, 100, 5, "v");
    node_calls(key, third, 7);
    {
        const lock_holder somebody(*file_, key);
        pass(999us);
    }
    EXPECT_EQ(header(key)->dmaster, me);
    pass(1us);
    EXPECT_EQ(header(key)->dmaster, third);
}

TEST_F(Waiting, ClientsThatOnlyAskForTheValueNeedNoTurn) { // S8
    const auto key = key_of(peer);
    for (std::uint32_t client = 1; client <= 11; ++client) {
        client_calls(key, client, client_id{client}, protocol::call_id::fetch, {});
    }
    record_comes(key, 100, 5, "v");
    node_calls(key, third, 7);
    EXPECT_EQ(header(key)->dmaster, third);
}

TEST_F(Waiting, ARecoveryEndsTheStayOfARecord) { // S8
    const auto key = key_of(peer);
    for (std::uint32_t client = 1; client <= 100; ++client) {
        client_calls(key, client, client_id{client});
    }
    record_comes(key, 100, 5, "v");
    freeze();
    engine_->content_replaced();
    thaw();
    node_calls(key, third, 7);
    turn();
    EXPECT_EQ(header(key)->dmaster, third);
}

TEST_F(Waiting, AFrozenDatabaseKeepsEverythingUntilTheThaw) {
    const auto key = key_of(me);
    have(key, me, 5, "v");
    freeze();
    client_calls(key, 1);
    node_calls(key, peer, 7);
    turn();
    EXPECT_THAT(said(), IsEmpty());
    EXPECT_EQ(engine_->parked(), 2U);
    EXPECT_EQ(engine_->statistics().locks.num_calls, 0U); // no agent is kept busy
    thaw();
    turn();
    EXPECT_THAT(
        said(),
        ElementsAre(
            "client 10 call 1 status 0: 0 head, ''", "reply_dmaster 7 to 2: rsn 5 'v' flags 10000"
        )
    );
}

TEST_F(Waiting, PacketsOfAnEarlierGenerationDieWithItClientsCallsDoNot) { // I12
    const auto key = key_of(me);
    freeze();
    client_calls(key, 1);
    node_calls(key, peer, 7);
    record_comes(key, 9, 50, "of the past");
    auto next = map_;
    next.generation = generation{701};
    engine_->set_vnn_map(next);
    engine_->set_generation(generation{701});
    EXPECT_EQ(engine_->parked(), 1U);
    EXPECT_EQ(dropped_, 2);
    thaw();
    turn();
    EXPECT_THAT(said(), ElementsAre("client 10 call 1 status 0: 0 head, ''"));
    EXPECT_EQ(data(key), "");
    record_comes(key, 9, 50, "late"); // a packet that the node's filter would have dropped
    EXPECT_EQ(data(key), "");
}

TEST_F(Waiting, CallsUnderWayAreSentAgainAfterAThawInTheOrderOfTheClients) { // 2.9
    const auto key = key_of(peer);
    const auto other = key_of(third, "other");
    client_calls(key, 1);
    client_calls(other, 2, client_id{11});
    client_calls(key, 3, client_id{12}); // collapsed: not sent, not sent again
    static_cast<void>(said());
    freeze();
    auto next = map_;
    next.generation = generation{701};
    engine_->set_vnn_map(next);
    engine_->set_generation(generation{701});
    have(key, me, 9, "recovered");
    thaw();
    EXPECT_THAT(
        said(),
        ElementsAre(
            "call 102 of 1 to 1 hop 0 generation 701", "call 103 of 1 to 1 hop 0 generation 701"
        )
    );
    deliver_own();
    turn();
    EXPECT_THAT(
        said(),
        ElementsAre(
            "client 10 call 1 status 0: 0 head, ''",
            "client 12 call 3 status 0: 0 head, ''",
            "call 103 of 1 to 3 hop 1 generation 701"
        )
    );
}

TEST_F(Waiting, AnInactiveNodeServesNobody) { // 2.11
    const auto key = key_of(me);
    have(key, me, 5, "v");
    engine_->set_generation(invalid_generation);
    client_calls(key, 1);
    EXPECT_FALSE(engine_->serving());
    EXPECT_THAT(said(), IsEmpty());
    engine_->set_generation(current);
    turn();
    EXPECT_THAT(said(), ElementsAre("client 10 call 1 status 0: 0 head, ''"));
}

TEST_F(Waiting, ANewMapOverAnOldDatabaseMakesNoRecords) {
    // With the next epoch's map this node would be the lmaster of a record that another still owns.
    const auto key = key_of(peer);
    engine_->set_vnn_map({generation{701}, {me}});
    client_calls(key, 1);
    turn();
    EXPECT_EQ(data(key), "no record");
    EXPECT_EQ(engine_->parked(), 1U);
}

TEST_F(Waiting, ACommitHoldsHandoversBackAndEverythingOfTheKeyBehindThem) { // 12.1 #4
    const auto key = key_of(me);
    have(key, me, 5, "v");
    engine_->commit_started();
    client_calls(key, 1); // local: served
    node_calls(key, peer, 7);
    node_calls(key, third, 8);
    client_calls(key, 2);
    EXPECT_THAT(said(), ElementsAre("client 10 call 1 status 0: 0 head, ''"));
    EXPECT_EQ(engine_->locks_held(), 0U); // upstream leaks the lock here
    EXPECT_EQ(store_.locks_held(), 0U);
    const auto other = key_of(peer, "unconcerned");
    client_calls(other, 3);
    EXPECT_EQ(said().size(), 1U);
    engine_->commit_finished();
    turn();
    EXPECT_THAT(
        said(),
        ElementsAre(
            "reply_dmaster 7 to 2: rsn 5 'v' flags 10000",
            "call 8 of 3 to 2 hop 1",
            "call 101 of 1 to 2 hop 0"
        )
    );
}

TEST_F(Waiting, ALockAgentThatDiesIsTriedAgain) {
    const auto key = key_of(me);
    auto holder = std::make_unique<lock_holder>(*file_, key);
    client_calls(key, 1);
    store_.fail_locks(true);
    holder.reset();
    turn();
    EXPECT_THAT(said(), IsEmpty());
    EXPECT_EQ(engine_->statistics().locks.num_failed, 1U);
    store_.fail_locks(false);
    pass(100ms);
    EXPECT_THAT(said(), ElementsAre("client 10 call 1 status 0: 0 head, ''"));
}

TEST_F(Waiting, AgentsThatKeepDyingEndInAnError) {
    const auto key = key_of(me);
    auto holder = std::make_unique<lock_holder>(*file_, key);
    client_calls(key, 1);
    store_.fail_locks(true);
    holder.reset();
    pass(2s);
    EXPECT_THAT(said(), ElementsAre("client 10 call 1 refused"));
    EXPECT_EQ(engine_->parked(), 0U);
}

TEST_F(Waiting, AnEngineThatEndsLeavesNoWaitAndNoId) {
    const auto key = key_of(me);
    const lock_holder holder(*file_, key);
    client_calls(key, 1);
    const auto elsewhere = key_of(peer);
    engine_.reset();
    turn();
    EXPECT_EQ(routes_.find(reqid{100}), nullptr);
}

TEST_F(Waiting, AThousandRequestsBehindOneLockAreServedWithoutAWaitEach) { // 12.1 #17
    const auto key = key_of(me);
    have(key, me, 5, "v");
    {
        const lock_holder holder(*file_, key);
        for (std::uint32_t i = 0; i < 1000; ++i) {
            client_calls(key, i);
        }
    }
    turn();
    EXPECT_EQ(said().size(), 1000U);
    EXPECT_LE(engine_->statistics().locks.num_calls, 5U);
}

} // namespace
} // namespace ctdb::ctdbd
