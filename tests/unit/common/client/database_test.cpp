#include "common/async/task_set.hpp"
#include "common/client/database.hpp"
#include "common/client/transaction.hpp"
#include "common/protocol/hash.hpp"
#include "fake_ctdbd.hpp"
#include "file_partner.hpp"
#include "tests/unit/common/sock/test_loop.hpp"

#include <optional>

#include <gtest/gtest.h>

namespace {

using namespace ctdb;
namespace controls = protocol::controls;
using client::database_kind;
using client::record_access;
using test::file_partner;
using test::run_until;

class Database : public testing::Test {
protected:
    Database() {
        ctdbd_.answer<controls::db_attach>({0, protocol::encode(db_id(77)), {}});
        ctdbd_.answer<controls::db_attach_persistent>({0, protocol::encode(db_id(77)), {}});
        ctdbd_.answer<controls::get_db_path>({0, protocol::encode(file_), {}});
        ctdbd_.answer<controls::db_get_health>({});
        ctdbd_.answer<controls::db_open_flags>({0, protocol::encode(protocol::tdb_flags()), {}});
        auto made = loop_.run_until_done(client::client::connect(loop_, socket_, soon()));
        client_ = std::move(*made);
        databases_ = std::make_unique<client::databases>(*client_);
    }
    async::time_point soon() { return loop_.now() + std::chrono::seconds(5); }
    result<std::shared_ptr<client::database>> attach(client::attach_options options = {}) {
        return loop_.run_until_done(databases_->attach("a.tdb", options, soon()));
    }
    static async::task<void> fetch(
        client::database& db,
        bytes key,
        async::time_point deadline,
        result<std::unique_ptr<client::locked_record>>& out
    ) {
        out = co_await db.fetch_locked(std::move(key), record_access::write, deadline);
    }

    const bytes key_ = to_bytes("key");
    test::temp_dir dir_;
    std::string file_ = dir_.file("a.tdb.3");
    file_partner partner_{file_, key_, test::fake_ctdbd::self}; // before anything is open here
    std::string socket_ = dir_.file("ctdbd");
    async::event_loop loop_;
    async::task_set tasks_{loop_};
    test::fake_ctdbd ctdbd_{loop_, socket_};
    std::unique_ptr<client::client> client_;
    std::unique_ptr<client::databases> databases_;
};

TEST_F(Database, IsOpenedOnceHoweverOftenItIsAttached) {
    const auto one = attach();
    ASSERT_TRUE(one) << one.error().what;
    EXPECT_EQ(db_id(77), (*one)->id());
    EXPECT_EQ(*one, *attach());
    EXPECT_EQ(1, ctdbd_.count<controls::db_attach>());
}

TEST_F(Database, SaysWhichStepOfAttachingFailed) {
    ctdbd_.answer<controls::db_attach>({-1, {}, {}});
    const auto refused = attach();
    ASSERT_FALSE(refused);
    EXPECT_EQ("attach: a.tdb failed to get db_id, ret=-1", refused.error().what);
    ctdbd_.answer<controls::db_attach>({0, protocol::encode(db_id(77)), {}});
    ctdbd_.answer<controls::db_get_health>({0, protocol::encode(std::string("corrupt")), {}});
    const auto sick = attach();
    ASSERT_FALSE(sick);
    EXPECT_EQ("attach: a.tdb is unhealthy: corrupt", sick.error().what);
}

TEST_F(Database, FetchesARecordByLettingItMigrate) {
    const auto db = attach();
    ASSERT_TRUE(db);
    int calls = 0;
    ctdbd_.on_call = [&](const protocol::req_call& ask, reqid id) {
        EXPECT_TRUE(ask.flags.has(protocol::call_flag::immediate_migration));
        EXPECT_EQ(protocol::call_id::null, ask.call_id);
        if (++calls == 2) { // the first time somebody else was faster
            partner_.tell(file_partner::order::take_dmaster);
        }
        ctdbd_.send(protocol::reply_call(), id);
    };
    result<std::unique_ptr<client::locked_record>> got = fail(EINPROGRESS, "open");
    tasks_.spawn(fetch(**db, key_, soon(), got));
    ASSERT_TRUE(run_until(loop_, [&] { return got.has_value(); }));
    EXPECT_EQ(2, calls);
    EXPECT_EQ("value", text_of((*got)->data()));
    EXPECT_EQ(rsn(5), (*got)->header().rsn);

    ASSERT_TRUE((*got)->store(to_bytes("other")));
    EXPECT_EQ("other", text_of((*got)->data()));
    ASSERT_TRUE((*got)->erase());
    got->reset();
    ASSERT_TRUE(run_until(loop_, [&] {
        return ctdbd_.count<controls::schedule_for_deletion>() == 1;
    }));
    const auto local = loop_.run_until_done((*db)->read_local(key_, soon()));
    ASSERT_TRUE(local && *local);
    EXPECT_TRUE((*local)->data.empty());
    EXPECT_EQ(rsn(5), (*local)->header.rsn) << "clients never touch it";
}

TEST_F(Database, TwoTasksOfOneProcessHaveARecordOneAfterTheOther) {
    partner_.tell(file_partner::order::take_dmaster);
    const auto db = attach();
    ASSERT_TRUE(db);
    result<std::unique_ptr<client::locked_record>> one = fail(EINPROGRESS, "open");
    result<std::unique_ptr<client::locked_record>> two = fail(EINPROGRESS, "open");
    tasks_.spawn(fetch(**db, key_, soon(), one));
    tasks_.spawn(fetch(**db, key_, soon(), two));
    ASSERT_TRUE(one);
    EXPECT_FALSE(two);
    one->reset();
    ASSERT_TRUE(run_until(loop_, [&] { return two.has_value(); }));
}

TEST_F(Database, WaitsForAnotherProcessUpToTheDeadline) {
    partner_.tell(file_partner::order::take_dmaster);
    const auto db = attach();
    ASSERT_TRUE(db);
    partner_.tell(file_partner::order::lock);
    result<std::unique_ptr<client::locked_record>> got = fail(EINPROGRESS, "open");
    tasks_.spawn(fetch(**db, key_, loop_.now() + std::chrono::milliseconds(20), got));
    ASSERT_TRUE(run_until(loop_, [&] { return got.error().code == ETIMEDOUT; }));
    tasks_.spawn(fetch(**db, key_, soon(), got));
    partner_.tell(file_partner::order::unlock);
    ASSERT_TRUE(run_until(loop_, [&] { return got.has_value(); }));
}

TEST_F(Database, AnIoErrorOfTheCallEndsTheFetch) {
    const auto db = attach();
    ASSERT_TRUE(db);
    ctdbd_.on_call = [&](const protocol::req_call&, reqid) { ctdbd_.daemon->close(ctdbd_.last); };
    result<std::unique_ptr<client::locked_record>> got = fail(EINPROGRESS, "open");
    tasks_.spawn(fetch(**db, key_, soon(), got));
    ASSERT_TRUE(run_until(loop_, [&] { return got.error().code == ENOTCONN; }));
}

// ---- commit: what a refusal means is told by the sequence number ----

class Commit : public Database {
protected:
    // A transaction without its lock: the rules of the commit alone.
    result<> commit_one(async::duration limit) {
        client::attach_options persistent;
        persistent.kind = database_kind::persistent;
        auto db = attach(persistent);
        EXPECT_TRUE(db) << db.error().what;
        client::transaction t(*db, *db);
        auto written = loop_.run_until_done(t.write(to_bytes("k"), to_bytes("v"), soon()));
        EXPECT_TRUE(written);
        return loop_.run_until_done(t.commit(loop_.now() + limit));
    }
};

TEST_F(Commit, SendsTheChangesAndTheNextSequenceNumber) {
    std::optional<protocol::record_buffer> sent;
    ctdbd_.answers[controls::trans3_commit::opcode] = [&](const protocol::req_control& c) {
        sent = *protocol::decode<protocol::record_buffer>(c.data);
        return test::fake_answer{};
    };
    ASSERT_TRUE(commit_one(std::chrono::seconds(5)));
    ASSERT_TRUE(sent);
    ASSERT_EQ(2U, sent->records.size());
    for (const auto& record : sent->records) {
        const auto header = protocol::header_of(record.data);
        ASSERT_TRUE(header);
        EXPECT_EQ(rsn(1), header->rsn);
        EXPECT_EQ(test::fake_ctdbd::self, header->dmaster);
        const byte_view value = protocol::data_after_header(record.data);
        if (text_of(record.key) == "k") {
            EXPECT_EQ("v", text_of(value));
        } else {
            EXPECT_EQ(1U, protocol::sequence_number_of(value));
        }
    }
}

TEST_F(Commit, IsRepeatedWhileRefusedAndNothingHasChanged) {
    int times = 0;
    ctdbd_.answers[controls::trans3_commit::opcode] = [&](const protocol::req_control&) {
        test::fake_answer out;
        out.status = ++times < 3 ? -1 : 0;
        return out;
    };
    EXPECT_TRUE(commit_one(std::chrono::seconds(5)));
    EXPECT_EQ(3, times);
}

TEST_F(Commit, GivesUpAtTheDeadline) {
    ctdbd_.answer<controls::trans3_commit>({-1, {}, "recovery"});
    const auto done = commit_one(std::chrono::milliseconds(30));
    ASSERT_FALSE(done);
    EXPECT_TRUE(done.error().code == ETIMEDOUT || done.error().code == EINPROGRESS);
}

TEST_F(Commit, WithoutAnAnswerIsOfUnknownOutcome) {
    const auto done = commit_one(std::chrono::milliseconds(30));
    ASSERT_FALSE(done);
    EXPECT_EQ(EINPROGRESS, done.error().code);
}

} // namespace
