// DB_PULL and DB_PUSH.
#include "common/protocol/record_slice.hpp"
#include "tests/unit/ctdbd/database/database_fixture.hpp"

namespace ctdb {
namespace {

using ctdbd::answer;
using ctdbd::database;
using testing::epoch;

constexpr srvid address{0xF001000000000001};

class CopyTest : public testing::database_fixture {
protected:
    CopyTest() {
        subscription_ = cluster[1].port().subscribe(address, [this](byte_view data) {
            buffers.push_back(to_bytes(data));
        });
    }
    using count = std::shared_ptr<std::optional<answer<std::uint32_t>>>;
    count pull(const std::string& name) {
        auto said = std::make_shared<std::optional<answer<std::uint32_t>>>();
        db(name).pull(address, pnn{1}, [this, said](const answer<std::uint32_t>& a) {
            cluster.deliver([said, a] { *said = a; }); // as a reply travels: behind the records
        });
        return said;
    }
    std::size_t records_received() {
        std::size_t n = 0;
        for (const bytes& b : buffers) {
            n += protocol::view_record_buffer(b)->count;
        }
        return n;
    }
    count confirm(const std::string& name) {
        auto said = std::make_shared<std::optional<answer<std::uint32_t>>>();
        db(name).push_confirm([said](const answer<std::uint32_t>& a) { *said = a; });
        cluster.rt.settle();
        return said;
    }
    void push(const bytes& data) {
        cluster[1].port().message(pnn{0}, address, data);
        cluster.rt.settle();
    }
    static bool refused(const count& c) { return c->has_value() && !c->value(); }
    std::vector<bytes> buffers;

private:
    std::unique_ptr<client::message_subscription> subscription_;
};

TEST_F(CopyTest, PullNeedsAFrozenDatabase) {
    EXPECT_TRUE((cluster.rt.settle(), true));
    const auto said = pull("v.tdb");
    cluster.rt.settle();
    EXPECT_TRUE(refused(said));
}

TEST_F(CopyTest, PullSendsEveryRecordBeforeItsNumber) {
    for (int i = 0; i < 10'000; ++i) {
        cluster[0].store("v.tdb").put(std::to_string(i), header(1, 0), "value");
    }
    cluster[0].store("v.tdb").put("empty", header(1, 0), "");
    freeze("v.tdb");
    const auto said = pull("v.tdb");
    cluster.rt.wait_for([&] { return said->has_value(); }, std::chrono::seconds{1});
    EXPECT_EQ(**said, 10'001U);
    EXPECT_EQ(records_received(), 10'001U);
}

TEST_F(CopyTest, BuffersAreClosedWhenTheyReachTheLimit) {
    cluster[0].tunable_values[protocol::tunable_id::rec_buffer_size_limit] = 1000;
    for (int i = 0; i < 20; ++i) {
        cluster[0].store("v.tdb").put(std::to_string(i), header(1, 0), std::string(400, 'x'));
    }
    freeze("v.tdb");
    pull("v.tdb");
    cluster.rt.settle();
    EXPECT_EQ(records_received(), 20U);
    for (const bytes& b : buffers) {
        EXPECT_LE(b.size(), 1000U + 500U);
    }
    EXPECT_GE(buffers.size(), 6U);
}

// A leader merges a buffer at a stretch.
TEST_F(CopyTest, BuffersAreSmallWhateverTheTunableAllows) {
    constexpr std::size_t record_size = 400;
    for (int i = 0; i < 1000; ++i) {
        const std::string value(record_size, 'x');
        cluster[0].store("v.tdb").put(std::to_string(i), header(1, 0), value);
    }
    freeze("v.tdb");
    const auto said = pull("v.tdb");
    cluster.rt.wait_for([&] { return said->has_value(); }, std::chrono::seconds{1});
    EXPECT_EQ(records_received(), 1000U);
    EXPECT_GE(buffers.size(), 6U);
    for (const bytes& buffer : buffers) {
        EXPECT_LE(buffer.size(), protocol::record_buffer_slice + 2 * record_size);
    }
}

TEST_F(CopyTest, ValuesShorterThanAHeaderAreNoRecords) {
    freeze("v.tdb");
    ASSERT_TRUE(cluster[0].store("v.tdb").write(view_of("bad"), view_of("short")));
    const auto said = pull("v.tdb");
    cluster.rt.settle();
    EXPECT_EQ(**said, 0U);
}

TEST_F(CopyTest, InvalidRecordsAreNotPulled) {
    cluster[0].store("v.tdb").put("k", header(1, 0), "v");
    cluster[0].store("p.tdb").put("k", header(1, 0), "v");
    cluster[0].databases.freeze_all([](const answer<>&) {});
    cluster.rt.settle();
    const auto from_volatile = pull("v.tdb");
    cluster.rt.settle();
    EXPECT_EQ(**from_volatile, 0U);
    const auto from_persistent = pull("p.tdb");
    cluster.rt.settle();
    EXPECT_EQ(**from_persistent, 1U);
}

TEST_F(CopyTest, APullIsBrokenOffWhenTheDatabaseThaws) {
    for (int i = 0; i < 10'000; ++i) {
        cluster[0].store("v.tdb").put(std::to_string(i), header(1, 0), "value");
    }
    freeze("v.tdb");
    const auto said = pull("v.tdb");
    cluster.rt.one_turn();
    EXPECT_FALSE(said->has_value());
    db("v.tdb").thaw();
    cluster.rt.settle();
    EXPECT_TRUE(refused(said));
}

TEST_F(CopyTest, APullWaitsForTheLinkToDrain) { // 12.1 #16
    for (int i = 0; i < 20'000; ++i) {
        cluster[0].store("v.tdb").put(std::to_string(i), header(1, 0), std::string(1000, 'v'));
    }
    freeze("v.tdb");
    const auto said = pull("v.tdb");
    cluster.rt.one_turn();
    cluster[0].queued = std::size_t{1} << 30U;
    cluster.rt.advance(std::chrono::seconds{1});
    const std::size_t before = records_received();
    EXPECT_LT(before, 20'000U);
    cluster.rt.advance(std::chrono::seconds{1});
    EXPECT_EQ(records_received(), before) << "a full link is given more";
    EXPECT_FALSE(said->has_value());
    cluster[0].queued = 0;
    cluster.rt.advance(std::chrono::seconds{1});
    EXPECT_EQ(**said, 20'000U);
    EXPECT_EQ(records_received(), 20'000U);
}

// 12.1 #15, I28: time stands still here, so a turn ends after a number of records.
TEST_F(CopyTest, PulledAndPushedRecordsLeaveTheLoopTurnsInBetween) {
    protocol::record_buffer_writer all(protocol::db_id_of("v.tdb"));
    for (int i = 0; i < 20'000; ++i) {
        const std::string key = std::to_string(i);
        all.append(view_of(key), header(1, 0), view_of("value"));
    }
    freeze("v.tdb");
    int others = 0;
    async::timer other(cluster.rt, [&] {
        ++others;
        other.arm(cluster.rt.now());
    });
    other.arm(cluster.rt.now());
    ASSERT_TRUE(db("v.tdb").push_start(address));
    cluster[1].port().message(pnn{0}, address, all.take());
    auto said = std::make_shared<std::optional<answer<std::uint32_t>>>();
    const auto turns_until_said = [&] {
        others = 0;
        while (!said->has_value() && cluster.rt.one_turn()) {
        }
        return others;
    };
    db("v.tdb").push_confirm([said](const answer<std::uint32_t>& a) { *said = a; });
    EXPECT_GE(turns_until_said(), 4) << "stored at a stretch";
    EXPECT_EQ(**said, 20'000U);
    said = pull("v.tdb");
    EXPECT_GE(turns_until_said(), 4) << "sent at a stretch";
    EXPECT_EQ(**said, 20'000U);
}

TEST_F(CopyTest, PushStoresAndCounts) {
    freeze("v.tdb");
    ASSERT_TRUE(db("v.tdb").push_start(address));
    push(buffer("v.tdb", "a", 5, "1"));
    push(buffer("v.tdb", "b", 5, "2"));
    EXPECT_EQ(**confirm("v.tdb"), 2U);
    EXPECT_EQ(value(0, "v.tdb", "a"), "1");
    EXPECT_EQ(cluster[0].store("v.tdb").get("a")->header.rsn, rsn{6}); // we are its dmaster
}

// restoredb sends what backupdb found: maybe records that had never left their node. All nodes have
// them now, and a deletion that does not know it would leave the copies (I7).
TEST_F(CopyTest, PushedRecordsOfAVolatileDatabaseHaveBeenOnOtherNodes) {
    for (const char* name : {"v.tdb", "p.tdb"}) {
        freeze(name);
        ASSERT_TRUE(db(name).push_start(address));
        push(buffer(name, "full", 5, "1"));
        push(buffer(name, "empty", 5, ""));
        EXPECT_EQ(**confirm(name), 2U);
    }
    const auto flags = [&](const std::string& name, const std::string& key) {
        return cluster[0].store(name).get(key)->header.flags;
    };
    EXPECT_EQ(flags("v.tdb", "full"), protocol::record_flag::migrated_with_data);
    EXPECT_TRUE(flags("v.tdb", "empty").none()) << "there is nothing elsewhere";
    EXPECT_TRUE(flags("p.tdb", "full").none()) << "as it was";
}

TEST_F(CopyTest, PushNeedsFreezeAndStart) {
    EXPECT_FALSE(db("v.tdb").push_start(address));
    EXPECT_TRUE(refused(confirm("v.tdb")));
    freeze("v.tdb");
    EXPECT_TRUE(refused(confirm("v.tdb")));
}

// A peer that starts a push while it is told the end of the one before must not end the daemon, nor
// must a daemon that ends in the middle (the second push).
TEST_F(CopyTest, APushThatIsBrokenOffAnswersItsConfirm) {
    freeze("v.tdb");
    const bytes records = buffer("v.tdb", "a", 5, "1");
    count first;
    for (int i = 0; i < 2; ++i) {
        ASSERT_TRUE(db("v.tdb").push_start(address));
        auto said = std::make_shared<std::optional<answer<std::uint32_t>>>();
        cluster[1].port().message(pnn{0}, address, records);
        db("v.tdb").push_confirm([said](const answer<std::uint32_t>& a) { *said = a; });
        ASSERT_FALSE(said->has_value());
        if (first) {
            EXPECT_TRUE(refused(first));
        }
        first = said;
    }
}

TEST_F(CopyTest, StartAgainDiscardsWhatCameBefore) {
    freeze("v.tdb");
    ASSERT_TRUE(db("v.tdb").push_start(address));
    push(buffer("v.tdb", "a", 5, "1"));
    ASSERT_TRUE(db("v.tdb").push_start(srvid{address.value + 1}));
    push(buffer("v.tdb", "b", 5, "2")); // nobody listens any more
    EXPECT_EQ(**confirm("v.tdb"), 0U);
}

// Upstream's backup files hold any id, and its restoredb sends it as it is.
TEST_F(CopyTest, TheAddressOfAPushNamesTheDatabase) {
    freeze("v.tdb");
    ASSERT_TRUE(db("v.tdb").push_start(address));
    push(buffer("p.tdb", "a", 5, "1"));
    EXPECT_EQ(**confirm("v.tdb"), 1U);
    EXPECT_EQ(value(0, "v.tdb", "a"), "1");
    EXPECT_FALSE(value(0, "p.tdb", "a"));
}

TEST_F(CopyTest, ABadBufferPoisonsThePush) {
    const std::vector<bytes> bad{
        [] {
            bytes cut = buffer("v.tdb", "k", 1, "x");
            cut.pop_back();
            return cut;
        }(),
        [] {
            protocol::record_buffer_writer out(protocol::db_id_of("v.tdb"));
            out.append(view_of("k"), view_of("no header"));
            return out.take();
        }(),
        to_bytes("xy"),
    };
    for (const bytes& b : bad) {
        freeze("v.tdb");
        ASSERT_TRUE(db("v.tdb").push_start(address));
        push(buffer("v.tdb", "a", 5, "1"));
        push(b);
        push(buffer("v.tdb", "c", 5, "3"));
        EXPECT_EQ(**confirm("v.tdb"), 1U);
        db("v.tdb").thaw();
    }
}

TEST_F(CopyTest, AFailedStorePoisonsThePush) {
    cluster[0].store("v.tdb").fails_to_write = "b";
    freeze("v.tdb");
    ASSERT_TRUE(db("v.tdb").push_start(address));
    for (const char* key : {"a", "b", "c"}) {
        push(buffer("v.tdb", key, 5, "1"));
    }
    EXPECT_EQ(**confirm("v.tdb"), 1U);
}

TEST_F(CopyTest, PushedRecordsAreInvisibleUntilCommit) {
    freeze("v.tdb");
    ASSERT_TRUE(db("v.tdb").begin(7));
    ASSERT_TRUE(db("v.tdb").push_start(address));
    push(buffer("v.tdb", "a", 5, "1"));
    EXPECT_EQ(**confirm("v.tdb"), 1U);
    EXPECT_EQ(value(0, "v.tdb", "a"), std::nullopt);
    ASSERT_TRUE(testing::commit_now(db("v.tdb"), 7));
    EXPECT_EQ(value(0, "v.tdb", "a"), "1");
}

TEST_F(CopyTest, CommitIsRefusedWhileRecordsWaitToBeStored) {
    freeze("v.tdb");
    ASSERT_TRUE(db("v.tdb").begin(7));
    ASSERT_TRUE(db("v.tdb").push_start(address));
    cluster[1].port().message(pnn{0}, address, buffer("v.tdb", "a", 5, "1"));
    cluster.rt.one_turn(); // arrived, not stored yet
    EXPECT_FALSE(testing::commit_now(db("v.tdb"), 7));
}

} // namespace
} // namespace ctdb
