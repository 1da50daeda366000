// What becomes of those who wait when a database gets another content, or goes.
#include "common/protocol/hash.hpp"
#include "common/protocol/record_buffer.hpp"
#include "ctdbd/database/traverse_walker.hpp"
#include "tests/unit/ctdbd/node/lone_node.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ctdb {
namespace {

namespace controls = protocol::controls;
using ctdbd::answer;
using protocol::record_flag;
using testing::lone_node;

constexpr pnn peer{1};
constexpr pnn third{2};

class Content : public ::testing::Test {
protected:
    Content() {
        node.make_member();
        node.attach("test.tdb");
        EXPECT_TRUE(node.daemon().databases().set_attribute(db, protocol::db_flag::readonly));
    }
    // A key whose location master is `owner`.
    static std::string key_of(pnn owner) {
        const protocol::vnn_map map{lone_node::epoch, {pnn{0}, peer, third}};
        for (int i = 0;; ++i) {
            std::string key = fmt::format("key{}", i);
            if (protocol::lmaster_of(map, view_of(key)) == owner) {
                return key;
            }
        }
    }
    void freeze() {
        node.daemon().databases().freeze(db, [](const answer<>& a) { EXPECT_TRUE(a); });
        node.settle();
    }
    // As wipedb does: the generation stays.
    void wipe_and_thaw() {
        ctdbd::database_set& all = node.daemon().databases();
        const protocol::transdb transaction{db, lone_node::epoch.value};
        freeze();
        EXPECT_TRUE(all.begin(transaction));
        EXPECT_TRUE(all.wipe(transaction));
        std::optional<answer<>> committed;
        all.commit(transaction, [&](const answer<>& a) { committed = a; });
        node.settle();
        EXPECT_TRUE(committed && *committed);
        EXPECT_TRUE(all.thaw(db));
        node.settle();
    }
    [[nodiscard]] protocol::req_call call(std::string_view key) const {
        protocol::req_call body;
        body.flags = protocol::call_flag::immediate_migration;
        body.db_id = db;
        body.key = view_of(key);
        return body;
    }
    void reads(pnn reader, std::uint32_t id, std::string_view key) {
        protocol::req_call body = call(key);
        body.flags = protocol::call_flag::want_readonly;
        body.call_id = protocol::call_id::fetch_with_header;
        node.hear(reader, reqid{id}, body);
    }
    void update_comes(std::uint32_t id, std::string_view key) {
        protocol::record_buffer_writer changed(db);
        changed.append(view_of(key), protocol::record_header{}, view_of("v"));
        const bytes buffer = changed.take();
        node.ask(peer, reqid{id}, controls::update_record::opcode, buffer);
    }
    void detach() {
        node.daemon().tunable_values()[protocol::tunable_id::allow_client_db_attach] = 0;
        ctdbd::asker daemon;
        EXPECT_TRUE(node.daemon().databases().detach(db, daemon));
        node.settle();
    }
    [[nodiscard]] bool stored(std::string_view key) {
        ctdbd::local_store& store = node.daemon().databases().find(db)->store();
        EXPECT_EQ(store.try_lock(view_of(key)), ctdbd::lock_state::locked);
        const auto found = store.read(view_of(key), [](byte_view) {});
        store.unlock(view_of(key));
        return found && *found;
    }
    [[nodiscard]] std::size_t errors_to_clients() const {
        std::size_t count = 0;
        for (const bytes& said : node.said_to_clients) {
            const auto packet = protocol::decode_packet(said);
            count += std::holds_alternative<protocol::reply_error>(packet->body) ? 1 : 0;
        }
        return count;
    }
    const db_id db = protocol::db_id_of("test.tdb");
    lone_node node;
};

TEST_F(Content, AWipeEndsTheCopiesToReadOfTheOldContent) {
    const std::string key = key_of(lone_node::self);
    reads(peer, 5, key);
    wipe_and_thaw();
    reads(third, 6, key);
    node.client_sends(node.connect_client(), reqid{1}, call(key)); // revokes
    EXPECT_TRUE(node.asked(third, controls::update_record::opcode));
    EXPECT_FALSE(node.asked(peer, controls::update_record::opcode))
        << "its copy went with the wipe";
}

TEST_F(Content, FreezesAreInTheStatisticsOfTheNodeAndOfTheDatabase) { // databases.md 4.3
    const auto before = node.daemon().statistics().locks;
    ctdbd::database_set& all = node.daemon().databases();
    const auto before_here = all.find(db)->engine()->statistics().locks;
    freeze();
    const auto after = node.daemon().statistics().locks;
    EXPECT_EQ(after.num_calls, before.num_calls + 1);
    EXPECT_EQ(after.latency.num, before.latency.num + 1);
    EXPECT_EQ(after.num_current, 0U);
    freeze(); // frozen already: no wait
    EXPECT_EQ(all.find(db)->engine()->statistics().locks.num_calls, before_here.num_calls + 1);
    EXPECT_TRUE(all.thaw(db));
    EXPECT_EQ(node.daemon().statistics().locks.num_failed, before.num_failed);
}

TEST_F(Content, AWipeEmptiesTheQueuesOfVacuuming) {
    const std::string key = key_of(lone_node::self);
    node.daemon().vacuum().candidate(db, view_of(key), {});
    ASSERT_EQ(node.daemon().vacuum().waiting(db), 1U);
    wipe_and_thaw();
    EXPECT_EQ(node.daemon().vacuum().waiting(db), 0U);
}

// As restoredb does with what was deleted when the copy was made (databases.md 2.2).
TEST_F(Content, AnEmptyRecordThatIsRestoredIsToBeVacuumed) {
    const srvid address{0xF002};
    ctdbd::database_set& all = node.daemon().databases();
    const protocol::transdb transaction{db, lone_node::epoch.value};
    freeze();
    EXPECT_TRUE(all.begin(transaction));
    EXPECT_TRUE(all.wipe(transaction));
    EXPECT_TRUE(all.push_start({db, pnn{0}, address}));
    protocol::record_buffer_writer records(db);
    protocol::record_header ours;
    ours.dmaster = lone_node::self;
    records.append(view_of(key_of(peer)), ours, {});
    records.append(view_of(key_of(third)), ours, view_of("value"));
    node.daemon().cluster().message(lone_node::self, address, records.take());
    node.settle();
    all.push_confirm(db, [](const answer<std::uint32_t>& stored) { EXPECT_EQ(stored, 2U); });
    node.settle();
    EXPECT_EQ(node.daemon().vacuum().waiting(db), 0U) << "not committed yet";
    all.commit(transaction, [](const answer<>& a) { EXPECT_TRUE(a); });
    node.settle();
    EXPECT_EQ(node.daemon().vacuum().waiting(db), 1U);
}

TEST_F(Content, APushedCopyIsStoredAndAnsweredWhenOnDisk) { // databases.md 10.1
    protocol::pushed_record record;
    record.generation = lone_node::epoch;
    record.db_id = db;
    record.header.dmaster = peer;
    record.key = to_bytes(key_of(peer));
    record.value = to_bytes("value");
    node.ask<controls::push_record>(peer, reqid{1}, record);
    EXPECT_EQ(node.status_of(peer, reqid{1}), 0);
    EXPECT_TRUE(stored(key_of(peer)));
    EXPECT_EQ(node.daemon().pushed().waiting(), 0U);

    record.db_id = protocol::db_id_of("unknown.tdb");
    node.ask<controls::push_record>(peer, reqid{2}, record);
    EXPECT_EQ(node.status_of(peer, reqid{2}), -1);
    record.generation = generation{7}; // ignored before anything else is judged
    node.ask<controls::push_record>(peer, reqid{3}, record);
    EXPECT_EQ(node.status_of(peer, reqid{3}), 0);
}

TEST_F(Content, ARecordThatWaitsDuringAWipeIsNotStoredAfterIt) { // I1
    const std::string key = key_of(peer);
    node.client_sends(node.connect_client(), reqid{1}, call(key));
    const reqid asked = node.sent().back().decoded().header.reqid;
    freeze();
    protocol::reply_dmaster given;
    given.db_id = db;
    given.rsn = rsn{5};
    given.key = view_of(key);
    given.data = view_of("old");
    node.hear(peer, asked, given);
    wipe_and_thaw();
    EXPECT_FALSE(stored(key));
    const auto again = node.sent().back().decoded();
    EXPECT_NE(again.header.reqid, asked);
    EXPECT_TRUE(std::holds_alternative<protocol::req_call>(again.body)) << "its client still waits";
}

TEST_F(Content, WhoWaitsForADatabaseThatIsDetachedIsTold) { // I9
    const client_id smbd = node.connect_client();
    node.client_sends(smbd, reqid{1}, call(key_of(peer))); // sent out
    freeze();
    node.client_sends(smbd, reqid{2}, call(key_of(lone_node::self))); // parked
    node.hear(peer, reqid{5}, call("k"));
    update_comes(6, "k");
    ASSERT_EQ(errors_to_clients(), 0U);
    ASSERT_FALSE(node.status_of(peer, reqid{6}));
    detach();
    EXPECT_EQ(errors_to_clients(), 2U);
    EXPECT_EQ(node.status_of(peer, reqid{6}), 1);
    const bool refused = std::ranges::any_of(node.sent(), [](const testing::sent_packet& sent) {
        return std::holds_alternative<protocol::reply_error>(sent.decoded().body);
    });
    EXPECT_TRUE(refused) << "the other node's call";
}

TEST_F(Content, ACommitThatARecoveryEndsIsAnsweredBeforeTheEventRuns) { // databases.md 6.4 step 11
    ctdbd::database_set& all = node.daemon().databases();
    const ctdbd::asker daemon;
    all.attach(protocol::db_flag::persistent, "p.tdb", daemon, [](const answer<db_id>&) {});
    protocol::record_buffer_writer change(protocol::db_id_of("p.tdb"));
    change.append(view_of("k"), protocol::record_header{}, view_of("v"));
    const bytes buffer = change.take();
    protocol::req_control commit;
    commit.opcode = controls::trans3_commit::opcode;
    commit.data = buffer;
    node.client_sends(node.connect_client(), reqid{1}, commit); // the others do not answer
    ASSERT_THAT(node.said_to_clients, ::testing::IsEmpty());
    const generation next{0x3333};
    ASSERT_TRUE(node.daemon().set_recovery_mode(protocol::recovery_mode::active));
    ASSERT_TRUE(node.daemon().set_vnn_map({next, {pnn{0}, peer, third}}));
    for (const auto& each : all.all()) {
        each->set_generation(next);
    }
    ASSERT_TRUE(node.daemon().set_recovery_mode(protocol::recovery_mode::normal));
    node.events_take = std::chrono::seconds{30};
    node.ask<controls::end_recovery>(peer, reqid{5}, protocol::none{});
    ASSERT_THAT(node.said_to_clients, ::testing::SizeIs(1));
    const auto said = protocol::decode_packet(node.said_to_clients.front());
    EXPECT_EQ(std::get<protocol::reply_control>(said->body).status, 2);
}

TEST_F(Content, ATraverseWaitsForAClientThatDoesNotRead) { // I28
    const std::string key = key_of(lone_node::self);
    const client_id smbd = node.connect_client();
    node.client_sends(smbd, reqid{1}, call(key)); // makes it, and empty records count
    const srvid address{0xB0};
    protocol::req_control listen;
    listen.opcode = controls::register_srvid::opcode;
    listen.srvid = address;
    node.client_sends(smbd, reqid{2}, listen);
    for (const pnn other : {peer, third}) {
        node.daemon().link_down(other, "gone", false); // not waited for
    }
    node.said_to_clients.clear();
    node.unread_by_clients = ctdbd::traverse_walker::queued_bytes_max + 1;
    ctdbd::asker who;
    who.client = smbd;
    ASSERT_TRUE(node.daemon().traverses().start({db, reqid{3}, address, true}, who));
    node.pass(std::chrono::seconds{1});
    EXPECT_THAT(node.said_to_clients, ::testing::IsEmpty());
    node.unread_by_clients = 0;
    node.pass(std::chrono::seconds{1});
    EXPECT_THAT(node.said_to_clients, ::testing::SizeIs(2)) << "the record and the end";
}

} // namespace
} // namespace ctdb
