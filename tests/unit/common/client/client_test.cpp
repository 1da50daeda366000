#include "common/async/task_set.hpp"
#include "common/client/client.hpp"
#include "common/protocol/srvids.hpp"
#include "fake_ctdbd.hpp"
#include "tests/unit/common/sock/test_loop.hpp"

#include <optional>

#include <gtest/gtest.h>

namespace {

using namespace ctdb;
namespace controls = protocol::controls;
using test::run_until;

class Client : public testing::Test {
protected:
    async::time_point soon() { return loop_.now() + std::chrono::seconds(5); }
    void connect() {
        auto made = loop_.run_until_done(client::client::connect(
            loop_, path_, soon(), [this](const sock::stream_end&) { ++ended_; }
        ));
        ASSERT_TRUE(made) << made.error().what;
        client_ = std::move(*made);
    }
    template <class Control>
    result<typename Control::reply>
    call(typename Control::request request, async::duration limit = std::chrono::seconds(5)) {
        return loop_.run_until_done(
            client::call<Control>(*client_, pnn(1), request, loop_.now() + limit)
        );
    }
    test::temp_dir dir_;
    std::string path_ = dir_.file("ctdbd");
    async::event_loop loop_;
    test::fake_ctdbd ctdbd_{loop_, path_};
    int ended_ = 0;
    std::unique_ptr<client::client> client_;
};

TEST_F(Client, KnowsItsNodeAfterConnecting) {
    connect();
    EXPECT_EQ(test::fake_ctdbd::self, client_->self());
}

TEST_F(Client, CannotConnectWithoutANodeNumberOrADaemon) {
    ctdbd_.answer<controls::get_pnn>({-1, {}, "starting"});
    const auto made = loop_.run_until_done(client::client::connect(loop_, path_, soon()));
    ASSERT_FALSE(made);
    EXPECT_EQ(EPROTO, made.error().code);
    const auto none =
        loop_.run_until_done(client::client::connect(loop_, dir_.file("none"), soon()));
    ASSERT_FALSE(none);
    EXPECT_EQ(ENOENT, none.error().code);
}

TEST_F(Client, GetsValuesStatusesAndRefusals) {
    connect();
    ctdbd_.answer<controls::get_tunable>({0, protocol::encode(std::uint32_t{42}), {}});
    protocol::tunable_name name;
    name.name = "MonitorInterval";
    EXPECT_EQ(42U, call<controls::get_tunable>(name));
    ctdbd_.answer<controls::ping>({7, {}, {}});
    EXPECT_EQ(7, call<controls::ping>({})->value);
    ctdbd_.answer<controls::stop_node>({-1, {}, "node is disconnected"});
    const auto refused = call<controls::stop_node>({});
    ASSERT_FALSE(refused);
    EXPECT_EQ(EREMOTEIO, refused.error().code);
    EXPECT_NE(std::string::npos, refused.error().what.find("node is disconnected"));
}

TEST_F(Client, DoesNotWaitBeyondTheDeadlineNorForADaemonThatIsGone) {
    connect();
    const auto late = call<controls::get_uptime>({}, std::chrono::milliseconds(10));
    ASSERT_FALSE(late);
    EXPECT_EQ(ETIMEDOUT, late.error().code);
    ctdbd_.answers[controls::ping::opcode] = [this](const protocol::req_control&) {
        ctdbd_.daemon->close(ctdbd_.last);
        return test::fake_answer{};
    };
    const auto gone = call<controls::ping>({});
    ASSERT_FALSE(gone);
    EXPECT_EQ(ENOTCONN, gone.error().code);
    EXPECT_EQ(1, ended_);
}

TEST_F(Client, RegistersAnAddressOnceForAllWhoListen) {
    connect();
    std::vector<int> heard;
    auto one = client_->subscribe(srvid(5), [&](byte_view) { heard.push_back(1); });
    auto two = client_->subscribe(srvid(5), [&](byte_view) { heard.push_back(2); });
    auto all = client_->subscribe(protocol::srvids::all, [&](byte_view) { heard.push_back(3); });
    ASSERT_TRUE(run_until(loop_, [&] { return ctdbd_.count<controls::register_srvid>() == 2; }));
    ctdbd_.message(srvid(5), to_bytes("x"));
    ctdbd_.message(srvid(6), to_bytes("y"));
    ASSERT_TRUE(run_until(loop_, [&] { return heard.size() == 4; }));
    EXPECT_EQ((std::vector<int>{1, 2, 3, 3}), heard);
    one.reset();
    two.reset();
    ASSERT_TRUE(run_until(loop_, [&] { return ctdbd_.count<controls::deregister_srvid>() == 1; }));
}

TEST_F(Client, AHandlerMayEndItsOwnSubscription) {
    connect();
    int heard = 0;
    std::unique_ptr<client::message_subscription> kept;
    kept = client_->subscribe(srvid(5), [&](byte_view) {
        ++heard;
        kept.reset();
    });
    ctdbd_.message(srvid(5), {});
    ctdbd_.message(srvid(5), {});
    ASSERT_TRUE(run_until(loop_, [&] { return ctdbd_.count<controls::deregister_srvid>() == 1; }));
    EXPECT_EQ(1, heard);
}

TEST_F(Client, SubscriptionsMayOutliveTheClient) {
    connect();
    auto kept = client_->subscribe(srvid(5), [](byte_view) {});
    client_.reset();
    kept.reset();
    ASSERT_TRUE(run_until(loop_, [&] { return ctdbd_.gone == 1; }));
}

TEST_F(Client, OpensATunnelOnceAndHearsFromIt) {
    connect();
    std::optional<protocol::tunnel_flags> flags;
    auto handler = [&](protocol::tunnel_flags f, byte_view) { flags = f; };
    ctdbd_.answer<controls::register_tunnel>({-1, {}, "taken"});
    auto refused = loop_.run_until_done(client_->open_tunnel(9, handler, soon()));
    ASSERT_FALSE(refused);
    EXPECT_EQ(EADDRINUSE, refused.error().code);
    ctdbd_.answer<controls::register_tunnel>({});
    const auto open = loop_.run_until_done(client_->open_tunnel(9, handler, soon()));
    ASSERT_TRUE(open);
    protocol::req_tunnel packet;
    packet.tunnel_id = 9;
    packet.flags = protocol::tunnel_flag::request;
    ctdbd_.send(packet, reqid(0));
    ASSERT_TRUE(run_until(loop_, [&] { return flags.has_value(); }));
    EXPECT_TRUE(flags->has(protocol::tunnel_flag::request));
}

TEST_F(Client, SurvivesAPacketThatIsNone) {
    connect();
    bytes junk = protocol::encode(protocol::packet_header(), protocol::req_message());
    junk[4] = std::byte{0}; // magic
    ctdbd_.daemon->send(ctdbd_.last, junk);
    ctdbd_.answer<controls::ping>({1, {}, {}});
    EXPECT_TRUE(call<controls::ping>({}));
}

TEST_F(Client, ACallAnsweredWithAnErrorIsOne) {
    connect();
    ctdbd_.on_call = [this](const protocol::req_call&, reqid id) {
        protocol::reply_error why;
        why.status = -1;
        const bytes text = to_bytes("no such database");
        why.message = text;
        ctdbd_.send(why, id);
    };
    protocol::req_call ask;
    const bytes key = to_bytes("k");
    ask.key = key;
    const auto got = loop_.run_until_done(client_->call(ask, soon()));
    ASSERT_FALSE(got);
    EXPECT_EQ(EREMOTEIO, got.error().code);
    EXPECT_NE(std::string::npos, got.error().what.find("no such database"));
}

} // namespace
