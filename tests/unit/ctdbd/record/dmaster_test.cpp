// The dmaster's role changes hands (databases.md 2.6, 2.7; wire-protocol.md 2.3 "Trouble").
#include "tests/unit/ctdbd/record/engine_fixture.hpp"

namespace ctdb::ctdbd {
namespace {

using protocol::record_flag;
using testing::ElementsAre;
using testing::IsEmpty;

using Dmaster = engine_fixture;

TEST_F(Dmaster, HandsOverThroughTheLmasterWithTheRsnFromBefore) {
    const auto key = key_of(third);
    have(key, me, 5, "v");
    node_calls(key, peer, 7);
    EXPECT_THAT(said(), ElementsAre("req_dmaster 7 to 3: 2 gets rsn 5 'v' flags 10000"));
    EXPECT_EQ(header(key)->dmaster, peer);
    EXPECT_EQ(header(key)->rsn.value, 5U);
    EXPECT_EQ(data(key), "v"); // non-empty copies stay
}

TEST_F(Dmaster, HandsOverDirectlyWhereItIsTheLmaster) {
    const auto key = key_of(me);
    have(key, me, 5, "v");
    node_calls(key, peer, 7);
    EXPECT_THAT(said(), ElementsAre("reply_dmaster 7 to 2: rsn 5 'v' flags 10000"));
    EXPECT_EQ(header(key)->dmaster, peer);
}

TEST_F(Dmaster, AnEmptyRecordLeavesNoCopyAndNoFlagBehind) { // row 8
    const auto key = key_of(third);
    have(key, me, 5, "");
    node_calls(key, peer, 7);
    EXPECT_THAT(said(), ElementsAre("req_dmaster 7 to 3: 2 gets rsn 5 '' flags 0"));
    EXPECT_EQ(data(key), "no record");
}

TEST_F(Dmaster, ARecordThatCannotLeaveStays) {
    const auto key = key_of(third);
    have(key, me, 5, "v");
    unreachable_ = {third};
    node_calls(key, peer, 7);
    EXPECT_EQ(header(key)->dmaster, me);
    EXPECT_EQ(header(key)->rsn.value, 6U);
}

TEST_F(Dmaster, NothingLeavesThatCouldNotBeWrittenHere) { // 12.1 #7
    const auto key = key_of(third);
    have(key, me, 5, "v");
    store_.fail_writes(true);
    node_calls(key, peer, 7);
    EXPECT_THAT(said(), ElementsAre("recovery: cannot be stored"));
    EXPECT_EQ(header(key)->dmaster, me);
}

TEST_F(Dmaster, TheLmasterPassesTheRecordOn) {
    const auto key = key_of(me);
    have(key, peer, 4, "old");
    given_away(key, peer, 7, third, 5, "new");
    EXPECT_THAT(said(), ElementsAre("reply_dmaster 7 to 3: rsn 5 'new' flags 0"));
    EXPECT_EQ(header(key)->dmaster, third);
    EXPECT_EQ(header(key)->rsn.value, 5U);
    EXPECT_EQ(data(key), "new");
}

TEST_F(Dmaster, TheLmasterItselfMayBeTheNewOne) {
    const auto key = key_of(me);
    have(key, peer, 4, "old");
    client_calls(key, 1);
    static_cast<void>(said());
    given_away(key, peer, 100, me, 5, "new");
    EXPECT_THAT(said(), ElementsAre("client 10 call 1 status 0: 0 head, ''"));
    EXPECT_EQ(header(key)->dmaster, me);
    EXPECT_EQ(header(key)->rsn.value, 6U);
}

TEST_F(Dmaster, AnUnreachableNewDmasterLeavesTheRecordWithTheLmaster) {
    const auto key = key_of(me);
    have(key, peer, 4, "old");
    unreachable_ = {pnn{99}};
    given_away(key, peer, 7, pnn{99}, 5, "new");
    EXPECT_EQ(header(key)->dmaster, me);
    EXPECT_EQ(header(key)->rsn.value, 6U);
    EXPECT_EQ(data(key), "new");
}

TEST_F(Dmaster, TheLmasterBelievesAnybodyAboutARecordItHasNeverSeen) {
    const auto key = key_of(me);
    given_away(key, peer, 7, third, 5, "v");
    EXPECT_THAT(said(), ElementsAre("reply_dmaster 7 to 3: rsn 5 'v' flags 0"));
    const auto other = key_of(me, "fresh");
    have(other, me, 0, "");
    given_away(other, peer, 8, third, 5, "v");
    EXPECT_THAT(said(), ElementsAre("reply_dmaster 8 to 3: rsn 5 'v' flags 0"));
}

TEST_F(Dmaster, ANodeThatDoesNotOwnARecordCannotGiveItAway) {
    const auto key = key_of(me);
    have(key, third, 4, "v");
    given_away(key, peer, 7, peer, 5, "stolen");
    EXPECT_THAT(said(), ElementsAre("recovery: given away by a node that does not own it"));
    EXPECT_EQ(header(key)->dmaster, third);
    EXPECT_EQ(data(key), "v");
}

TEST_F(Dmaster, AReqDmasterAtANodeThatIsNotTheLmasterDoesNotAbort) { // 12.1 #7
    const auto key = key_of(peer);
    given_away(key, third, 7, me, 5, "v");
    EXPECT_THAT(said(), ElementsAre("recovery: REQ_DMASTER at a node that is not its lmaster"));
    EXPECT_EQ(data(key), "no record");
}

TEST_F(Dmaster, AnRsnBehindTheLmastersIsLifted) { // I3
    const auto key = key_of(me);
    have(key, peer, 9, "old");
    given_away(key, peer, 7, third, 5, "new");
    EXPECT_THAT(said(), ElementsAre("reply_dmaster 7 to 3: rsn 9 'new' flags 0"));
}

TEST_F(Dmaster, BecomingItStoresTheRecordOneRsnAhead) {
    const auto key = key_of(peer);
    client_calls(key, 1, smbd, protocol::call_id::fetch);
    static_cast<void>(said());
    record_comes(key, 100, 5, "v", record_flag::migrated_with_data);
    EXPECT_THAT(said(), ElementsAre("client 10 call 1 status 0: 0 head, 'v'"));
    EXPECT_EQ(header(key)->dmaster, me);
    EXPECT_EQ(header(key)->rsn.value, 6U);
    EXPECT_EQ(header(key)->flags, record_flag::migrated_with_data);
    EXPECT_EQ(text_of(engine_->statistics().hot_keys[0].key), key);
}

TEST_F(Dmaster, ARecordThatNobodyWaitsForIsStoredAllTheSame) {
    const auto key = key_of(peer);
    record_comes(key, 555, 5, "v");
    EXPECT_EQ(header(key)->dmaster, me);
    EXPECT_EQ(header(key)->rsn.value, 6U);
    EXPECT_THAT(said(), IsEmpty());
}

TEST_F(Dmaster, ARecordUnderTheIdOfAnotherKeyAnswersNobody) {
    const auto asked = key_of(peer);
    const auto came = key_of(peer, "other");
    client_calls(asked, 1);
    static_cast<void>(said());
    record_comes(came, 100, 5, "v");
    EXPECT_EQ(header(came)->dmaster, me);
    EXPECT_THAT(said(), IsEmpty());
    EXPECT_EQ(engine_->pending_calls(), 1U);
}

TEST_F(Dmaster, ASecondCopyOfAReplyDmasterIsNotBelieved) { // I1, I3
    const auto key = key_of(peer);
    record_comes(key, 555, 5, "v");
    node_calls(key, third, 7); // handed on
    static_cast<void>(said());
    record_comes(key, 555, 5, "v");
    EXPECT_EQ(header(key)->dmaster, third);
    EXPECT_THAT(said(), ElementsAre("recovery: came with an rsn of the past"));
}

TEST_F(Dmaster, AVacuumMigrationLetsAnEmptyRecordVanishAtTheLmaster) { // rows 6, 8
    const auto key = key_of(me);
    have(key, peer, 4, "");
    protocol::req_call body;
    body.flags = protocol::call_flag::vacuum_migration;
    body.key = view_of(key);
    engine_->client_call(smbd, reqid{1}, body);
    given_away(key, peer, 100, me, 5, "");
    EXPECT_EQ(data(key), "no record");
}

TEST_F(Dmaster, TransientAndReadOnlyFlagsFromTheWireAreNotStored) { // I24
    const auto key = key_of(peer);
    record_comes(
        key,
        555,
        5,
        "v",
        record_flag::vacuum_migrated | record_flag::automatic | record_flag::ro_have_delegations |
            record_flag::persistent
    );
    EXPECT_EQ(header(key)->flags, record_flag::persistent);
    EXPECT_THAT(said(), ElementsAre("recovery: handed over with delegations"));
}

TEST_F(Dmaster, ARecordThatCannotBeStoredAsksForARecoveryAndKeepsTheClientWaiting) {
    const auto key = key_of(peer);
    client_calls(key, 1);
    store_.fail_writes(true);
    static_cast<void>(said());
    record_comes(key, 100, 5, "v");
    EXPECT_THAT(said(), ElementsAre("recovery: cannot be stored"));
    EXPECT_EQ(engine_->pending_calls(), 1U);
}

} // namespace
} // namespace ctdb::ctdbd
