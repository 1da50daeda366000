// UPDATE_RECORD, sequence numbers.
#include "tests/unit/ctdbd/database/database_fixture.hpp"

namespace ctdb {
namespace {

using ctdbd::answer;
using ctdbd::asker;
using std::chrono::milliseconds;
using testing::epoch;
using ::testing::HasSubstr;

class RecordsTest : public testing::database_fixture {
protected:
    using outcome = std::shared_ptr<std::optional<answer<>>>;
    outcome update(const bytes& data, const asker& who) {
        auto said = std::make_shared<std::optional<answer<>>>();
        cluster[0].databases.update_record(data, who, [said](const answer<>& a) { *said = a; });
        return said;
    }
    static asker peer(generation g = epoch) {
        asker who;
        who.node = pnn{1};
        who.generation = g;
        return who;
    }
    static bool refused(const outcome& o) { return o->has_value() && !o->value(); }
    static bool done(const outcome& o) { return o->has_value() && o->value(); }
    void recover_with_generation(generation g) {
        ASSERT_TRUE(db("p.tdb").begin(g.value));
        ASSERT_TRUE(testing::commit_now(db("p.tdb"), g.value));
        db("p.tdb").thaw();
        cluster.rt.settle();
    }
};

TEST_F(RecordsTest, AnUpdateIsStored) {
    const auto said = update(buffer("p.tdb", "k", 1, "v"), peer());
    cluster.rt.settle();
    EXPECT_TRUE(done(said));
    EXPECT_EQ(value(0, "p.tdb", "k"), "v");
}

TEST_F(RecordsTest, AFailedUpdateHasStatusOne) {
    cluster[0].store("p.tdb").put("k", header(9, 0), "newer");
    const auto said = update(buffer("p.tdb", "k", 1, "v"), peer());
    cluster.rt.settle();
    ASSERT_TRUE(refused(said));
    EXPECT_EQ(said->value().error().status, 1);
    EXPECT_EQ(value(0, "p.tdb", "k"), "newer");
}

TEST_F(RecordsTest, UpdatesAreRefusedDuringRecoveryWhenUnhealthyOrMalformed) {
    const bytes good = buffer("p.tdb", "k", 1, "v");
    bytes cut = good;
    cut.pop_back();
    EXPECT_TRUE(refused(update(cut, peer())));
    EXPECT_TRUE(refused(update(to_bytes("abc"), peer())));
    EXPECT_TRUE(refused(update(buffer("unknown.tdb", "k", 1, "v"), peer())));
    cluster[0].files.unhealthy["p.tdb"] = "bad";
    EXPECT_TRUE(refused(update(good, peer())));
    cluster[0].files.unhealthy.clear();
    cluster[0].mode = protocol::recovery_mode::active;
    EXPECT_TRUE(refused(update(good, peer())));
    cluster.rt.settle();
    EXPECT_EQ(value(0, "p.tdb", "k"), std::nullopt);
}

// This daemon's own, too: a commit whose update was on its way while the generation changed. What
// clients send says no generation.
TEST_F(RecordsTest, AnUpdateOfAnotherGenerationIsRefusedUnlessAClientSendsIt) {
    EXPECT_TRUE(refused(update(buffer("p.tdb", "k", 1, "v"), peer(generation{0x999}))));
    asker self;
    self.generation = generation{0x999};
    EXPECT_TRUE(refused(update(buffer("p.tdb", "k", 1, "v"), self)));
    asker client = own_client();
    client.generation = generation{0};
    const auto said = update(buffer("p.tdb", "k", 1, "v"), client);
    cluster.rt.settle();
    EXPECT_TRUE(done(said));
}

TEST_F(RecordsTest, AnUpdateWaitsOutAFreezeOfItsOwnGeneration) {
    freeze("p.tdb");
    const auto said = update(buffer("p.tdb", "k", 1, "v"), peer());
    cluster.rt.settle();
    EXPECT_FALSE(said->has_value());
    db("p.tdb").thaw();
    cluster.rt.settle();
    EXPECT_TRUE(done(said));
    EXPECT_EQ(value(0, "p.tdb", "k"), "v");
}

TEST_F(RecordsTest, AnUpdateThatWaitsForTheThawTooLongIsRefusedWithStatusOne) { // 7.3
    freeze("p.tdb");
    const auto said = update(buffer("p.tdb", "k", 1, "v"), peer());
    cluster.rt.advance(std::chrono::seconds{59});
    EXPECT_FALSE(said->has_value());
    cluster.rt.advance(std::chrono::seconds{2});
    ASSERT_TRUE(refused(said));
    EXPECT_EQ(said->value().error().status, 1);
    db("p.tdb").thaw();
    cluster.rt.settle();
    EXPECT_EQ(value(0, "p.tdb", "k"), std::nullopt);
}

TEST_F(RecordsTest, AParkedUpdateDoesNotReachTheNextGeneration) {
    freeze("p.tdb");
    const auto said = update(buffer("p.tdb", "k", 1, "v"), peer());
    recover_with_generation(generation{0x2222});
    ASSERT_TRUE(refused(said));
    EXPECT_THAT(said->value().error().text, HasSubstr("generation"));
    EXPECT_EQ(value(0, "p.tdb", "k"), std::nullopt);
}

TEST_F(RecordsTest, AnUpdateInTheStoresHandsEndsBeforeTheFreezeIsAskedFor) {
    cluster[0].store("p.tdb").answers_updates = false;
    const auto said = update(buffer("p.tdb", "k", 1, "v"), peer());
    db("p.tdb").freeze(ctdbd::database::records::stay_valid, [](const answer<>&) {});
    cluster.rt.settle();
    EXPECT_FALSE(cluster[0].store("p.tdb").freeze_asked());
    cluster[0].store("p.tdb").answer_update({});
    cluster.rt.settle();
    EXPECT_TRUE(done(said));
    EXPECT_TRUE(db("p.tdb").is_frozen());
}

TEST_F(RecordsTest, ThawBeforeTheUpdateEndedForgetsTheFreeze) {
    cluster[0].store("p.tdb").answers_updates = false;
    update(buffer("p.tdb", "k", 1, "v"), peer());
    db("p.tdb").freeze(ctdbd::database::records::stay_valid, [](const answer<>&) {});
    db("p.tdb").thaw();
    cluster[0].store("p.tdb").answer_update({});
    cluster.rt.settle();
    EXPECT_EQ(db("p.tdb").phase(), ctdbd::database::freeze_phase::none);
}

// ---- sequence number of the database ----

class SeqnumTest : public RecordsTest {
protected:
    using number = std::shared_ptr<std::optional<answer<std::uint64_t>>>;
    number read(const std::string& name = "p.tdb") {
        auto said = std::make_shared<std::optional<answer<std::uint64_t>>>();
        cluster[0].databases.sequence_number(
            protocol::db_id_of(name), [said](const answer<std::uint64_t>& a) { *said = a; }
        );
        cluster.rt.settle();
        return said;
    }
    void put_number(std::string_view raw) {
        cluster[0].store("p.tdb").put(text_of(protocol::sequence_number_key()), header(1, 0), raw);
    }
};

TEST_F(SeqnumTest, ReadsTheNumberOrZero) {
    EXPECT_EQ(**read(), 0U);
    put_number("four");
    EXPECT_EQ(**read(), 0U);
    put_number(text_of(protocol::encode(std::uint64_t{77})));
    EXPECT_EQ(**read(), 77U);
    EXPECT_EQ(cluster[0].store("p.tdb").locks_held, 0);
}

TEST_F(SeqnumTest, NeedsAThawedDatabaseOrATransaction) {
    freeze("p.tdb");
    EXPECT_FALSE(read()->value());
    ASSERT_TRUE(db("p.tdb").begin(7));
    EXPECT_TRUE(read()->value());
}

TEST_F(SeqnumTest, WaitsForABusyChainButNotForEver) {
    auto& store = cluster[0].store("p.tdb");
    store.busy.insert(std::string(text_of(protocol::sequence_number_key())));
    const auto later = read();
    EXPECT_FALSE(later->has_value());
    store.busy.clear();
    cluster.rt.advance(milliseconds{10});
    EXPECT_TRUE(later->has_value() && later->value());

    store.busy.insert(std::string(text_of(protocol::sequence_number_key())));
    const auto never = read();
    cluster.rt.advance(std::chrono::seconds{3});
    ASSERT_TRUE(never->has_value());
    EXPECT_FALSE(never->value());
}

// ---- tdb sequence number ----

class TdbSeqnumTest : public RecordsTest {
protected:
    TdbSeqnumTest() {
        for (const auto& node : cluster.nodes) {
            EXPECT_TRUE(node->databases.enable_seqnum(protocol::db_id_of("v.tdb")));
        }
    }
    std::uint32_t number(std::size_t node) {
        return cluster[node].store("v.tdb").sequence_number();
    }
};

TEST_F(TdbSeqnumTest, AChangeIsAnnouncedOnceWithinTheInterval) {
    cluster[0].store("v.tdb").raise_sequence_number(); // a client writes
    cluster.rt.advance(milliseconds{1001});
    EXPECT_EQ(number(1), 1U);
    EXPECT_EQ(number(2), 1U);
    cluster.rt.advance(std::chrono::seconds{10}); // and does not echo
    EXPECT_EQ(number(0), 1U);
    EXPECT_EQ(number(1), 1U);
}

TEST_F(TdbSeqnumTest, ALocalChangeIsNotSwallowedByAnUpdateInTheSameInterval) {
    asker other;
    other.node = pnn{1};
    cluster[0].store("v.tdb").raise_sequence_number();
    ASSERT_TRUE(cluster[0].databases.update_seqnum(protocol::db_id_of("v.tdb"), other));
    cluster.rt.advance(milliseconds{1001});
    EXPECT_EQ(number(2), 1U);
}

TEST_F(TdbSeqnumTest, UnhealthyDatabasesAndOurOwnBroadcastAreLeftAlone) {
    asker self;
    ASSERT_TRUE(cluster[0].databases.update_seqnum(protocol::db_id_of("v.tdb"), self));
    EXPECT_EQ(number(0), 0U);
    cluster[0].files.unhealthy["p.tdb"] = "bad";
    EXPECT_FALSE(cluster[0].databases.update_seqnum(protocol::db_id_of("p.tdb"), self));
}

} // namespace
} // namespace ctdb
