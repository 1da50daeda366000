#include "common/base/log.hpp"
#include "tests/unit/ctdbd/database/database_fixture.hpp"

namespace ctdb {
namespace {

using ctdbd::asker;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

constexpr srvid address{0xBE00000000000001};

class TraverseTest : public testing::database_fixture {
protected:
    static protocol::traverse_start_ext request(const std::string& name, bool empty = false) {
        return {protocol::db_id_of(name), reqid{42}, address, empty};
    }
    // Keys that reached the client, in order; the end mark is "".
    std::vector<std::string> keys() {
        std::vector<std::string> all;
        for (const auto& [to, data] : cluster[0].delivered) {
            EXPECT_EQ(to, address);
            const auto record = protocol::view_record(data);
            EXPECT_TRUE(record);
            EXPECT_EQ(record->reqid, reqid{42});
            all.emplace_back(text_of(record->key));
        }
        return all;
    }
    // The request id of the last TRAVERSE_ALL.
    reqid walked() {
        using control = protocol::controls::traverse_node;
        return protocol::decode<protocol::traverse_all>(cluster.last_payload.at(control::opcode))
            ->reqid;
    }
    bool ended() { return !keys().empty() && keys().back().empty(); }
    ctdbd::traverse_service& service(std::size_t node = 0) { return cluster[node].traverses; }
};

TEST_F(TraverseTest, EachRecordComesOnceFromItsDmasterAndThenTheEnd) {
    for (std::size_t i = 0; i < 3; ++i) {
        cluster[i].store("v.tdb").put("a", header(i == 1 ? 5 : 4, 1), std::to_string(i));
        cluster[i].store("v.tdb").put("own " + std::to_string(i), header(1, 0), "x");
    }
    ASSERT_TRUE(service().start(request("v.tdb"), own_client()));
    cluster.rt.settle();
    ASSERT_TRUE(ended());
    EXPECT_THAT(keys(), UnorderedElementsAre("a", "own 0", ""));
    EXPECT_EQ(service().collecting(), 0U);
    EXPECT_EQ(service(1).walking(), 0U);
}

TEST_F(TraverseTest, TheRecordCarriesItsHeader) {
    cluster[0].store("v.tdb").put("a", header(4, 0), "value");
    ASSERT_TRUE(service().start(request("v.tdb"), own_client()));
    cluster.rt.settle();
    const auto record = protocol::view_record(cluster[0].delivered.front().second);
    EXPECT_EQ(protocol::header_of(record->data).value(), header(4, 0));
    EXPECT_EQ(text_of(protocol::data_after_header(record->data)), "value");
}

TEST_F(TraverseTest, EmptyRecordsComeOnRequestOnly) {
    cluster[0].store("v.tdb").put("empty", header(4, 0), "");
    ASSERT_TRUE(service().start(request("v.tdb"), own_client()));
    cluster.rt.settle();
    EXPECT_THAT(keys(), ElementsAre(""));
    EXPECT_EQ(cluster.first_in_trace("0 TRAVERSE_ALL_EXT"), -1);

    cluster[0].delivered.clear();
    ASSERT_TRUE(service().start(request("v.tdb", true), own_client()));
    cluster.rt.settle();
    EXPECT_THAT(keys(), ElementsAre("empty", ""));
}

TEST_F(TraverseTest, PersistentDatabasesAreWalkedByOneNodeWhole) {
    for (std::size_t i = 0; i < 3; ++i) {
        cluster[i].store("p.tdb").put("k", header(4, 2), "x");
        cluster[i].store("p.tdb").put("empty", header(4, 2), "");
    }
    ASSERT_TRUE(service().start(request("p.tdb"), own_client()));
    cluster.rt.settle();
    EXPECT_THAT(keys(), UnorderedElementsAre("k", "empty", ""));
    EXPECT_EQ(cluster.first_in_trace("1 TRAVERSE_ALL"), -1);
}

TEST_F(TraverseTest, WithoutLmasterRoleTheFirstOfTheMapWalksAPersistentDatabase) {
    cluster[0].map.map = {pnn{2}, pnn{1}};
    cluster[2].store("p.tdb").put("k", header(4, 2), "x");
    ASSERT_TRUE(service().start(request("p.tdb"), own_client()));
    cluster.rt.settle();
    EXPECT_THAT(keys(), ElementsAre("k", ""));
}

TEST_F(TraverseTest, RefusedToStrangersForUnknownAndUnhealthyDatabases) {
    asker stranger;
    stranger.node = pnn{1};
    EXPECT_FALSE(service().start(request("v.tdb"), stranger));
    EXPECT_FALSE(service().start(request("unknown.tdb"), own_client()));
    cluster[0].files.unhealthy["p.tdb"] = "bad";
    EXPECT_FALSE(service().start(request("p.tdb"), own_client()));
    cluster[0].tunable_values[protocol::tunable_id::allow_unhealthy_db_read] = 1;
    EXPECT_TRUE(service().start(request("p.tdb"), own_client()));
}

TEST_F(TraverseTest, ANodeThatDoesNotKnowTheDatabaseEndsAtOnce) {
    const asker daemon;
    cluster[1].tunable_values[protocol::tunable_id::allow_client_db_attach] = 0;
    ASSERT_TRUE(cluster[1].databases.detach(protocol::db_id_of("v.tdb"), daemon));
    ASSERT_TRUE(service().start(request("v.tdb"), own_client()));
    cluster.rt.settle();
    EXPECT_TRUE(ended());
}

TEST_F(TraverseTest, AParticipantThatLeavesDoesNotHoldTheEndBack) {
    freeze("v.tdb", 2); // its walker waits
    ASSERT_TRUE(service().start(request("v.tdb"), own_client()));
    cluster.rt.advance(std::chrono::seconds{1});
    EXPECT_FALSE(ended());
    service().node_left(pnn{2});
    EXPECT_TRUE(ended());
    EXPECT_EQ(service().collecting(), 0U);
}

TEST_F(TraverseTest, AFrozenDatabaseIsWalkedAfterTheThaw) {
    cluster[0].store("v.tdb").put("k", header(4, 0), "x");
    freeze("v.tdb");
    ASSERT_TRUE(service().start(request("v.tdb"), own_client()));
    cluster.rt.advance(std::chrono::seconds{1});
    EXPECT_TRUE(keys().empty());
    db("v.tdb").thaw();
    cluster.rt.advance(std::chrono::seconds{1});
    EXPECT_THAT(keys(), ElementsAre("k", ""));
}

TEST_F(TraverseTest, AfterTraverseTimeoutTheClientGetsTheEndAndWalkersAreKilled) {
    freeze("v.tdb", 2);
    ASSERT_TRUE(service().start(request("v.tdb"), own_client()));
    cluster.rt.advance(std::chrono::seconds{19});
    EXPECT_FALSE(ended());
    cluster.rt.advance(std::chrono::seconds{2});
    EXPECT_TRUE(ended());
    EXPECT_EQ(service(2).walking(), 0U);
}

// The client cannot tell: the log must (databases.md 9).
class CutOffTraverse : public TraverseTest {
protected:
    CutOffTraverse() {
        set_log_sink([this](log_level, std::string_view line) { logged.emplace_back(line); });
        cluster[0].store("v.tdb").put("k", header(4, 0), "x");
        freeze("v.tdb", 2); // its walker waits
        EXPECT_TRUE(service().start(request("v.tdb"), own_client()));
        cluster.rt.advance(std::chrono::seconds{1});
        EXPECT_THAT(keys(), ElementsAre("k"));
        EXPECT_THAT(cut_off(), ElementsAre());
    }
    ~CutOffTraverse() override { set_log_sink({}); }

    [[nodiscard]] std::vector<std::string> cut_off() const {
        std::vector<std::string> lines;
        std::ranges::copy_if(logged, std::back_inserter(lines), [](const std::string& line) {
            return line.starts_with("traverse of database 0x");
        });
        return lines;
    }
    std::vector<std::string> logged;
};

TEST_F(CutOffTraverse, ByTraverseTimeoutIsLoggedWithTheNodeThatHasNotFinished) {
    cluster.rt.advance(std::chrono::seconds{20});
    EXPECT_TRUE(ended());
    EXPECT_THAT(cut_off(), ElementsAre(HasSubstr("after 1 records: node 2 has not finished")));
}

TEST_F(CutOffTraverse, ByANodeThatLeavesIsLogged) {
    service().node_left(pnn{2});
    EXPECT_TRUE(ended());
    EXPECT_THAT(cut_off(), ElementsAre(HasSubstr("goes on without node 2, which has left")));
}

TEST_F(CutOffTraverse, ByADetachIsLogged) {
    service().database_gone(protocol::db_id_of("v.tdb"));
    EXPECT_TRUE(ended());
    EXPECT_THAT(cut_off(), ElementsAre(HasSubstr("after 1 records: the database is detached")));
}

TEST_F(TraverseTest, AClientThatGoesStopsTheWalkers) {
    freeze("v.tdb", 2);
    ASSERT_TRUE(service().start(request("v.tdb"), own_client(5)));
    cluster.rt.advance(std::chrono::seconds{1});
    EXPECT_EQ(service(2).walking(), 1U);
    service().client_gone(client_id{5});
    cluster.rt.settle();
    EXPECT_EQ(service(2).walking(), 0U);
    EXPECT_EQ(service().collecting(), 0U);
    EXPECT_FALSE(ended());
}

TEST_F(TraverseTest, LateAndMalformedDataIsRefused) {
    asker peer;
    peer.node = pnn{1};
    EXPECT_FALSE(service().data(protocol::encode_record(reqid{99}, view_of("k"), {}), peer));
    EXPECT_FALSE(service().data(to_bytes("garbage"), peer));
}

TEST_F(TraverseTest, RecordsAreTakenFromThoseWhoTakePartUntilTheyEnd) {
    freeze("v.tdb", 2); // keeps the traverse going
    ASSERT_TRUE(service().start(request("v.tdb"), own_client()));
    cluster.rt.settle();
    const reqid id = walked();
    asker peer;
    peer.node = pnn{2};
    EXPECT_TRUE(service().data(protocol::encode_record(id, view_of("k"), view_of("v")), peer));
    peer.node = pnn{1}; // has ended
    EXPECT_FALSE(service().data(protocol::encode_record(id, view_of("l"), view_of("v")), peer));
    peer.node = pnn{9};
    EXPECT_FALSE(service().data(protocol::encode_record(id, view_of("m"), view_of("v")), peer));
    EXPECT_THAT(keys(), ElementsAre("k"));
}

// What another node still sends for the traverse of a daemon that has been restarted must not reach
// a new one.
TEST_F(TraverseTest, RequestIdsDoNotBeginAnewWithTheDaemon) {
    ASSERT_TRUE(service().start(request("v.tdb"), own_client()));
    cluster.rt.settle();
    const reqid first = walked();
    ctdbd::traverse_service restarted(cluster[0], cluster[0].databases);
    ASSERT_TRUE(restarted.start(request("v.tdb"), own_client()));
    cluster.rt.settle();
    EXPECT_NE(walked(), first);
}

TEST_F(TraverseTest, WithoutAnActiveNodeItIsRefused) {
    for (std::size_t i = 0; i < 3; ++i) {
        cluster[i].flags = protocol::node_flag::stopped;
    }
    EXPECT_FALSE(service().start(request("v.tdb"), own_client()));
    EXPECT_EQ(service().collecting(), 0U);
}

TEST_F(TraverseTest, AWalkForAnotherNodeThanTheAskerIsRefused) {
    asker peer;
    peer.node = pnn{1};
    const protocol::traverse_all_ext forged{
        protocol::db_id_of("v.tdb"), reqid{1}, pnn{2}, reqid{1}, address, false};
    EXPECT_FALSE(service().walk(forged, peer));
}

TEST_F(TraverseTest, ManyRecordsComeInSlices) {
    for (int i = 0; i < 20'000; ++i) {
        cluster[0].store("v.tdb").put(std::to_string(i), header(1, 0), "x");
    }
    ASSERT_TRUE(service().start(request("v.tdb"), own_client()));
    cluster.rt.settle();
    EXPECT_TRUE(ended());
    EXPECT_EQ(cluster[0].delivered.size(), 20'001U);
}

// I28: what the client has not read stays at the walkers.
class SlowClient : public TraverseTest {
protected:
    static constexpr int records = 20'000;
    SlowClient() {
        for (int i = 0; i < records; ++i) {
            cluster[1].store("v.tdb").put(std::to_string(i), header(1, 1), "x");
        }
        EXPECT_TRUE(service().start(request("v.tdb"), own_client()));
        while (cluster[0].delivered.empty()) {
            cluster.rt.one_turn();
        }
        cluster[0].unread = std::size_t{1} << 30U;
        cluster.rt.advance(std::chrono::seconds{1});
        stopped_at = cluster[0].delivered.size();
        cluster.rt.advance(std::chrono::seconds{1});
    }
    std::size_t stopped_at = 0;
};

TEST_F(SlowClient, MakesTheWalkersOfOtherNodesPauseUntilItReads) {
    EXPECT_LT(stopped_at, std::size_t{records});
    EXPECT_EQ(cluster[0].delivered.size(), stopped_at) << "paused walkers send";
    cluster[0].unread = ctdbd::traverse_service::unread_bytes_max;
    cluster.rt.advance(std::chrono::seconds{1});
    EXPECT_EQ(cluster[0].delivered.size(), stopped_at) << "not read enough";
    cluster[0].unread = 0;
    cluster.rt.advance(std::chrono::seconds{1});
    EXPECT_TRUE(ended());
    EXPECT_EQ(cluster[0].delivered.size(), std::size_t{records} + 1);
    EXPECT_EQ(service(1).walking(), 0U);
}

TEST_F(SlowClient, ThatGoesEndsPausedWalkersToo) {
    EXPECT_EQ(service(1).walking(), 1U);
    service().client_gone(client_id{5});
    cluster.rt.settle();
    EXPECT_EQ(service(1).walking(), 0U);
}

TEST_F(SlowClient, WhoseNodeGoesEndsPausedWalkersToo) {
    service(1).node_left(pnn{0});
    EXPECT_EQ(service(1).walking(), 0U);
}

TEST_F(TraverseTest, MalformedAndStrangePacesAreIgnored) {
    freeze("v.tdb", 2);
    ASSERT_TRUE(service().start(request("v.tdb"), own_client()));
    cluster.rt.settle();
    cluster[2].hear(ctdbd::traverse_pace_address, view_of("short"));
    cluster[2].hear(
        ctdbd::traverse_pace_address, encode(ctdbd::traverse_pace{pnn{1}, walked(), true})
    );
    cluster[2].hear(
        ctdbd::traverse_pace_address,
        encode(ctdbd::traverse_pace{pnn{0}, reqid{walked().value + 1}, true})
    );
    db("v.tdb", 2).thaw();
    cluster.rt.advance(std::chrono::seconds{1});
    EXPECT_TRUE(ended());
}

} // namespace
} // namespace ctdb
