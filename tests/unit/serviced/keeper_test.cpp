// The keeper between a scripted ctdbd and a scripted eventd, on real sockets.
#include "common/sock/sock_daemon.hpp"
#include "serviced/keeper.hpp"
#include "tests/unit/common/event/temp_dir.hpp"

#include <map>

#include <gtest/gtest.h>

namespace ctdb::serviced {
namespace {

using namespace std::chrono_literals;
using provider::shutdown_phase;

class fake_eventd {
public:
    fake_eventd(async::event_loop& loop, const std::string& path) {
        sock::stream_policy policy;
        policy.length_min = event::packet_length_min;
        sock::sock_daemon::handlers to_call{
            {},
            [this](sock::connection_id from, sock::received_packet p) { got(from, p.view()); },
            {}};
        daemon_ = *sock::sock_daemon::listen(loop, path, policy, std::move(to_call));
    }
    std::map<std::string, std::int32_t> codes; // by event; 0 if not there
    std::vector<std::string> ran;

private:
    void got(sock::connection_id from, byte_view packet) {
        const auto asked = event::decode_request(packet);
        ASSERT_TRUE(asked.has_value());
        event::reply answer;
        answer.id = asked->id;
        if (const auto* run = std::get_if<event::run_request>(&asked->body)) {
            ran.push_back(run->component + " " + run->event);
            answer.result = codes[run->event];
        } else {
            answer.to = event::command::status;
            answer.result = EINVAL;
        }
        daemon_->send(from, event::encode(answer));
    }
    std::unique_ptr<sock::sock_daemon> daemon_;
};

class fake_ctdbd {
public:
    fake_ctdbd(async::event_loop& loop, const std::string& path) {
        sock::stream_policy policy;
        policy.length_min = 16;
        sock::sock_daemon::handlers to_call{
            {},
            [this](sock::connection_id from, sock::received_packet p) { got(from, p.view()); },
            {}};
        daemon_ = *sock::sock_daemon::listen(loop, path, policy, std::move(to_call));
    }
    void tell(std::uint32_t number, const provider::message& m) {
        daemon_->send(client_, provider::encode(number, m));
    }
    std::string name;                                   // of who registered
    std::map<std::uint32_t, std::int32_t> acknowledged; // status by number
    std::vector<provider::set_health> health;

private:
    void got(sock::connection_id from, byte_view packet) {
        const auto p = provider::decode(packet);
        ASSERT_TRUE(p.has_value());
        if (const auto* hello = std::get_if<provider::register_provider>(&p->message)) {
            client_ = from;
            name = hello->name;
            provider::registered terms;
            terms.silence_limit_ms = 60'000;
            tell(p->number, terms);
        } else if (const auto* ack = std::get_if<provider::acknowledge>(&p->message)) {
            acknowledged[p->number] = ack->status;
        } else if (const auto* pushed = std::get_if<provider::set_health>(&p->message)) {
            health.push_back(*pushed);
        }
    }
    sock::connection_id client_;
    std::unique_ptr<sock::sock_daemon> daemon_;
};

class Keeper : public testing::Test {
protected:
    Keeper() {
        where_.etc = dir_.directory("etc");
        where_.run = dir_.directory("run");
        where_.data = dir_.directory("share");
        eventd_ = std::make_unique<fake_eventd>(loop_, where_.socket("eventd"));
        ctdbd_ = std::make_unique<fake_ctdbd>(loop_, where_.provider_socket());
        keeper_ =
            std::make_unique<keeper>(loop_, where_, keeper_settings{}, [this] { left_ = true; });
    }
    template <class Condition>
    [[nodiscard]] bool wait_for(Condition condition) {
        const auto limit = loop_.now() + 5s;
        bool late = false;
        async::timer wake(loop_, [&late] { late = true; });
        wake.arm(limit);
        while (!condition() && !late) {
            loop_.run_once();
        }
        return condition();
    }
    void tell_state(protocol::run_state state) {
        ctdbd_->tell(0, provider::run_state_changed{state});
    }
    void tell_activity(std::uint32_t number, bool active) {
        provider::activity_changed activity;
        activity.active = active;
        ctdbd_->tell(number, activity);
    }
    void come_up() {
        ASSERT_TRUE(wait_for([this] { return ctdbd_->name == "serviced"; }));
        tell_state(protocol::run_state::startup);
        tell_activity(0, true);
        ctdbd_->tell(7, provider::start_services{});
    }
    void run() {
        come_up();
        ASSERT_TRUE(wait_for([this] { return ctdbd_->acknowledged.contains(7); }));
        tell_state(protocol::run_state::running);
        ASSERT_TRUE(wait_for([this] { return healthy(); }));
    }
    [[nodiscard]] bool healthy() const {
        return !ctdbd_->health.empty() && ctdbd_->health.back().healthy;
    }
    [[nodiscard]] bool has_run(const std::string& what) const {
        return std::find(eventd_->ran.begin(), eventd_->ran.end(), what) != eventd_->ran.end();
    }

    test::temp_dir dir_;
    path::paths where_;
    async::event_loop loop_;
    std::unique_ptr<fake_eventd> eventd_;
    std::unique_ptr<fake_ctdbd> ctdbd_;
    std::unique_ptr<keeper> keeper_;
    bool left_ = false;
};

TEST_F(Keeper, StartsServicesWhenAskedAndReportsHealthAfterTheFirstMonitor) {
    run();
    EXPECT_EQ(ctdbd_->acknowledged[7], 0);
    ASSERT_TRUE(wait_for([this] { return eventd_->ran.size() == 3; }));
    const std::vector<std::string> expected{
        "service startup", "service monitor", "notification healthy"};
    EXPECT_EQ(eventd_->ran, expected);
    EXPECT_FALSE(ctdbd_->health.front().healthy);
}

TEST_F(Keeper, LegacyScriptsTakePartWhereThereAreAny) {
    dir_.script("etc/events/legacy/50.own.script", "");
    run();
    ASSERT_GE(eventd_->ran.size(), 4U);
    eventd_->ran.resize(4);
    const std::vector<std::string> expected{
        "service startup", "legacy startup", "service monitor", "legacy monitor"};
    EXPECT_EQ(eventd_->ran, expected);
}

TEST_F(Keeper, AFailedStartupIsReportedAndNotAcknowledged) {
    eventd_->codes["startup"] = ENOEXEC;
    come_up();
    ASSERT_TRUE(wait_for([this] {
        return !ctdbd_->health.empty() && ctdbd_->health.back().reason.starts_with("startup: ");
    }));
    EXPECT_FALSE(healthy());
    EXPECT_FALSE(ctdbd_->acknowledged.contains(7));
    // giving up is an answer
    tell_activity(8, false);
    ASSERT_TRUE(wait_for([this] { return ctdbd_->acknowledged.contains(8); }));
    EXPECT_EQ(ctdbd_->acknowledged[7], -1);
    EXPECT_TRUE(has_run("service shutdown"));
}

TEST_F(Keeper, AnUnhealthyServiceIsReportedWithItsReason) {
    eventd_->codes["monitor"] = ENOEXEC;
    come_up();
    tell_state(protocol::run_state::running);
    ASSERT_TRUE(wait_for([this] { return has_run("service monitor"); }));
    ASSERT_TRUE(wait_for([this] { return ctdbd_->health.size() >= 2; }));
    EXPECT_FALSE(healthy());
    EXPECT_NE(ctdbd_->health.back().reason, "");
}

TEST_F(Keeper, TurningInactiveIsAcknowledgedWhenServicesHaveStopped) {
    run();
    tell_activity(9, false);
    ASSERT_TRUE(wait_for([this] { return ctdbd_->acknowledged.contains(9); }));
    EXPECT_EQ(eventd_->ran.back(), "service shutdown");
    EXPECT_FALSE(healthy());
}

TEST_F(Keeper, TheShutdownPhaseStopsServicesOnce) {
    run();
    ctdbd_->tell(10, provider::shutting_down{shutdown_phase::leaving});
    ctdbd_->tell(11, provider::shutting_down{shutdown_phase::stop_services});
    ctdbd_->tell(12, provider::shutting_down{shutdown_phase::ending});
    ASSERT_TRUE(wait_for([this] { return ctdbd_->acknowledged.size() == 4; }));
    ctdbd_.reset();
    keeper_->starter_gone();
    ASSERT_TRUE(wait_for([this] { return left_; }));
    const auto stops = std::count(eventd_->ran.begin(), eventd_->ran.end(), "service shutdown");
    EXPECT_EQ(stops, 1);
}

TEST_F(Keeper, LosingCtdbdStopsServicesAndWaitsForItsReturn) {
    run();
    ctdbd_.reset();
    ASSERT_TRUE(wait_for([this] { return has_run("service shutdown"); }));
    EXPECT_FALSE(left_);
    ctdbd_ = std::make_unique<fake_ctdbd>(loop_, where_.provider_socket());
    eventd_->ran.clear();
    run();
    EXPECT_TRUE(has_run("service startup"));
}

} // namespace
} // namespace ctdb::serviced
