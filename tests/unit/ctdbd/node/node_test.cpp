// What only the whole node can show: how its parts hold together against databases.md 11 and 12.
#include "common/protocol/hash.hpp"
#include "common/protocol/record_buffer.hpp"
#include "tests/unit/ctdbd/node/lone_node.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ctdb {
namespace {

namespace controls = protocol::controls;
using namespace std::chrono_literals;
using testing::lone_node;

constexpr pnn peer{1};
const db_id unknown_database = protocol::db_id_of("unknown.tdb");

protocol::req_call call_for(db_id db, std::string_view key) {
    protocol::req_call call;
    call.flags = protocol::call_flag::immediate_migration;
    call.db_id = db;
    call.key = view_of(key);
    return call;
}

// The REPLY_ERRORs among what the node sent.
std::size_t errors_sent(const lone_node& node) {
    std::size_t count = 0;
    for (const testing::sent_packet& sent : node.sent()) {
        const auto packet = sent.decoded();
        count += std::holds_alternative<protocol::reply_error>(packet.body) ? 1 : 0;
    }
    return count;
}

class Node : public ::testing::Test {
protected:
    Node() { node.make_member(); }
    lone_node node;
};

// A recovery that a healthy node takes part in heals a database (databases.md 6.2). Asked for only
// where there is one to heal: a recovery stops everybody.
class StartingNode : public ::testing::Test {
protected:
    StartingNode() {
        node.make_member();
        node.attach("p.tdb", protocol::db_flag::persistent);
        flags_of_peer(protocol::node_flag::unhealthy);
    }
    void flags_of_peer(protocol::node_flags flags) {
        node.daemon().table().modify_flags({peer, flags, {}});
        node.settle();
    }
    lone_node node{std::nullopt, protocol::run_state::startup};
};

TEST_F(StartingNode, WithAnUnhealthyDatabaseRecoversWhenAnotherNodeBecomesHealthy) {
    node.make_unhealthy("p.tdb");
    flags_of_peer(protocol::node_flag::permanently_disabled);
    EXPECT_FALSE(node.recovering());
    flags_of_peer({});
    EXPECT_TRUE(node.recovering());
}

TEST_F(StartingNode, WithHealthyDatabasesLeavesTheClusterAlone) {
    flags_of_peer({});
    EXPECT_FALSE(node.recovering());
}

TEST_F(StartingNode, OnceRunningNeedsNoRecovery) {
    node.make_unhealthy("p.tdb");
    node.daemon().set_state(protocol::run_state::running);
    flags_of_peer({});
    EXPECT_FALSE(node.recovering());
}

TEST_F(Node, ALinkLostWithPacketsUndeliveredAsksForARecovery) { // 12.1 #1a
    node.daemon().link_down(peer, "reset", false);
    node.settle();
    EXPECT_FALSE(node.recovering()) << "provably nothing was outstanding";
    node.daemon().link_up(peer);
    node.daemon().link_down(peer, "reset", true);
    node.daemon().link_up(peer); // back before anybody looks
    node.settle();
    EXPECT_TRUE(node.recovering());
}

TEST_F(Node, ALossDuringARecoveryAsksForAnotherAfterIt) { // 12.1 #1a, #26
    ASSERT_TRUE(node.daemon().set_recovery_mode(protocol::recovery_mode::active));
    ASSERT_TRUE(node.daemon().set_vnn_map({generation{0x3333}, {pnn{0}, peer}}));
    node.daemon().link_down(pnn{2}, "reset", true);
    ASSERT_TRUE(node.daemon().set_recovery_mode(protocol::recovery_mode::normal));
    node.settle();
    EXPECT_TRUE(node.recovering());
}

TEST_F(Node, AClientThatNamesAnUnknownDatabaseIsAnswered) { // 12.1 #14
    const client_id smbd = node.connect_client();
    node.client_sends(smbd, reqid{5}, call_for(unknown_database, "k"));
    ASSERT_EQ(node.said_to_clients.size(), 1U);
    const auto said = protocol::decode_packet(node.said_to_clients.front());
    EXPECT_EQ(said->header.reqid, reqid{5});
    EXPECT_TRUE(std::holds_alternative<protocol::reply_error>(said->body));
}

// smbd 4.17 registers RELEASE_IP once for each channel.
TEST_F(Node, AClientGetsOneCopyHoweverOftenItRegistersAnAddress) {
    const client_id smbd = node.connect_client();
    const srvid address{0xF300000000000000};
    ctdbd::client_hub& clients = node.daemon().clients();
    EXPECT_TRUE(clients.register_srvid(smbd, address));
    EXPECT_TRUE(clients.register_srvid(smbd, address));
    ctdbd::srvid_registry& registry = node.daemon().routes().registry();
    registry.deliver(address, view_of("10.0.0.1"));
    EXPECT_EQ(node.said_to_clients.size(), 1U);
    EXPECT_TRUE(clients.deregister_srvid(smbd, address));
    registry.deliver(address, view_of("10.0.0.1"));
    EXPECT_EQ(node.said_to_clients.size(), 2U); // it has registered once more than that
    EXPECT_TRUE(clients.deregister_srvid(smbd, address));
    EXPECT_FALSE(clients.deregister_srvid(smbd, address));
    registry.deliver(address, view_of("10.0.0.1"));
    EXPECT_EQ(node.said_to_clients.size(), 2U);
}

// samba-client.md 2: everything that does not say NOREPLY is answered.
TEST_F(Node, AControlToAllNodesThatWantsAnAnswerIsRefused) {
    const client_id smbd = node.connect_client();
    protocol::req_control ask;
    ask.opcode = protocol::controls::get_pnn::opcode;
    node.client_sends(smbd, reqid{5}, ask, protocol::broadcast_connected);
    ASSERT_EQ(node.said_to_clients.size(), 1U);
    const auto said = protocol::decode_packet(node.said_to_clients.front());
    EXPECT_EQ(said->header.reqid, reqid{5});
    EXPECT_EQ(std::get<protocol::reply_control>(said->body).status, -1);
    ask.flags = protocol::control_flag::noreply;
    node.client_sends(smbd, reqid{6}, ask, protocol::broadcast_connected);
    EXPECT_EQ(node.said_to_clients.size(), 1U);
}

TEST_F(Node, ANodesCallForAnUnknownDatabaseIsHeldAWhileThenAnswered) { // 12.1 #14
    node.hear(peer, reqid{5}, call_for(unknown_database, "k"));
    node.pass(1s);
    EXPECT_EQ(errors_sent(node), 0U);
    node.pass(4s);
    EXPECT_EQ(errors_sent(node), 1U);
}

TEST_F(Node, ANodesCallIsServedOnceTheAttachArrives) { // 12.1 #14
    node.hear(peer, reqid{5}, call_for(unknown_database, "k"));
    node.attach("unknown.tdb");
    node.pass(5s);
    EXPECT_EQ(errors_sent(node), 0U);
    ASSERT_FALSE(node.sent().empty());
}

TEST_F(Node, CallsForAnUnknownDatabaseAreHeldUpToAMegabyte) {
    const bytes large(400U << 10U);
    protocol::req_call call = call_for(unknown_database, "k");
    call.call_data = large;
    for (const std::uint32_t id : {5U, 6U, 7U}) {
        node.hear(peer, reqid{id}, call);
    }
    EXPECT_EQ(errors_sent(node), 1U) << "the third is too much";
    node.pass(4s);
    EXPECT_EQ(errors_sent(node), 3U);
    node.hear(peer, reqid{8}, call);
    EXPECT_EQ(errors_sent(node), 3U) << "there is room again";
}

TEST_F(Node, RecordsForAnUnknownDatabaseEndInARecoveryNotInADeadDaemon) { // 12.1 #7
    protocol::req_dmaster given;
    given.db_id = unknown_database;
    given.dmaster = pnn{2};
    given.key = view_of("k");
    node.hear(peer, reqid{5}, given);
    EXPECT_EQ(errors_sent(node), 1U);
    EXPECT_TRUE(node.recovering());
}

// 12.1 #24: the id that a control from elsewhere carries is that of a client there.
class ForeignClientId : public Node {
protected:
    ForeignClientId() {
        node.attach("test.tdb");
        node.client_sends(mine, reqid{1}, registration);
        node.said_to_clients.clear();
    }
    std::optional<std::int32_t> ask(std::uint32_t opcode, byte_view data, srvid address = srvid{}) {
        node.ask(peer, reqid{5}, opcode, data, mine, address);
        return node.status_of(peer, reqid{5});
    }
    static protocol::req_control register_address() {
        protocol::req_control body;
        body.opcode = controls::register_srvid::opcode;
        body.srvid = srvid{0xA0};
        return body;
    }
    const protocol::req_control registration = register_address();
    const client_id mine = node.connect_client();
    const db_id db = protocol::db_id_of("test.tdb");
};

TEST_F(ForeignClientId, RegistersNothingHere) {
    EXPECT_EQ(ask(controls::register_srvid::opcode, {}, srvid{0xB0}), -1);
    EXPECT_FALSE(node.daemon().clients().has_registered(4711, srvid{0xB0}));
}

TEST_F(ForeignClientId, TakesNoAddressAway) {
    EXPECT_EQ(ask(controls::deregister_srvid::opcode, {}, srvid{0xA0}), -1);
    EXPECT_TRUE(node.daemon().clients().has_registered(4711, srvid{0xA0}));
}

TEST_F(ForeignClientId, StartsNoTraverse) {
    const protocol::traverse_start request{db, reqid{9}, srvid{0xA0}};
    const bytes data = protocol::encode_request<controls::start_traverse>(request);
    EXPECT_EQ(ask(controls::start_traverse::opcode, data), -1);
    EXPECT_THAT(node.said_to_clients, ::testing::IsEmpty());
}

TEST_F(ForeignClientId, CommitsNothing) {
    protocol::record_buffer_writer change(db);
    protocol::record_header header;
    header.rsn = rsn{1};
    change.append(view_of("k"), header, view_of("v"));
    EXPECT_EQ(ask(controls::trans3_commit::opcode, change.take()), -1);
    EXPECT_FALSE(node.asked(pnn{2}, controls::update_record::opcode));
}

TEST_F(ForeignClientId, SpoilsNoPersistentUpdate) {
    const protocol::req_control own{protocol::start_persistent_update_opcode, {}, {}, {}, {}, 0};
    ask(protocol::start_persistent_update_opcode, {});
    node.daemon().clients().client_gone(mine);
    node.settle();
    EXPECT_FALSE(node.recovering()) << "an update is counted that this client did not begin";
    const client_id other = node.connect_client();
    node.client_sends(other, reqid{2}, own);
    node.daemon().clients().client_gone(other);
    node.settle();
    EXPECT_TRUE(node.recovering());
}

// 12.2: upstream answered STOP_NODE before anything was frozen, and a node could be continued so.
TEST_F(Node, StoppedItIsOutOfTheClusterBeforeTheAnswer) {
    node.attach("test.tdb");
    node.ask<controls::stop_node>(peer, reqid{5}, protocol::none{});
    EXPECT_EQ(node.status_of(peer, reqid{5}), 0);
    ctdbd::database* db = node.daemon().databases().find(protocol::db_id_of("test.tdb"));
    EXPECT_EQ(node.daemon().current_epoch().generation(), invalid_generation);
    EXPECT_TRUE(node.recovering());
    EXPECT_EQ(db->generation(), invalid_generation);
    EXPECT_TRUE(db->has_invalid_records());
    EXPECT_TRUE(db->is_frozen());
    node.ask<controls::continue_node>(peer, reqid{6}, protocol::none{});
    EXPECT_TRUE(db->has_invalid_records()) << "until a recovery has readmitted it";
}

TEST_F(Node, ABannedNodeDropsRecordPackets) { // databases.md 0.5
    node.attach("test.tdb");
    node.hear(peer, reqid{4}, call_for(protocol::db_id_of("test.tdb"), "k"));
    ASSERT_EQ(node.daemon().statistics().node.req_call, 1U);
    ASSERT_TRUE(node.daemon().own().set_ban({lone_node::self, 60}, "test"));
    node.settle();
    const auto calls = node.daemon().statistics().node.req_call;
    node.hear(peer, reqid{5}, call_for(protocol::db_id_of("test.tdb"), "k"));
    node.hear(peer, reqid{6}, call_for(protocol::db_id_of("test.tdb"), "k"), invalid_generation);
    EXPECT_EQ(node.daemon().statistics().node.req_call, calls);
}

} // namespace
} // namespace ctdb
