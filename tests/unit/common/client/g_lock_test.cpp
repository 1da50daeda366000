#include "common/async/task_set.hpp"
#include "common/client/g_lock.hpp"
#include "common/protocol/controls.hpp"
#include "common/protocol/srvids.hpp"
#include "fake_ctdbd.hpp"
#include "tests/unit/common/sock/test_loop.hpp"

#include <optional>
#include <set>

#include <gtest/gtest.h>

#include <unistd.h>

namespace {

using namespace ctdb;
namespace controls = protocol::controls;
using client::g_lock;
using test::run_until;
using namespace std::chrono_literals;

// No test waits so long: who gets the lock nevertheless was told.
constexpr client::g_lock_pace only_when_told{1h, 1h};
constexpr client::g_lock_pace by_looking{1ms, 1ms};

// Clients of one node that has every record, which is ctdbd's part in other tests.
class GLock : public testing::Test {
protected:
    GLock() {
        make_file();
        ctdbd_.answer<controls::db_attach>({0, protocol::encode(db_id(77)), {}});
        ctdbd_.answer<controls::get_db_path>({0, protocol::encode(file_), {}});
        ctdbd_.answer<controls::db_get_health>({});
        ctdbd_.answer<controls::db_open_flags>({0, protocol::encode(protocol::tdb_flags()), {}});
        ctdbd_.answers[controls::check_pid_srvid::opcode] = [this](const auto& asked) {
            const auto id = *protocol::decode<protocol::pid_srvid>(asked.data);
            return test::fake_answer{
                knows_addresses_ && !gone_.contains(id.srvid) ? 0 : -1, {}, {}};
        };
        ctdbd_.answers[controls::process_exists::opcode] = [](const auto& asked) {
            const auto pid = *protocol::decode<std::int32_t>(asked.data);
            return test::fake_answer{pid == dead_process ? -1 : 0, {}, {}};
        };
        ctdbd_.delivers_messages = true;
        auto made = loop_.run_until_done(client::client::connect(loop_, socket_, soon()));
        client_ = std::move(*made);
        databases_ = std::make_unique<client::databases>(*client_);
        db_ = *loop_.run_until_done(databases_->attach("g_lock.tdb", {}, soon()));
    }
    void make_file() const {
        tdb::open_options open;
        open.path = file_;
        open.creation = tdb::create::if_missing;
        const auto made = tdb::file::open(open);
        ASSERT_TRUE(made) << made.error().what;
        ASSERT_TRUE((*made)->write(to_bytes(name_), record_with({})));
    }
    static bytes record_with(const protocol::g_lock_list& list) {
        protocol::record_header header;
        header.dmaster = test::fake_ctdbd::self;
        header.rsn = rsn(1);
        return protocol::join_header(header, list.locks.empty() ? bytes() : protocol::encode(list));
    }
    async::time_point soon() { return loop_.now() + 5s; }

    // What somebody else leaves in the record.
    result<> put(const protocol::g_lock_list& list) {
        return loop_.run_until_done(store(*db_, to_bytes(name_), list, soon()));
    }
    static async::task<result<>>
    store(client::database& db, bytes key, protocol::g_lock_list list, async::time_point deadline) {
        const auto record =
            co_await db.fetch_locked(std::move(key), client::record_access::write, deadline);
        if (!record) {
            co_return pass(record);
        }
        co_return list.locks.empty() ? (*record)->erase()
                                     : (*record)->store(protocol::encode(list));
    }
    protocol::g_lock_list entries() {
        const auto record = loop_.run_until_done(db_->read_local(to_bytes(name_), soon())).value();
        return record && !record->data.empty()
                   ? *protocol::decode<protocol::g_lock_list>(record->data)
                   : protocol::g_lock_list();
    }
    static protocol::g_lock entry_of(std::int32_t pid) {
        protocol::g_lock entry;
        entry.type = protocol::g_lock::kind::write;
        entry.sid.pid = static_cast<std::uint64_t>(pid);
        entry.sid.vnn = test::fake_ctdbd::self.value;
        entry.sid.unique_id = (std::uint64_t{1} << 32U) | entry.sid.pid;
        return entry;
    }
    struct waiter {
        waiter(std::shared_ptr<client::database> locks, std::string name, client::g_lock_pace pace)
            : lock(std::move(locks), std::move(name), pace) {}
        g_lock lock;
        std::optional<result<>> got;
    };
    std::unique_ptr<waiter> make(client::g_lock_pace pace) {
        return std::make_unique<waiter>(db_, name_, pace);
    }
    static async::task<> acquire(waiter& who, async::time_point deadline) {
        who.got = co_await who.lock.acquire(deadline);
    }
    std::unique_ptr<waiter> start(client::g_lock_pace pace) {
        auto who = make(pace);
        tasks_.spawn(acquire(*who, soon()));
        return who;
    }
    bool until_entries(std::size_t count) {
        return run_until(loop_, [&] { return entries().locks.size() == count; });
    }
    bool until_taken(const waiter& who) {
        return run_until(loop_, [&] { return who.got && who.got->has_value(); });
    }
    void release(waiter& who) {
        const auto done = loop_.run_until_done(who.lock.release(soon()));
        EXPECT_TRUE(done) << done.error().what;
    }

    static constexpr std::int32_t dead_process = 4000000;
    static constexpr std::int32_t foreign_process = 4000001;
    const std::string name_ = "transaction_db_0x00000001";
    test::temp_dir dir_;
    std::string file_ = dir_.file("g_lock.tdb.3");
    std::string socket_ = dir_.file("ctdbd");
    bool knows_addresses_ = true;
    std::set<srvid> gone_;
    async::event_loop loop_;
    test::fake_ctdbd ctdbd_{loop_, socket_};
    std::unique_ptr<client::client> client_;
    std::unique_ptr<client::databases> databases_;
    std::shared_ptr<client::database> db_;
    async::task_set tasks_{loop_};
};

TEST_F(GLock, IsTakenWithoutAnythingButTheRecordWhenItIsFree) {
    const auto only = start(only_when_told);
    ASSERT_TRUE(until_taken(*only));
    EXPECT_EQ(0, ctdbd_.count<controls::register_srvid>());
    release(*only);
    EXPECT_TRUE(entries().locks.empty());
}

TEST_F(GLock, WaiterIsWokenByTheReleaseAndByNoTimer) {
    const auto first = start(only_when_told);
    ASSERT_TRUE(until_taken(*first));
    const auto second = start(only_when_told);
    ASSERT_TRUE(until_entries(2));
    EXPECT_FALSE(second->got);
    release(*first);
    EXPECT_TRUE(until_taken(*second));
    EXPECT_EQ(1U, ctdbd_.messages_sent.size());
}

TEST_F(GLock, WaitersHaveTheirTurnInTheOrderInWhichTheyCame) {
    std::vector<std::unique_ptr<waiter>> all;
    for (std::size_t i = 0; i < 6; ++i) {
        all.push_back(start(only_when_told));
        ASSERT_TRUE(until_entries(i + 1));
    }
    for (std::size_t i = 0; i < all.size(); ++i) {
        ASSERT_TRUE(until_taken(*all[i])) << i;
        EXPECT_TRUE(i + 1 == all.size() || !all[i + 1]->got);
        release(*all[i]);
    }
    EXPECT_TRUE(entries().locks.empty());
}

async::task<> again_and_again(g_lock& lock, int times, std::vector<int>& turns, int self) {
    async::time_point deadline = async::clock::now() + 30s;
    for (int i = 0; i < times; ++i) {
        const auto got = co_await lock.acquire(deadline);
        EXPECT_TRUE(got) << got.error().what;
        turns.push_back(self);
        const auto released = co_await lock.release(deadline);
        EXPECT_TRUE(released) << released.error().what;
    }
}

TEST_F(GLock, WhoWantsItAgainAtOnceStandsBehindThoseThatWait) {
    const auto first = start(only_when_told);
    ASSERT_TRUE(until_taken(*first));
    std::vector<int> turns;
    std::vector<std::unique_ptr<waiter>> all;
    for (int i = 0; i < 3; ++i) {
        all.push_back(make(only_when_told));
        tasks_.spawn(again_and_again(all.back()->lock, 20, turns, i));
        ASSERT_TRUE(until_entries(all.size() + 1));
    }
    release(*first);
    ASSERT_TRUE(run_until(loop_, [&] { return turns.size() == 60; }));
    for (std::size_t i = 0; i < turns.size(); ++i) {
        EXPECT_EQ(static_cast<int>(i % 3), turns[i]) << i;
    }
}

TEST_F(GLock, LooksByItselfWhenTheMessageIsLostOrNobodySendsOne) {
    ctdbd_.delivers_messages = false;
    const auto first = start(by_looking);
    ASSERT_TRUE(until_taken(*first));
    const auto second = start(by_looking);
    ASSERT_TRUE(until_entries(2));
    release(*first);
    EXPECT_TRUE(until_taken(*second));
}

// Upstream's tools remove their own entry and tell nobody.
TEST_F(GLock, FollowsAHolderOfUpstreamThatLeavesTheOthersInTheRecord) {
    protocol::g_lock_list list;
    list.locks.push_back(entry_of(foreign_process));
    ASSERT_TRUE(put(list));
    const auto who = start(by_looking);
    ASSERT_TRUE(until_entries(2));
    list = entries();
    EXPECT_EQ(entry_of(foreign_process), list.locks.front());
    EXPECT_EQ(protocol::g_lock::kind::write, list.locks.back().type); // else they would not wait
    list.locks.erase(list.locks.begin());
    ASSERT_TRUE(put(list));
    EXPECT_TRUE(until_taken(*who));
}

TEST_F(GLock, ADeadHolderIsRemoved) {
    protocol::g_lock_list list;
    list.locks.push_back(entry_of(dead_process));
    ASSERT_TRUE(put(list));
    EXPECT_TRUE(until_taken(*start(only_when_told)));
    EXPECT_EQ(1U, entries().locks.size());
}

// Its process lives on: a task that was cancelled.
TEST_F(GLock, AWaiterWhoseAddressIsGoneIsPassedOver) {
    const auto first = start(by_looking);
    ASSERT_TRUE(until_taken(*first));
    const auto cancelled = start(by_looking);
    ASSERT_TRUE(until_entries(2));
    const auto third = start(by_looking);
    ASSERT_TRUE(until_entries(3));
    gone_.insert(srvid(entries().locks[1].sid.unique_id));
    ctdbd_.delivers_messages = false; // it would take its turn here
    protocol::g_lock_list list = entries();
    list.locks.erase(list.locks.begin());
    list.locks.front().sid.task_id += 1000; // so that it does not find itself
    ASSERT_TRUE(put(list));
    EXPECT_TRUE(until_taken(*third));
    EXPECT_FALSE(cancelled->got);
    tasks_.cancel_all(); // it still waits, with what ends here
}

TEST_F(GLock, WhoGivesUpLeavesTheQueue) {
    const auto first = start(only_when_told);
    ASSERT_TRUE(until_taken(*first));
    const auto who = make(by_looking);
    const auto got = loop_.run_until_done(who->lock.acquire(loop_.now() + 5ms));
    ASSERT_FALSE(got);
    EXPECT_EQ(ETIMEDOUT, got.error().code);
    EXPECT_EQ(1U, entries().locks.size());
}

TEST_F(GLock, WithoutAnAddressOfItsOwnItTriesAgainAndDoesNotQueue) {
    knows_addresses_ = false;
    const auto first = start(only_when_told);
    ASSERT_TRUE(until_taken(*first));
    const auto second = start(only_when_told);
    ASSERT_TRUE(run_until(loop_, [&] { return ctdbd_.count<controls::process_exists>() >= 2; }));
    EXPECT_EQ(1U, entries().locks.size());
    release(*first);
    EXPECT_TRUE(until_taken(*second));
}

TEST_F(GLock, IsNotTakenTwiceByTheSame) {
    const auto who = start(only_when_told);
    ASSERT_TRUE(until_taken(*who));
    const auto again = loop_.run_until_done(who->lock.acquire(soon()));
    ASSERT_FALSE(again);
    EXPECT_EQ(EDEADLK, again.error().code);
}

} // namespace
