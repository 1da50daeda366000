// Vacuuming on three nodes made of the real database classes: databases.md 8.2 and what upstream's
// tests pin down (8.3). Bringing a record to its lmaster is the record engine's work: here the test
// does it. The engine itself takes part in tests/simulation/cluster.
#include "tests/unit/ctdbd/database/database_fixture.hpp"

namespace ctdb::testing {
namespace {

using ctdbd::answer;
using protocol::record_flag;
using protocol::tunable_id;
namespace controls = protocol::controls;

class Vacuum : public database_fixture {
protected:
    // A name whose lmaster is that node.
    static std::string key_of(std::uint32_t lmaster, int which = 0) {
        const protocol::vnn_map map{epoch, {pnn{0}, pnn{1}, pnn{2}}};
        for (int i = 0;; ++i) {
            const std::string name = fmt::format("key{}", i);
            if (protocol::lmaster_of(map, view_of(name)) == pnn{lmaster} && which-- == 0) {
                return name;
            }
        }
    }
    static protocol::record_header migrated(std::uint64_t number, std::uint32_t dmaster) {
        auto h = header(number, dmaster);
        h.flags = record_flag::migrated_with_data;
        return h;
    }
    // The dmaster has emptied it, the others hold an older value.
    void deleted_at(std::uint32_t dmaster, const std::string& key) {
        for (std::uint32_t i = 0; i < 3; ++i) {
            store(i).put(key, migrated(i == dmaster ? 5 : 4, dmaster), i == dmaster ? "" : "old");
        }
    }
    void schedule(std::uint32_t node, const std::string& key, std::uint64_t number = 5) {
        ctdbd::asker who = own_client();
        who.node = pnn{node};
        const protocol::key_data what{
            protocol::db_id_of("v.tdb"), migrated(number, node), to_bytes(key)};
        EXPECT_TRUE(cluster[node].vacuum.schedule(what, who));
    }
    // At node 0, its lmaster.
    std::string deleted_key() {
        std::string key = key_of(0);
        deleted_at(0, key);
        return key;
    }
    std::string scheduled_key() {
        std::string key = deleted_key();
        schedule(0, key);
        return key;
    }
    fake_store& store(std::uint32_t node) { return cluster[node].store("v.tdb"); }
    bool has(std::uint32_t node, const std::string& key) {
        return store(node).get(key).has_value();
    }
    // DB_VACUUM; nothing: not answered yet.
    std::shared_ptr<std::optional<answer<>>>
    start(std::uint32_t node, bool full = false, const std::string& name = "v.tdb") {
        auto said = std::make_shared<std::optional<answer<>>>();
        cluster[node].vacuum.vacuum({protocol::db_id_of(name), full}, [said](const answer<>& a) {
            *said = a;
        });
        cluster.rt.advance(std::chrono::seconds{1});
        return said;
    }
    bool run(std::uint32_t node, bool full = false) {
        const auto said = start(node, full);
        return said->has_value() && said->value().has_value();
    }
    // What the record engine does for vacuuming: the record moves to the node that asked.
    void bring_fetched(std::uint32_t to) {
        for (const auto& wanted : std::exchange(cluster[to].fetches, {})) {
            auto newest = store(to).get(wanted.key);
            for (std::uint32_t i = 0; i < 3; ++i) {
                const auto copy = store(i).get(wanted.key);
                if (copy && (!newest || copy->header.rsn > newest->header.rsn)) {
                    newest = copy;
                }
            }
            ASSERT_TRUE(newest);
            newest->header.dmaster = pnn{to};
            for (std::uint32_t i = 0; i < 3; ++i) {
                if (i != to && has(i, wanted.key)) {
                    store(i).put(wanted.key, newest->header, newest->value);
                }
            }
            ++newest->header.rsn.value;
            store(to).put(wanted.key, newest->header, newest->value);
            if (newest->value.empty()) {
                cluster[to].vacuum.candidate(
                    protocol::db_id_of("v.tdb"), view_of(wanted.key), newest->header
                );
            }
            cluster[to].vacuum.fetch_answered(wanted.id);
        }
        cluster.rt.advance(std::chrono::seconds{1});
    }
};

TEST_F(Vacuum, DeletedAtItsLmasterARecordLeavesAllNodesInOneRun) {
    const std::string key = scheduled_key();
    EXPECT_TRUE(run(0));
    for (std::uint32_t node = 0; node < 3; ++node) {
        EXPECT_FALSE(has(node, key)) << node;
    }
    EXPECT_EQ(cluster[0].vacuum.waiting(protocol::db_id_of("v.tdb")), 0U);
}

TEST_F(Vacuum, DeletedElsewhereItTakesOneRunThereAndTwoAtTheLmaster) {
    const std::string key = key_of(0);
    deleted_at(2, key);
    schedule(2, key);
    EXPECT_TRUE(run(2));
    EXPECT_TRUE(has(2, key));
    const auto first = start(0);
    EXPECT_FALSE(first->has_value()); // the fetch is still under way
    bring_fetched(0);
    ASSERT_TRUE(first->has_value());
    EXPECT_TRUE(first->value());
    for (std::uint32_t node = 0; node < 3; ++node) {
        const auto copy = store(node).get(key);
        ASSERT_TRUE(copy) << node;
        EXPECT_EQ(copy->value, "") << node;
        EXPECT_EQ(copy->header.dmaster, pnn{0}) << node;
    }
    EXPECT_TRUE(run(0));
    for (std::uint32_t node = 0; node < 3; ++node) {
        EXPECT_FALSE(has(node, key)) << node;
    }
}

TEST_F(Vacuum, AFetchThatDoesNotEndKeepsTheAnswerBackUntilTheTimeIsUp) {
    const std::string key = key_of(0);
    deleted_at(2, key);
    schedule(2, key);
    EXPECT_TRUE(run(2));
    const auto said = start(0);
    cluster.rt.advance(std::chrono::seconds{10}); // the limit of upstream's test
    EXPECT_FALSE(said->has_value());
    cluster.rt.advance(std::chrono::seconds{115}); // VacuumMaxRunTime 120
    ASSERT_TRUE(said->has_value());
    EXPECT_FALSE(said->value());
    EXPECT_EQ(cluster[0].fetches_forgotten, 1U);
    EXPECT_EQ(cluster[0].vacuum.running(), 0U);
}

TEST_F(Vacuum, ALockedRecordIsDroppedFromTheRunAndTakenUpByTheTimer) {
    const std::string key = scheduled_key();
    store(0).busy.insert(key);
    EXPECT_TRUE(run(0));
    store(0).busy.clear();
    EXPECT_TRUE(run(0));
    EXPECT_TRUE(has(0, key)); // databases.md 8.3
    cluster[0].vacuum.start();
    cluster.rt.advance(std::chrono::seconds{25});
    EXPECT_FALSE(has(0, key));
}

TEST_F(Vacuum, LockedOnAThirdNodeItStaysThereAndAtTheLmaster) {
    const std::string key = scheduled_key();
    store(2).busy.insert(key);
    EXPECT_TRUE(run(0));
    EXPECT_TRUE(has(0, key));
    EXPECT_FALSE(has(1, key));
    EXPECT_TRUE(has(2, key));
}

// 12.2: the last record that a node gives back counts too.
TEST_F(Vacuum, EveryRecordThatANodeKeepsIsKept) {
    const std::string first = key_of(0);
    const std::string second = key_of(0, 1);
    for (const auto& key : {first, second}) {
        deleted_at(0, key);
        schedule(0, key);
        store(1).put(key, migrated(9, 0), "newer"); // whatever the reason: it must not go
    }
    EXPECT_TRUE(run(0));
    EXPECT_TRUE(has(0, first));
    EXPECT_TRUE(has(0, second));
    EXPECT_TRUE(has(1, first));
    EXPECT_TRUE(has(1, second));
}

TEST_F(Vacuum, KeysOfOneHashAreTwoRecords) { // 12.1 #18: upstream keeps hashes and skips the second
    const std::string one = "key60971";
    const std::string other = "key63340";
    ASSERT_EQ(protocol::hash(view_of(one)), protocol::hash(view_of(other)));
    for (const std::string& key : {one, other}) {
        deleted_at(0, key);
        schedule(0, key);
    }
    EXPECT_TRUE(run(0));
    for (std::uint32_t node = 0; node < 3; ++node) {
        EXPECT_FALSE(has(node, one)) << node;
        EXPECT_FALSE(has(node, other)) << node;
    }
}

TEST_F(Vacuum, OnlyAFullRunFindsWhatNobodyScheduled) {
    const std::string key = deleted_key();
    EXPECT_TRUE(run(0));
    EXPECT_TRUE(has(0, key));
    EXPECT_TRUE(run(0, true));
    EXPECT_FALSE(has(0, key));
    EXPECT_FALSE(has(1, key));
}

TEST_F(Vacuum, TheTimersRunsAreFullAfterVacuumFastPathCountOfThem) {
    const std::string key = deleted_key();
    cluster[0].tunable_values[tunable_id::vacuum_fast_path_count] = 3;
    cluster[0].vacuum.start();
    cluster.rt.advance(std::chrono::seconds{35}); // three runs every 10 s, none of them full (12.2)
    EXPECT_TRUE(has(0, key));
    cluster.rt.advance(std::chrono::seconds{12});
    EXPECT_FALSE(has(0, key));
}

TEST_F(Vacuum, ARecordMadeAgainBeforeTheRunStays) {
    const std::string key = scheduled_key();
    store(0).put(key, migrated(5, 0), "again");
    EXPECT_TRUE(run(0));
    EXPECT_EQ(value(0, "v.tdb", key), "again");
    EXPECT_TRUE(has(1, key));
}

// I23: the others have deleted their copies, then a client here writes, before the last one goes.
TEST_F(Vacuum, WrittenAfterTheOthersHaveDeletedItTheLastCopyStays) {
    const std::string key = scheduled_key();
    std::optional<answer<>> said;
    cluster.trace.clear();
    cluster[0].vacuum.vacuum({protocol::db_id_of("v.tdb"), false}, [&said](const answer<>& a) {
        said = a;
    });
    for (int turns = 0; turns < 1000 && cluster.first_in_trace("2 TRY_DELETE_RECORDS") < 0;
         ++turns) {
        cluster.rt.one_turn();
    }
    ASSERT_TRUE(has(0, key));
    store(0).busy.insert(key); // the client's lock
    cluster.rt.advance(std::chrono::milliseconds{100});
    ASSERT_FALSE(has(1, key));
    ASSERT_FALSE(has(2, key));
    ASSERT_FALSE(said) << "the run waits for the lock";
    store(0).put(key, migrated(5, 0), "once more");
    store(0).busy.clear();
    cluster.rt.advance(std::chrono::seconds{1});
    ASSERT_TRUE(said);
    EXPECT_EQ(value(0, "v.tdb", key), "once more");
}

TEST_F(Vacuum, WithoutTheAnswerOfEveryNodeTheLastCopyStays) {
    const std::string key = scheduled_key();
    cluster.inject(pnn{2}, controls::try_delete_records::opcode, fault::refuses, 1);
    EXPECT_TRUE(run(0));
    EXPECT_TRUE(has(0, key));
    EXPECT_TRUE(has(2, key));
}

TEST_F(Vacuum, AMemberOfTheMapThatCannotBeAskedKeepsTheLastCopyHere) {
    const std::string key = scheduled_key();
    cluster.disconnect(pnn{2}); // no recovery yet
    EXPECT_TRUE(run(0));
    EXPECT_TRUE(has(0, key));
    EXPECT_TRUE(has(2, key));
}

// 12.1 #18: nodes are asked at the same time, one that hangs holds up nobody's question.
TEST_F(Vacuum, AllNodesAreAskedAtOnce) {
    const std::string key = scheduled_key();
    cluster.inject(pnn{1}, controls::try_delete_records::opcode, fault::never_answers, 1);
    const auto said = start(0);
    EXPECT_FALSE(said->has_value());
    EXPECT_GE(cluster.first_in_trace("2 TRY_DELETE_RECORDS"), 0);
    EXPECT_FALSE(has(2, key));
    EXPECT_TRUE(has(0, key));
}

// 12.1 #18: databases do not wait for each other.
TEST_F(Vacuum, ARunThatWaitsDoesNotHoldUpAnotherDatabase) {
    attach("w.tdb", {});
    cluster.rt.settle();
    cluster.make_normal(epoch);
    const std::string key = scheduled_key();
    cluster.inject(pnn{1}, controls::try_delete_records::opcode, fault::never_answers, 1);
    EXPECT_FALSE(start(0)->has_value());
    const auto other = start(0, true, "w.tdb");
    ASSERT_TRUE(other->has_value());
    EXPECT_TRUE(other->value());
    const auto again = start(0); // but one run per database
    ASSERT_TRUE(again->has_value());
    EXPECT_FALSE(again->value());
}

TEST_F(Vacuum, AFreezeEndsTheRun) {
    const std::string key = scheduled_key();
    cluster.inject(pnn{1}, controls::try_delete_records::opcode, fault::never_answers, 1);
    const auto said = start(0);
    freeze("v.tdb");
    cluster.rt.advance(std::chrono::seconds{1}); // long before the control gives up
    ASSERT_TRUE(said->has_value());
    EXPECT_FALSE(said->value());
    EXPECT_TRUE(has(0, key));
    EXPECT_EQ(cluster[0].vacuum.waiting(protocol::db_id_of("v.tdb")), 1U);
    EXPECT_FALSE(start(0)->value()); // refused while frozen
}

TEST_F(Vacuum, WhatARunHasJudgedWhenItEndsEarlyIsForTheNext) {
    constexpr std::size_t count = 4200; // more than one turn of the loop judges
    const protocol::vnn_map map{epoch, {pnn{0}, pnn{1}, pnn{2}}};
    std::size_t scheduled = 0;
    for (int i = 0; scheduled < count; ++i) {
        const std::string key = fmt::format("key-{}", i);
        if (protocol::lmaster_of(map, view_of(key)) == pnn{0}) {
            store(2).put(key, migrated(5, 2), "");
            schedule(2, key);
            ++scheduled;
        }
    }
    std::optional<answer<>> said;
    cluster[2].vacuum.vacuum({protocol::db_id_of("v.tdb"), false}, [&said](const answer<>& a) {
        said = a;
    });
    freeze("v.tdb", 2);
    cluster.rt.advance(std::chrono::seconds{1});
    ASSERT_TRUE(said);
    EXPECT_FALSE(*said);
    EXPECT_EQ(cluster[2].vacuum.waiting(protocol::db_id_of("v.tdb")), count);
}

TEST_F(Vacuum, KeysThatTheLmasterHasNotTakenAreToldAgain) {
    const std::string key = key_of(0);
    deleted_at(2, key);
    schedule(2, key);
    cluster.inject(pnn{0}, controls::vacuum_fetch::opcode, fault::never_answers, 1);
    const auto said = start(2);
    EXPECT_FALSE(said->has_value());
    freeze("v.tdb", 2);
    cluster.rt.advance(std::chrono::seconds{1});
    ASSERT_TRUE(said->has_value());
    EXPECT_EQ(cluster[2].vacuum.waiting(protocol::db_id_of("v.tdb")), 1U);
}

TEST_F(Vacuum, ARequestOfAnotherGenerationDeletesNothing) { // I12
    const std::string key = deleted_key();
    cluster[1].map.generation = generation{0x2222};
    schedule(0, key);
    EXPECT_TRUE(run(0));
    EXPECT_TRUE(has(0, key));
    EXPECT_TRUE(has(1, key));
}

TEST_F(Vacuum, PersistentAndUnknownDatabasesAreRefused) {
    EXPECT_FALSE(start(0, false, "p.tdb")->value());
    EXPECT_FALSE(start(0, false, "nobody.tdb")->value());
    const protocol::key_data persistent{protocol::db_id_of("p.tdb"), header(1, 0), to_bytes("k")};
    EXPECT_FALSE(cluster[0].vacuum.schedule(persistent, own_client()));
}

TEST_F(Vacuum, MalformedRequestsAreRefused) {
    ctdbd::asker peer;
    peer.node = pnn{1};
    peer.generation = epoch;
    bytes keys = buffer("v.tdb", "key", 1, "");
    keys.pop_back();
    EXPECT_FALSE(cluster[0].vacuum.fetch_wanted(keys, peer));
    std::optional<answer<protocol::record_buffer>> said;
    cluster[0].vacuum.try_delete_records(keys, peer, [&said](const auto& a) { said = a; });
    cluster.rt.settle();
    ASSERT_TRUE(said);
    EXPECT_FALSE(*said);
}

TEST_F(Vacuum, ADetachEndsTheRunWithAnAnswer) {
    const std::string key = scheduled_key();
    cluster.inject(pnn{1}, controls::try_delete_records::opcode, fault::never_answers, 1);
    const auto said = start(0);
    EXPECT_FALSE(said->has_value());
    cluster[0].tunable_values[tunable_id::allow_client_db_attach] = 0;
    ctdbd::asker daemon;
    EXPECT_TRUE(cluster[0].databases.detach(protocol::db_id_of("v.tdb"), daemon));
    ASSERT_TRUE(said->has_value());
    EXPECT_FALSE(said->value());
    cluster.rt.advance(std::chrono::seconds{120});
}

TEST_F(Vacuum, ThousandsOfRecordsGoInBatches) {
    constexpr int count = 7000;
    for (int i = 0; i < count; ++i) {
        const std::string key = key_of(0, 0) + fmt::format("-{}", i);
        const protocol::vnn_map map{epoch, {pnn{0}, pnn{1}, pnn{2}}};
        const auto lmaster = protocol::lmaster_of(map, view_of(key))->value;
        deleted_at(lmaster, key);
        schedule(lmaster, key);
    }
    for (std::uint32_t node = 0; node < 3; ++node) {
        const auto said = start(node);
        cluster.rt.advance(std::chrono::seconds{30});
        ASSERT_TRUE(said->has_value());
        EXPECT_TRUE(said->value());
    }
    for (std::uint32_t node = 0; node < 3; ++node) {
        EXPECT_TRUE(store(node).committed().empty()) << node;
        EXPECT_EQ(store(node).locks_held, 0) << node;
    }
}

} // namespace
} // namespace ctdb::testing
