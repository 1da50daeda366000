// The client against a scripted eventd on a real socket.
#include "common/event/event_client.hpp"
#include "common/sock/sock_daemon.hpp"
#include "tests/unit/common/event/temp_dir.hpp"

#include <deque>

#include <gtest/gtest.h>

namespace ctdb::event {
namespace {

using namespace std::chrono_literals;

class fake_eventd {
public:
    using answer_function = std::function<std::optional<reply>(const request&)>;

    fake_eventd(async::event_loop& loop, const std::string& path, answer_function answers)
        : answers_(std::move(answers)) {
        sock::stream_policy policy;
        policy.length_min = packet_length_min;
        sock::sock_daemon::handlers to_call{
            {},
            [this](sock::connection_id from, sock::received_packet packet) { got(from, packet); },
            {}};
        auto listening = sock::sock_daemon::listen(loop, path, policy, std::move(to_call));
        EXPECT_TRUE(listening.has_value());
        daemon_ = std::move(*listening);
    }
    std::vector<request> seen;

private:
    void got(sock::connection_id from, sock::received_packet packet) {
        const auto asked = decode_request(packet.view());
        ASSERT_TRUE(asked.has_value());
        seen.push_back(*asked);
        if (auto answer = answers_(*asked)) {
            answer->id = asked->id;
            daemon_->send(from, encode(*answer));
        } else {
            daemon_->close(from);
        }
    }
    answer_function answers_;
    std::unique_ptr<sock::sock_daemon> daemon_;
};

class EventClient : public testing::Test {
protected:
    test::temp_dir dir_;
    async::event_loop loop_;
    std::string path_ = dir_.file("eventd.socket");
};

reply run_reply(std::int32_t code) {
    return reply{0, command::run, code, std::nullopt};
}

TEST_F(EventClient, ASuccessfulRunIsOneRequest) {
    fake_eventd eventd(loop_, path_, [](const request&) { return run_reply(0); });
    event_client client(loop_, path_);
    const auto outcome = loop_.run_until_done(client.run("service", "monitor", "", 30s));
    ASSERT_TRUE(outcome.has_value());
    EXPECT_TRUE(outcome->ok());
    EXPECT_EQ(outcome->reason(), "");
    ASSERT_EQ(eventd.seen.size(), 1U);
    const auto& asked = std::get<run_request>(eventd.seen[0].body);
    EXPECT_EQ(asked.component, "service");
    EXPECT_EQ(asked.timeout_seconds, 30U);
    EXPECT_EQ(asked.arguments, std::nullopt);
}

TEST_F(EventClient, AFailureNamesTheScriptAndItsLastLine) {
    fake_eventd eventd(loop_, path_, [](const request& asked) {
        if (asked.body.index() == 0) {
            return run_reply(ENOEXEC);
        }
        event_status status;
        status.summary = 1;
        status.scripts = {
            script_result{"10.a", {}, {}, 0, "fine\n"},
            script_result{"20.b", {}, {}, 1, "first\nsmbd not listening\n\n"}};
        return reply{0, command::status, 0, status};
    });
    event_client client(loop_, path_);
    const auto outcome = loop_.run_until_done(client.run("service", "monitor", "", 30s));
    ASSERT_TRUE(outcome.has_value());
    EXPECT_EQ(outcome->code, ENOEXEC);
    EXPECT_EQ(outcome->reason(), "script 20.b failed: smbd not listening");
}

TEST_F(EventClient, ARunWhoseEventdDiesIsAskedForOnceMore) {
    int asked_for = 0;
    fake_eventd eventd(loop_, path_, [&asked_for](const request&) {
        return ++asked_for == 1 ? std::nullopt : std::optional<reply>(run_reply(0));
    });
    event_client client(loop_, path_);
    const auto outcome = loop_.run_until_done(client.run("service", "startup", "", 30s));
    ASSERT_TRUE(outcome.has_value());
    EXPECT_TRUE(outcome->ok());
    EXPECT_EQ(asked_for, 2);
}

TEST_F(EventClient, AnEventdThatDiesTwiceIsAnError) {
    fake_eventd eventd(loop_, path_, [](const request&) { return std::nullopt; });
    event_client client(loop_, path_);
    const auto outcome = loop_.run_until_done(client.run("service", "startup", "", 30s));
    ASSERT_FALSE(outcome.has_value());
    EXPECT_EQ(outcome.error().code, ENOTCONN);
    EXPECT_EQ(eventd.seen.size(), 2U);
}

async::task<void>
start_late(async::event_loop& loop, std::string path, std::unique_ptr<fake_eventd>& eventd) {
    co_await async::sleep_for(loop, 150ms);
    eventd = std::make_unique<fake_eventd>(loop, path, [](const request&) { return run_reply(0); });
}

TEST_F(EventClient, AnEventdThatStartsLateIsWaitedFor) {
    std::unique_ptr<fake_eventd> eventd;
    async::task<void> later = start_late(loop_, path_, eventd);
    later.raw().resume();
    event_client client(loop_, path_);
    const auto outcome = loop_.run_until_done(client.run("cluster", "init", "", 5s));
    ASSERT_TRUE(outcome.has_value());
    EXPECT_TRUE(outcome->ok());
}

TEST_F(EventClient, AToolIsToldAtOnceThatNobodyListens) {
    event_client client(loop_, path_);
    EXPECT_EQ(client.connect().error().code, ENOENT);
}

} // namespace
} // namespace ctdb::event
