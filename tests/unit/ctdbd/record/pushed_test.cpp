// PUSH_RECORD (databases.md 10.1): Samba 4.25 gives every node a copy of what it has changed.
#include "tests/unit/ctdbd/record/engine_fixture.hpp"

#include <array>

namespace ctdb::ctdbd {
namespace {

using namespace std::chrono_literals;
using protocol::record_flag;
using testing::ElementsAre;
using testing::IsEmpty;

class Pushed : public engine_fixture {
protected:
    void push(
        const std::string& key, pnn dmaster, std::uint64_t r, std::string_view value, generation g
    ) {
        protocol::pushed_record record;
        record.generation = g;
        record.db_id = db_id{0xdb};
        record.header.rsn = rsn{r};
        record.header.dmaster = dmaster;
        record.header.flags = record_flag::ro_have_delegations;
        record.key = to_bytes(key);
        record.value = to_bytes(value);
        engine_->push(record, rt_.now() + 60s, [this](update_end how) {
            constexpr std::array words{"stored", "not needed", "refused"};
            say("push {}", words.at(static_cast<std::size_t>(how)));
        });
    }
    void push(const std::string& key, std::uint64_t r, std::string_view value) {
        push(key, peer, r, value, current);
    }
};

TEST_F(Pushed, BecomesACopyThatHasCrossedNodesWithData) {
    const auto key = key_of(third);
    push(key, 4, "value");
    EXPECT_THAT(said(), ElementsAre("push stored"));
    EXPECT_EQ(data(key), "value");
    EXPECT_EQ(header(key)->rsn, rsn{4});
    EXPECT_EQ(header(key)->dmaster, peer);
    EXPECT_EQ(header(key)->flags, record_flag::migrated_with_data);
}

TEST_F(Pushed, NeverReplacesANewerCopyNorOurOwnRecord) { // 12.1 #25
    const auto key = key_of(third);
    have(key, peer, 5, "newer");
    push(key, 4, "value");
    EXPECT_EQ(data(key), "newer");
    have(key, me, 2, "ours");
    push(key, 4, "value");
    EXPECT_EQ(data(key), "ours");
    EXPECT_THAT(said(), ElementsAre("push not needed", "push not needed"));
}

TEST_F(Pushed, WaitsForTheChainInTheLineOfItsKey) { // I8, 12.1 #25
    const auto key = key_of(third);
    have(key, peer, 3, "old");
    {
        const lock_holder holder(*file_, key);
        push(key, 4, "one");
        push(key, 4, "two");
        record_comes(key, 100, 5, "three"); // the dmaster's role itself
        push(key, 5, "four");
        EXPECT_THAT(said(), IsEmpty());
        EXPECT_EQ(engine_->parked(), 4U);
    }
    turn(); // at once when the lock is free, no timer
    EXPECT_THAT(said(), ElementsAre("push stored", "push stored", "push not needed"));
    EXPECT_EQ(data(key), "three");
    EXPECT_EQ(header(key)->dmaster, me);
    EXPECT_EQ(engine_->locks_held(), 0U);
}

TEST_F(Pushed, ThatWaitedAcrossARecoveryIsForgotten) { // I12
    const auto key = key_of(third);
    freeze();
    push(key, 4, "value");
    engine_->set_generation(generation{701});
    EXPECT_THAT(said(), ElementsAre("push not needed"));
    EXPECT_EQ(data(key), "no record");
}

TEST_F(Pushed, BehindAClientsLockIsGivenUpInTime) {
    const auto key = key_of(third);
    {
        const lock_holder holder(*file_, key);
        push(key, 4, "value");
        pass(61s);
        EXPECT_THAT(said(), ElementsAre("push refused"));
    }
    turn();
    EXPECT_EQ(data(key), "no record");
}

TEST_F(Pushed, ThatNamesUsAsDmasterIsIgnored) {
    const auto key = key_of(third);
    push(key, third, 4, "value", current);
    push(key, me, 9, "value", current);
    EXPECT_THAT(said(), ElementsAre("push stored", "push not needed"));
    EXPECT_EQ(header(key)->dmaster, third);
}

} // namespace
} // namespace ctdb::ctdbd
