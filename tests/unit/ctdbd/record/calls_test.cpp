// REQ_CALL of clients and nodes, and the answers (databases.md 2.4, 2.5, 2.8).
#include "tests/unit/ctdbd/record/engine_fixture.hpp"

namespace ctdb::ctdbd {
namespace {

using namespace std::chrono_literals;
using protocol::call_id;
using protocol::record_flag;
using testing::ElementsAre;
using testing::IsEmpty;

using Calls = engine_fixture;

TEST_F(Calls, TheDmasterAnswersItsClientsAtOnceWithoutWriting) { // S2: no second store
    const auto key = key_of(peer);
    have(key, me, 5, "value");
    client_calls(key, 1);
    client_calls(key, 2, smbd, call_id::fetch);
    client_calls(key, 3, smbd, call_id::fetch_with_header);
    client_calls(key, 4, smbd, static_cast<call_id>(77)); // unknown: status 0, nothing (seen)
    EXPECT_THAT(
        said(),
        ElementsAre(
            "client 10 call 1 status 0: 0 head, ''",
            "client 10 call 2 status 0: 0 head, 'value'",
            "client 10 call 3 status 0: 24 head, 'value'",
            "client 10 call 4 status 0: 0 head, ''"
        )
    );
    EXPECT_EQ(header(key)->rsn.value, 5U);
    EXPECT_EQ(engine_->locks_held(), 0U); // I11
}

TEST_F(Calls, AMissingRecordIsMadeByItsLmasterOnly) {
    const auto mine = key_of(me);
    const auto theirs = key_of(peer);
    client_calls(mine, 1);
    client_calls(theirs, 2);
    EXPECT_THAT(
        said(), ElementsAre("client 10 call 1 status 0: 0 head, ''", "call 100 of 1 to 2 hop 0")
    );
    EXPECT_EQ(header(mine)->dmaster, me);
    EXPECT_EQ(header(mine)->rsn.value, 1U);
    EXPECT_TRUE(header(mine)->flags.none());
    EXPECT_EQ(data(theirs), "no record");
    EXPECT_THAT(candidates_, ElementsAre(mine));
}

TEST_F(Calls, APersistentDatabaseMakesMissingRecordsEverywhereAndKeepsRsns) {
    make_engine(true, database_kind::persistent);
    const auto key = key_of(peer);
    client_calls(key, 1);
    EXPECT_EQ(header(key)->dmaster, peer);
    EXPECT_EQ(header(key)->rsn.value, 0U);
}

TEST_F(Calls, AValueTooShortForAHeaderIsAMissingRecord) {
    const auto key = key_of(peer);
    file_->write(view_of(key), view_of("short"));
    client_calls(key, 1);
    EXPECT_THAT(said(), ElementsAre("call 100 of 1 to 2 hop 0"));
}

TEST_F(Calls, ACallForARecordElsewhereGoesToTheDmasterOfTheOwnCopy) {
    const auto key = key_of(peer);
    have(key, third, 5, "old");
    client_calls(key, 1);
    EXPECT_THAT(said(), ElementsAre("call 100 of 1 to 3 hop 0"));
    EXPECT_EQ(engine_->pending_calls(), 1U);
    EXPECT_EQ(routes_.find(reqid{100}), engine_.get());
}

TEST_F(Calls, FetchesOfOneKeyCollapseAndAreAnsweredInArrivalOrder) {
    const auto key = key_of(peer);
    client_calls(key, 1);
    client_calls(key, 2, client_id{11});
    client_calls(key, 3, client_id{12});
    EXPECT_THAT(said(), ElementsAre("call 100 of 1 to 2 hop 0"));
    record_comes(key, 100, 5, "v");
    EXPECT_THAT(
        said(),
        ElementsAre(
            "client 10 call 1 status 0: 0 head, ''",
            "client 11 call 2 status 0: 0 head, ''",
            "client 12 call 3 status 0: 0 head, ''"
        )
    );
    EXPECT_EQ(engine_->parked(), 0U);
    EXPECT_EQ(routes_.find(reqid{100}), nullptr);
}

TEST_F(Calls, WithoutFetchCollapseEveryClientAsksForItself) {
    make_engine(false);
    const auto key = key_of(peer);
    client_calls(key, 1);
    client_calls(key, 2, client_id{11});
    EXPECT_THAT(said(), ElementsAre("call 100 of 1 to 2 hop 0", "call 101 of 1 to 2 hop 0"));
}

TEST_F(Calls, AFetchThatTakesTooLongFreesThoseBehindIt) {
    const auto key = key_of(peer);
    client_calls(key, 1);
    client_calls(key, 2, client_id{11});
    static_cast<void>(said());
    pass(30s);
    EXPECT_THAT(said(), ElementsAre("call 101 of 1 to 2 hop 0"));
    EXPECT_EQ(engine_->pending_calls(), 2U);
}

TEST_F(Calls, ACallWithoutAnswerIsSentAgainToOurselvesUnderANewId) { // I9
    const auto key = key_of(peer);
    client_calls(key, 1);
    static_cast<void>(said());
    pass(60s);
    EXPECT_THAT(said(), ElementsAre("call 101 of 1 to 1 hop 0"));
    deliver_own();
    EXPECT_THAT(said(), ElementsAre("call 101 of 1 to 2 hop 1"));
    EXPECT_EQ(routes_.find(reqid{100}), nullptr);
    EXPECT_EQ(routes_.find(reqid{101}), engine_.get());
}

TEST_F(Calls, ADeadClientsCallIsForgottenAndThoseBehindItGoOn) {
    const auto key = key_of(peer);
    client_calls(key, 1);
    client_calls(key, 2, client_id{11});
    static_cast<void>(said());
    engine_->client_gone(smbd);
    turn();
    EXPECT_THAT(said(), ElementsAre("call 101 of 1 to 2 hop 0"));
    EXPECT_EQ(engine_->pending_calls(), 1U);
    record_comes(key, 100, 5, "v"); // for the dead: stored all the same
    EXPECT_EQ(header(key)->dmaster, me);
    EXPECT_THAT(said(), IsEmpty());
}

TEST_F(Calls, ADeadClientsParkedCallsGoWithIt) {
    const auto key = key_of(me);
    const lock_holder holder(*file_, key);
    client_calls(key, 1);
    client_calls(key, 2, client_id{11});
    EXPECT_EQ(engine_->parked(), 2U);
    engine_->client_gone(smbd);
    EXPECT_EQ(engine_->parked(), 1U);
    engine_->client_gone(client_id{11});
    EXPECT_EQ(engine_->parked(), 0U);
    EXPECT_EQ(engine_->statistics().locks.num_pending, 0U); // the wait is cancelled
}

TEST_F(Calls, WantReadonlyIsDroppedWhereTheDatabaseIsNotReadonly) {
    const auto key = key_of(peer);
    protocol::req_call body;
    body.flags = protocol::call_flag::want_readonly;
    body.call_id = call_id::fetch;
    body.key = view_of(key);
    engine_->client_call(smbd, reqid{1}, body);
    record_comes(key, 100, 5, "v");
    EXPECT_THAT(
        said(), ElementsAre("call 100 of 1 to 2 hop 0", "client 10 call 1 status 0: 0 head, 'v'")
    );
    EXPECT_EQ(header(key)->dmaster, me); // a normal migration
}

TEST_F(Calls, ANodesCallIsRedirectedToTheLmasterAndFromItToTheDmaster) {
    const auto theirs = key_of(peer);
    const auto mine = key_of(me);
    have(mine, third, 5, "v");
    node_calls(theirs, third, 7);
    node_calls(mine, peer, 8, peer, 1);
    EXPECT_THAT(said(), ElementsAre("call 7 of 3 to 2 hop 1", "call 8 of 2 to 3 hop 2"));
}

TEST_F(Calls, ANodeThatAskedHereLastIsAskedFirst) {
    const auto key = key_of(peer);
    const pnn fourth{4};
    have(key, third, 5, "given to node 3");
    node_calls(key, fourth, 7); // on its way to node 3 by way of the lmaster: it comes after it
    client_calls(key, 1);
    EXPECT_THAT(said(), ElementsAre("call 7 of 4 to 2 hop 1", "call 100 of 1 to 4 hop 0"));
    record_comes(key, 100, 9, "v");
    node_calls(key, third, 8);
    static_cast<void>(said());
    client_calls(key, 2); // what was known before is of the past
    EXPECT_THAT(said(), ElementsAre("call 101 of 1 to 3 hop 0"));
}

TEST_F(Calls, ARequestThatCirclesAsksForARecovery) { // 12.1 #1c
    const auto key = key_of(peer);
    node_calls(key, third, 7, peer, 999);
    EXPECT_THAT(said(), ElementsAre("recovery: requests for it circle"));
}

TEST_F(Calls, TheLmasterNoticesARecordThatNobodyOwns) { // 12.1 #1b
    const auto key = key_of(me);
    have(key, third, 5, "v");
    node_calls(key, third, 7);
    node_calls(key, third, 7, third, 2);
    EXPECT_THAT(said(), ElementsAre("call 7 of 3 to 3 hop 1", "recovery: no node owns it"));
}

TEST_F(Calls, RecoveriesAreAskedForOnceASecondAndAfreshInANewGeneration) {
    const auto key = key_of(peer);
    node_calls(key, third, 7, peer, 999);
    node_calls(key, third, 8, peer, 999);
    EXPECT_EQ(said().size(), 1U);
    pass(1s);
    node_calls(key, third, 9, peer, 999);
    EXPECT_EQ(said().size(), 1U);
    engine_->set_generation(invalid_generation);
    engine_->set_generation(current);
    node_calls(key, third, 10, peer, 999);
    EXPECT_EQ(said().size(), 1U);
}

TEST_F(Calls, AnUnreachableDmasterAsksForARecoveryAndTheCallStaysPending) {
    unreachable_ = {peer};
    client_calls(key_of(peer), 1);
    EXPECT_THAT(
        said(), ElementsAre("call 100 of 1 to 2 hop 0", "recovery: its dmaster cannot be reached")
    );
    EXPECT_EQ(engine_->pending_calls(), 1U);
}

TEST_F(Calls, AReplyCallIsPassedToTheClientAndUnknownOnesAreDropped) {
    const auto key = key_of(peer);
    client_calls(key, 1);
    static_cast<void>(said());
    protocol::reply_call reply;
    reply.status = -1;
    reply.data = view_of("data");
    engine_->receive(from(peer, 555), reply);
    engine_->receive(from(peer, 100, generation{699}), reply); // of the past
    EXPECT_EQ(dropped_, 2);
    engine_->receive(from(peer, 100), reply);
    EXPECT_THAT(said(), ElementsAre("client 10 call 1 status -1: 0 head, 'data'"));
    EXPECT_EQ(engine_->pending_calls(), 0U);
}

// samba-client.md 6.2: less than a header ends an smbd of 4.25
TEST_F(Calls, AnAnswerWithoutTheHeaderThatWasAskedForDoesNotReachTheClient) {
    const auto key = key_of(peer);
    client_calls(key, 1, smbd, call_id::fetch_with_header, {});
    static_cast<void>(said());
    protocol::reply_call reply;
    reply.data = view_of("short");
    for (const int status : {0, -1}) {
        reply.status = status;
        engine_->receive(from(peer, 100), reply);
    }
    EXPECT_EQ(dropped_, 2);
    EXPECT_THAT(said(), IsEmpty());
    EXPECT_EQ(engine_->pending_calls(), 1U);
    const bytes whole = protocol::join_header(protocol::record_header{}, view_of("v"));
    reply.status = 0;
    reply.data = whole;
    engine_->receive(from(peer, 100), reply);
    EXPECT_EQ(engine_->pending_calls(), 0U);
    EXPECT_EQ(said().size(), 1U);
}

TEST_F(Calls, UnknownDatabaseElsewhereMeansTryAgainAndInTheEndAnError) { // 12.1 #14
    const auto key = key_of(peer);
    client_calls(key, 1);
    static_cast<void>(said());
    protocol::reply_error reply;
    reply.status = -1;
    reply.message = view_of("Unknown database");
    engine_->receive(from(peer, 100), reply);
    EXPECT_THAT(said(), IsEmpty());
    pass(250ms);
    EXPECT_THAT(said(), ElementsAre("call 101 of 1 to 1 hop 0"));
    for (int i = 0; i < 50 && engine_->pending_calls() > 0; ++i) {
        engine_->receive(from(peer, last_id_), reply);
        pass(250ms);
    }
    EXPECT_EQ(engine_->pending_calls(), 0U);
    EXPECT_EQ(said().back(), "client 10 call 1 refused");
}

TEST_F(Calls, OnceRefusedAndThenOnItsWayACallIsNotGivenUp) { // I9
    const auto key = key_of(peer);
    client_calls(key, 1);
    protocol::reply_error reply;
    reply.status = -1;
    reply.message = view_of("Unknown database");
    engine_->receive(from(peer, 100), reply);
    pass(250ms); // sent again, and now it waits for somebody's lock
    static_cast<void>(said());
    pass(61s);
    EXPECT_THAT(said(), ElementsAre("call 102 of 1 to 1 hop 0"));
    engine_->receive(from(peer, last_id_), reply); // and patience begins anew
    pass(250ms);
    EXPECT_EQ(engine_->pending_calls(), 1U);
}

TEST_F(Calls, AHopcountThatWouldOverflowIsACircle) {
    const auto key = key_of(peer);
    have(key, third, 5, "v");
    node_calls(key, third, 7, third, 0xFFFFFFFF);
    EXPECT_THAT(said(), ElementsAre("recovery: requests for it circle"));
}

TEST_F(Calls, AnUnreadableRecordIsAnErrorToTheAskerAndNothingStaysLocked) {
    const auto key = key_of(me);
    store_.fail_reads(true);
    client_calls(key, 1);
    node_calls(key, peer, 7);
    EXPECT_EQ(said()[0], "client 10 call 1 refused");
    EXPECT_EQ(engine_->locks_held(), 0U);
    EXPECT_EQ(store_.locks_held(), 0U);
}

TEST_F(Calls, AChainThatCannotBeLockedIsAnErrorToTheAsker) {
    store_.fail_locks(true);
    const auto key = key_of(me);
    client_calls(key, 1);
    node_calls(key, peer, 7);
    record_comes(key, 9, 5, "v");
    const auto all = said();
    EXPECT_EQ(all[0], "client 10 call 1 refused");
    EXPECT_THAT(all[1], testing::StartsWith("error 7 to 2: "));
    EXPECT_EQ(all[2], "recovery: record in flight cannot be stored");
}

TEST_F(Calls, ACompletedRevokeIsCleanedUpByTheNextCall) { // 2.4 step 5, 3.1: R+4 -> R+5
    const auto key = key_of(me);
    have(
        key,
        me,
        14,
        "v",
        record_flag::ro_have_delegations | record_flag::ro_revoking_readonly |
            record_flag::ro_revoke_complete
    );
    client_calls(key, 1, smbd, call_id::fetch);
    EXPECT_THAT(said(), ElementsAre("client 10 call 1 status 0: 0 head, 'v'"));
    EXPECT_EQ(header(key)->rsn.value, 15U);
    EXPECT_FALSE(header(key)->flags.has_any(protocol::readonly_mask));
}

TEST_F(Calls, DelegationsOfARecordOfAnotherNodeAskForARecoveryAndTheClientIsAnsweredAfterIt) {
    const auto key = key_of(me);
    have(key, peer, 14, "v", record_flag::ro_have_delegations); // only a dmaster delegates
    client_calls(key, 1);
    EXPECT_EQ(said().size(), 1U);
    EXPECT_EQ(engine_->pending_calls(), 1U);
    freeze();
    have(key, me, 15, "v"); // what the recovery pushes
    thaw();
    deliver_own();
    EXPECT_EQ(said().back(), "client 10 call 1 status 0: 0 head, ''");
}

TEST_F(Calls, HopsAreCountedWhereTheChaseEnds) {
    const auto key = key_of(me);
    have(key, me, 5, "v");
    node_calls(key, peer, 7, third, 5); // three significant bits
    EXPECT_EQ(engine_->statistics().hop_count_buckets[3], 1U);
    engine_->reset_statistics();
    EXPECT_EQ(engine_->statistics().hop_count_buckets[3], 0U);
}

} // namespace
} // namespace ctdb::ctdbd
