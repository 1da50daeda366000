// Copies to read: given, used, ended (databases.md 3).
#include "tests/unit/ctdbd/record/engine_fixture.hpp"

namespace ctdb::ctdbd {
namespace {

using namespace std::chrono_literals;
using protocol::call_flag;
using protocol::call_id;
using protocol::record_flag;
using testing::ElementsAre;
using testing::IsEmpty;

class Readonly : public engine_fixture {
protected:
    Readonly() { engine_->set_readonly(true); }

    void reads(const std::string& key, std::uint32_t id, call_id call = call_id::fetch) {
        client_calls(key, id, smbd, call, call_flag::want_readonly);
    }
    void node_reads(const std::string& key, pnn source, std::uint32_t id) {
        protocol::req_call body;
        body.flags = call_flag::want_readonly;
        body.db_id = db_id{0xdb};
        body.call_id = call_id::fetch_with_header;
        body.key = view_of(key);
        engine_->receive(source, from(source, id), body);
    }
    void copy_comes(std::uint32_t id, std::uint64_t r, pnn dmaster, std::string_view value) {
        protocol::record_header h;
        h.rsn = rsn{r};
        h.dmaster = dmaster;
        h.flags = record_flag::ro_have_readonly | record_flag::migrated_with_data;
        const bytes whole = protocol::join_header(h, view_of(value));
        engine_->receive(from(dmaster, id), protocol::reply_call{0, whole});
    }
    // UPDATE_RECORD from another node; its answer is said.
    void update_comes(
        const std::string& key,
        std::uint64_t r,
        std::string_view value,
        generation g = current,
        protocol::record_flags flags = record_flag::migrated_with_data
    ) {
        protocol::record_header h;
        h.rsn = rsn{r};
        h.dmaster = peer;
        h.flags = flags;
        protocol::record_buffer_writer buffer(db_id{0xdb});
        buffer.append(view_of(key), h, view_of(value));
        const bytes encoded = buffer.take();
        const auto done = [this](update_end how) {
            say("update {}", how == update_end::refused ? "failed" : "done");
        };
        engine_->update(encoded, g, rt_.now() + std::chrono::seconds(60), done);
    }
    void ended(pnn who, bool ok = true) { engine_->update_answered(ticket_, who, ok); }
    [[nodiscard]] std::uint32_t flags(const std::string& key) const {
        return header(key)->flags.value;
    }
};

TEST_F(Readonly, TheFirstReaderRaisesTheRsnByThreeFurtherOnesDoNot) { // 3.1, 3.2
    const auto key = key_of(me);
    have(key, me, 10, "v");
    node_reads(key, peer, 7);
    node_reads(key, third, 8);
    EXPECT_THAT(
        said(),
        ElementsAre(
            "reply_call 7 to 2: rsn 11 flags 2010000 'v'",
            "reply_call 8 to 3: rsn 11 flags 2010000 'v'"
        )
    );
    EXPECT_EQ(header(key)->rsn.value, 13U);
    EXPECT_EQ(flags(key), 0x01010000U);
    EXPECT_EQ(header(key)->dmaster, me);
    EXPECT_EQ(engine_->statistics().ro_delegations, 2U);
}

TEST_F(Readonly, WithoutTheAttributeAReaderGetsTheRecord) {
    engine_->set_readonly(false);
    const auto key = key_of(me);
    have(key, me, 10, "v");
    node_reads(key, peer, 7);
    EXPECT_THAT(said(), ElementsAre("reply_dmaster 7 to 2: rsn 10 'v' flags 10000"));
}

TEST_F(Readonly, AMissingRecordIsMadeAtItsLmasterAndDelegated) {
    const auto key = key_of(me);
    node_reads(key, peer, 7);
    EXPECT_THAT(said(), ElementsAre("reply_call 7 to 2: rsn 2 flags 2010000 ''"));
    EXPECT_EQ(header(key)->rsn.value, 4U);
}

// The copy stays at the reader after its end, with an rsn above that of a record made anew: the
// flag makes vacuuming delete it there as well (I7).
TEST_F(Readonly, AnEmptyRecordThatWasDelegatedIsRememberedAsHavingBeenElsewhere) {
    const auto key = key_of(peer);
    have(key, me, 10, "");
    node_reads(key, third, 7);
    node_calls(key, peer, 8); // revokes, and takes it
    ended(third);
    turn();
    EXPECT_EQ(said().back(), "reply_dmaster 8 to 2: rsn 15 '' flags 10000");
}

TEST_F(Readonly, AWriterWaitsUntilEveryCopyHasEnded) { // 3.4
    const auto key = key_of(me);
    have(key, me, 10, "v");
    node_reads(key, peer, 7);
    node_reads(key, third, 8);
    static_cast<void>(said());
    client_calls(key, 1);
    EXPECT_THAT(
        said(),
        ElementsAre("update to 2: rsn 12 flags 10000 'v'", "update to 3: rsn 12 flags 10000 'v'")
    );
    EXPECT_EQ(flags(key), 0x05010000U);
    EXPECT_EQ(header(key)->rsn.value, 13U);
    ended(peer);
    turn();
    EXPECT_THAT(said(), IsEmpty());
    ended(third);
    turn();
    EXPECT_THAT(said(), ElementsAre("client 10 call 1 status 0: 0 head, ''"));
    EXPECT_EQ(header(key)->rsn.value, 15U);
    EXPECT_EQ(flags(key), 0x00010000U);
    EXPECT_EQ(engine_->statistics().ro_revokes, 1U);
    EXPECT_EQ(engine_->parked(), 0U);
}

TEST_F(Readonly, WritersComeFirstAfterARevokeOtherNodesReadersALittleLater) {
    const auto key = key_of(me);
    have(key, me, 10, "v");
    node_reads(key, peer, 7);
    client_calls(key, 1);
    node_reads(key, third, 8);
    static_cast<void>(said());
    ended(peer);
    node_reads(key, peer, 9);
    turn();
    EXPECT_THAT(said(), ElementsAre("client 10 call 1 status 0: 0 head, ''"));
    pass(4999us);
    EXPECT_THAT(said(), IsEmpty());
    pass(1us);
    EXPECT_THAT(
        said(),
        ElementsAre(
            "reply_call 8 to 3: rsn 16 flags 2010000 'v'",
            "reply_call 9 to 2: rsn 16 flags 2010000 'v'"
        )
    );
}

TEST_F(Readonly, WritersHaveTenTimesWhatARevokeTakesButOneSecondAtMost) {
    for (const auto& [takes, turn_of_writers] :
         {std::pair{20ms, 200ms}, std::pair{3000ms, 1000ms}}) {
        const auto key = key_of(me, std::to_string(takes.count()) + " ms ");
        have(key, me, 10, "v");
        node_reads(key, peer, 7);
        client_calls(key, 1);
        pass(takes);
        ended(peer);
        node_reads(key, peer, 9);
        turn();
        static_cast<void>(said());
        pass(turn_of_writers - 1ms);
        EXPECT_THAT(said(), IsEmpty()) << takes.count();
        pass(1ms);
        EXPECT_THAT(said(), ElementsAre("reply_call 9 to 2: rsn 16 flags 2010000 'v'"));
    }
}

TEST_F(Readonly, ANodeThatWritesGetsTheRecordAfterTheRevoke) {
    const auto key = key_of(me);
    have(key, me, 10, "v");
    node_reads(key, peer, 7);
    node_calls(key, third, 8);
    static_cast<void>(said());
    ended(peer);
    turn();
    EXPECT_THAT(said(), ElementsAre("reply_dmaster 8 to 3: rsn 15 'v' flags 10000"));
}

TEST_F(Readonly, ACopyThatCannotBeEndedKeepsTheWriterWaitingUntilItCan) {
    const auto key = key_of(me);
    have(key, me, 10, "v");
    node_reads(key, peer, 7);
    client_calls(key, 1);
    ended(peer, false);
    turn();
    static_cast<void>(said());
    EXPECT_EQ(flags(key), 0x01010000U); // delegations remain, REVOKING is gone
    client_calls(key, 2);
    EXPECT_THAT(said(), IsEmpty());
    pass(1s);
    EXPECT_THAT(said(), ElementsAre("update to 2: rsn 12 flags 10000 'v'"));
    ended(peer);
    turn();
    EXPECT_THAT(
        said(),
        ElementsAre(
            "client 10 call 1 status 0: 0 head, ''", "client 10 call 2 status 0: 0 head, ''"
        )
    );
}

TEST_F(Readonly, AReaderThatIsGoneIsAskedAgainUntilARecoveryEndsItsCopy) { // node loss
    const auto key = key_of(me);
    have(key, me, 10, "v");
    node_reads(key, peer, 7);
    unreachable_.insert(peer);
    client_calls(key, 1);
    turn();
    pass(1s);
    EXPECT_THAT(
        said(),
        ElementsAre(
            "reply_call 7 to 2: rsn 11 flags 2010000 'v'",
            "update to 2: rsn 12 flags 10000 'v'",
            "update to 2: rsn 12 flags 10000 'v'"
        )
    );
    freeze();
    auto next = map_;
    next.generation = generation{701};
    engine_->set_vnn_map(next);
    engine_->set_generation(generation{701});
    have(key, me, 14, "v"); // what the recovery pushes: no read-only flag
    thaw();
    turn();
    EXPECT_THAT(said(), ElementsAre("client 10 call 1 status 0: 0 head, ''"));
    ended(peer); // of a revoke that is no more
    turn();
    EXPECT_THAT(said(), IsEmpty());
    EXPECT_EQ(header(key)->rsn.value, 14U);
}

TEST_F(Readonly, ARevokeWhoseEndGotLostIsStartedAgain) { // 12.1 #6
    const auto key = key_of(me);
    const auto half = record_flag::ro_have_delegations | record_flag::ro_revoking_readonly;
    have(key, me, 13, "v", half);
    client_calls(key, 1); // nobody is known to have a copy: at once
    EXPECT_THAT(said(), ElementsAre("client 10 call 1 status 0: 0 head, ''"));
    EXPECT_EQ(header(key)->rsn.value, 15U);
    EXPECT_EQ(flags(key), 0U);
}

TEST_F(Readonly, ARevokeThatEndsOverAnotherRecordIsAbandoned) {
    const auto key = key_of(me);
    have(key, me, 10, "v");
    node_reads(key, peer, 7);
    client_calls(key, 1);
    static_cast<void>(said());
    have(key, me, 20, "newer");
    ended(peer);
    turn();
    EXPECT_THAT(said(), ElementsAre("client 10 call 1 status 0: 0 head, ''"));
    EXPECT_EQ(header(key)->rsn.value, 20U);
}

// ---- the reader's side ----

TEST_F(Readonly, AClientThatReadsMakesItsNodeAskForACopy) { // 2.4 step 8
    const auto key = key_of(peer);
    reads(key, 1);
    EXPECT_THAT(said(), ElementsAre("call 100 of 1 to 2 hop 0"));
    copy_comes(100, 11, peer, "v");
    EXPECT_THAT(said(), ElementsAre("client 10 call 1 status 0: 0 head, 'v'"));
    EXPECT_EQ(header(key)->rsn.value, 11U);
    EXPECT_EQ(header(key)->dmaster, peer);
    EXPECT_EQ(flags(key), 0x02010000U);
    reads(key, 2, call_id::fetch_with_header); // the copy is here now
    EXPECT_THAT(said(), ElementsAre("client 10 call 2 status 0: 24 head, 'v'"));
    client_calls(key, 3); // a writer cannot use it
    EXPECT_THAT(said(), ElementsAre("call 101 of 1 to 2 hop 0"));
}

TEST_F(Readonly, AnOldCopyAnswersButIsNotKept) { // 3.3
    const auto key = key_of(peer);
    have(key, third, 12, "newer");
    reads(key, 1);
    static_cast<void>(said());
    copy_comes(100, 12, peer, "v");
    EXPECT_THAT(said(), ElementsAre("client 10 call 1 status 0: 0 head, 'v'"));
    EXPECT_EQ(data(key), "newer");
    EXPECT_EQ(flags(key), 0U);
}

TEST_F(Readonly, AnAnswerWithoutTheHeaderIsAskedForAgain) {
    const auto key = key_of(peer);
    reads(key, 1);
    static_cast<void>(said());
    engine_->receive(from(peer, 100), protocol::reply_call{0, view_of("short")});
    EXPECT_EQ(dropped_, 1);
    pass(300ms);
    EXPECT_THAT(said(), ElementsAre("call 101 of 1 to 1 hop 0"));
    deliver_own();
    EXPECT_THAT(said(), ElementsAre("call 101 of 1 to 2 hop 1"));
}

TEST_F(Readonly, AnUpdateEndsTheCopy) {
    const auto key = key_of(peer);
    have(key, peer, 11, "v", record_flag::ro_have_readonly);
    update_comes(key, 12, "v");
    EXPECT_THAT(said(), ElementsAre("update done"));
    EXPECT_EQ(header(key)->rsn.value, 12U);
    EXPECT_EQ(flags(key), 0x00010000U);
    reads(key, 1);
    EXPECT_THAT(said(), ElementsAre("call 100 of 1 to 2 hop 0"));
}

TEST_F(Readonly, AnUpdateBringsNoReadonlyFlags) { // they say what this node has and knows
    const auto key = key_of(peer);
    have(key, peer, 11, "v", record_flag::ro_have_readonly);
    update_comes(key, 12, "v", current, protocol::readonly_mask | record_flag::migrated_with_data);
    EXPECT_THAT(said(), ElementsAre("update done"));
    EXPECT_EQ(flags(key), 0x00010000U);
}

TEST_F(Readonly, AnUpdateOfARecordThatIsNotHereChangesNothing) { // 7.3
    const auto key = key_of(peer);
    update_comes(key, 12, "v");
    EXPECT_THAT(said(), ElementsAre("update done"));
    EXPECT_EQ(data(key), "no record");
}

TEST_F(Readonly, AnUpdateDoesNotReplaceWhatIsNewer) { // 7.3, I3
    const auto key = key_of(peer);
    have(key, peer, 20, "newer");
    update_comes(key, 12, "v");
    update_comes(key, 12, "newer");
    EXPECT_THAT(said(), ElementsAre("update failed", "update done"));
    EXPECT_EQ(header(key)->rsn.value, 20U);
}

TEST_F(Readonly, ACopyBehindABusyChainDoesNotOutliveItsEnd) { // I8
    const auto key = key_of(peer);
    reads(key, 1);
    {
        const lock_holder holder(*file_, key);
        copy_comes(100, 11, peer, "v");
        update_comes(key, 12, "v");
        static_cast<void>(said());
    }
    turn();
    EXPECT_THAT(said(), ElementsAre("client 10 call 1 status 0: 0 head, 'v'", "update done"));
    EXPECT_FALSE(header(key)->flags.has(record_flag::ro_have_readonly));
}

TEST_F(Readonly, AnUpdateBehindAClientsLockIsRefusedInTimeAndNotAppliedLater) { // 7.3
    const auto key = key_of(peer);
    have(key, peer, 11, "v", record_flag::ro_have_readonly);
    {
        const lock_holder holder(*file_, key);
        update_comes(key, 12, "v");
        pass(std::chrono::seconds(59));
        EXPECT_THAT(said(), IsEmpty());
        pass(std::chrono::seconds(2));
        EXPECT_THAT(said(), ElementsAre("update failed"));
    }
    turn();
    EXPECT_THAT(said(), IsEmpty());
    EXPECT_EQ(header(key)->rsn.value, 11U);
}

TEST_F(Readonly, AnUpdateOfAnotherGenerationIsRefused) { // I12, 12.1 #3
    const auto key = key_of(peer);
    have(key, peer, 11, "v", record_flag::ro_have_readonly);
    update_comes(key, 12, "v", generation{699});
    freeze();
    update_comes(key, 12, "v");
    engine_->set_generation(generation{701});
    EXPECT_THAT(said(), ElementsAre("update failed", "update failed"));
    EXPECT_EQ(header(key)->rsn.value, 11U);
}

TEST_F(Readonly, NothingIsLockedOrWaitingWhenAllIsDone) { // I11
    const auto key = key_of(me);
    have(key, me, 10, "v");
    node_reads(key, peer, 7);
    client_calls(key, 1);
    EXPECT_EQ(engine_->locks_held(), 0U);
    EXPECT_EQ(store_.locks_held(), 0U);
    engine_->client_gone(smbd);
    ended(peer);
    turn();
    EXPECT_EQ(engine_->parked(), 0U);
    EXPECT_EQ(store_.locks_held(), 0U);
}

TEST_F(Readonly, AStoreThatFailsDelegatesNothing) {
    const auto key = key_of(me);
    have(key, me, 10, "v");
    store_.fail_writes(true);
    node_reads(key, peer, 7);
    EXPECT_THAT(said(), ElementsAre("recovery: cannot be stored"));
    store_.fail_writes(false);
    EXPECT_EQ(engine_->statistics().ro_delegations, 0U);
    client_calls(key, 1);
    EXPECT_THAT(said(), ElementsAre("client 10 call 1 status 0: 0 head, ''"));
}

// ---- sticky records (2.10) ----

using Sticky = engine_fixture;

TEST_F(Sticky, ARecordChasedTooLongStaysForTheClientsHereOnceItComes) {
    engine_->set_sticky(true);
    const auto key = key_of(peer);
    have(key, me, 5, "v");
    node_calls(key, third, 7, third, 50);
    EXPECT_EQ(header(key)->dmaster, third);
    client_calls(key, 1);
    record_comes(key, 100, 8, "v");
    static_cast<void>(said());
    node_calls(key, third, 8);
    client_calls(key, 2); // not held
    EXPECT_THAT(said(), ElementsAre("client 10 call 2 status 0: 0 head, ''"));
    pass(199ms);
    EXPECT_EQ(header(key)->dmaster, me);
    pass(1ms);
    EXPECT_THAT(said(), ElementsAre("req_dmaster 8 to 2: 3 gets rsn 9 'v' flags 10000"));
}

TEST_F(Sticky, FewerHopsOrADatabaseThatIsNotStickyPinNothing) {
    const auto key = key_of(peer);
    have(key, me, 5, "v");
    node_calls(key, third, 7, third, 60); // not STICKY
    engine_->set_sticky(true);
    record_comes(key, 9, 8, "v");
    node_calls(key, third, 8, third, 49);
    EXPECT_EQ(header(key)->dmaster, third);
    record_comes(key, 9, 12, "v");
    node_calls(key, third, 8);
    EXPECT_EQ(header(key)->dmaster, third);
}

TEST_F(Sticky, ItWearsOff) {
    engine_->set_sticky(true);
    const auto key = key_of(peer);
    have(key, me, 5, "v");
    node_calls(key, third, 7, third, 50);
    pass(601s);
    record_comes(key, 9, 8, "v");
    node_calls(key, third, 8);
    EXPECT_EQ(header(key)->dmaster, third);
}

} // namespace
} // namespace ctdb::ctdbd
