// provider_hub: its properties P1 to P5 with a fake link and virtual time.
#include "common/async/task_set.hpp"
#include "common/protocol/controls.hpp"
#include "ctdbd/providers/provider_hub.hpp"
#include "tests/unit/ctdbd/routing/lonely_router.hpp"

#include <gtest/gtest.h>

namespace ctdb::ctdbd {
namespace {

using namespace std::chrono_literals;
namespace controls = protocol::controls;

// What a provider's process has seen of its hub.
struct far_end {
    std::vector<provider::packet> received;
    bool closed = false;
    bool ended = false;

    template <class Message>
    [[nodiscard]] std::vector<provider::packet> of() const {
        std::vector<provider::packet> found;
        for (const provider::packet& p : received) {
            if (std::holds_alternative<Message>(p.message)) {
                found.push_back(p);
            }
        }
        return found;
    }
};

class fake_link final : public provider_link {
public:
    explicit fake_link(far_end& other) : other_(other) {}
    void send(bytes packet) override {
        auto decoded = provider::decode(packet);
        ASSERT_TRUE(decoded.has_value());
        other_.received.push_back(*decoded);
    }
    void close() override { other_.closed = true; }
    void end_process() override { other_.ended = true; }

private:
    far_end& other_;
};

async::task<>
ask_all(provider_hub& hub, async::time_point deadline, std::vector<event_outcome>& outcomes) {
    provider::message event = provider::start_services{};
    outcomes = co_await hub.ask(std::string(), std::move(event), deadline);
}

class ProviderHub : public ::testing::Test {
protected:
    provider_number
    join(far_end& end, const std::string& name, std::vector<std::uint32_t> opcodes) {
        const provider_number number = hub.connected(std::make_unique<fake_link>(end), 4711);
        provider::register_provider wanted;
        wanted.name = name;
        wanted.opcodes = std::move(opcodes);
        hub.packet(number, provider::encode(0, wanted));
        return number;
    }
    provider_number join_as_failoverd(far_end& end) {
        return join(end, "failoverd", {controls::get_public_ips::opcode, opcode});
    }
    void ask(std::uint32_t which) {
        control_request request;
        request.opcode = which;
        request.origin.node = pnn{0};
        hub.request(request, [this](client::control_answer answer) {
            answers.push_back(std::move(answer));
        });
    }
    // Time passes while the provider gives signs of life.
    void live(provider_number who, async::duration time) {
        for (auto passed = 0ms; passed < time; passed += 500ms) {
            hub.packet(who, provider::encode(0, provider::heartbeat{}));
            runtime.advance(500ms);
        }
    }
    static provider_events no_events(std::vector<std::string>& lost) {
        provider_events events;
        events.health = [](bool, const std::string&) {};
        events.holding = [](std::uint32_t) {};
        events.registered = [](const std::string&) {};
        events.lost = [&lost](const std::string& name) { lost.push_back(name); };
        events.lock_verified_ms = [] { return provider::heartbeat::never; };
        events.pid_of = [](client_id) { return 0; };
        return events;
    }

    static constexpr std::uint32_t opcode = controls::release_ip::opcode;
    testing::lonely_router node;
    testing::test_runtime& runtime = node.runtime;
    std::vector<std::string> lost;
    provider_hub hub{node.way, no_events(lost)};
    std::vector<client::control_answer> answers;
};

TEST_F(ProviderHub, ANewRegistrationUnderANameReplacesTheOldConnection) {
    far_end first;
    far_end second;
    join_as_failoverd(first);
    join_as_failoverd(second);
    EXPECT_TRUE(first.closed);
    EXPECT_FALSE(second.closed);
    ask(opcode);
    EXPECT_EQ(second.of<provider::request>().size(), 1U);
    EXPECT_TRUE(first.of<provider::request>().empty());
}

TEST_F(ProviderHub, AnOpcodeHasOneProvider) {
    far_end first;
    far_end second;
    join_as_failoverd(first);
    join(second, "contrackd", {opcode});
    ASSERT_EQ(second.of<provider::registered>().size(), 1U);
    const auto reply = std::get<provider::registered>(second.of<provider::registered>()[0].message);
    EXPECT_EQ(reply.status, EINVAL);
    EXPECT_TRUE(second.closed);
}

TEST_F(ProviderHub, ARequestIsAnsweredOnceByItsProvider) {
    far_end end;
    const auto who = join_as_failoverd(end);
    ask(opcode);
    const auto requests = end.of<provider::request>();
    ASSERT_EQ(requests.size(), 1U);
    provider::answer reply;
    reply.status = 7;
    hub.packet(who, provider::encode(requests[0].number, reply));
    hub.packet(who, provider::encode(requests[0].number, reply));
    ASSERT_EQ(answers.size(), 1U);
    EXPECT_EQ(answers[0].status, 7);
}

TEST_F(ProviderHub, ARequestIsHeldForAProviderThatComesSoonAndRefusedAfterThat) {
    ask(opcode);
    runtime.advance(1s);
    far_end end;
    const auto who = join_as_failoverd(end);
    EXPECT_EQ(end.of<provider::request>().size(), 1U);
    EXPECT_TRUE(answers.empty());
    hub.provider_gone(who);
    ASSERT_EQ(answers.size(), 1U);
    EXPECT_NE(answers[0].status, 0);
    ask(opcode);
    runtime.advance(provider_hub::absence_limit + 10ms);
    ASSERT_EQ(answers.size(), 2U);
    EXPECT_EQ(answers[1].text, "failoverd not available");
}

TEST_F(ProviderHub, ThePublishedAnswerServesWhileTheProviderIsAway) {
    far_end end;
    const auto who = join_as_failoverd(end);
    provider::publish_answer published;
    published.opcode = opcode;
    published.data = to_bytes("addresses");
    hub.packet(who, provider::encode(0, published));
    hub.provider_gone(who);
    ask(opcode);
    runtime.advance(provider_hub::absence_limit + 10ms);
    ASSERT_EQ(answers.size(), 1U);
    EXPECT_EQ(answers[0].status, 0);
    EXPECT_EQ(answers[0].data, (to_bytes("addresses")));
}

TEST_F(ProviderHub, AnEventEndsAtItsDeadlineWithoutAcknowledgement) {
    far_end end;
    const auto who = join_as_failoverd(end);
    std::vector<event_outcome> outcomes;
    async::task_set tasks(runtime);
    tasks.spawn(ask_all(hub, runtime.now() + 3s, outcomes));
    live(who, 4s);
    ASSERT_EQ(outcomes.size(), 1U);
    EXPECT_EQ(outcomes[0].status, ETIMEDOUT);
}

TEST_F(ProviderHub, AMalformedPacketEndsTheConnection) {
    far_end end;
    const auto who = join_as_failoverd(end);
    hub.packet(who, to_bytes("addresses"));
    EXPECT_TRUE(end.closed);
    EXPECT_EQ(lost, std::vector<std::string>{"failoverd"});
}

TEST_F(ProviderHub, ASilentProviderIsEndedAndItsRequestsAreAnswered) {
    far_end end;
    const auto who = join_as_failoverd(end);
    live(who, 10s);
    EXPECT_FALSE(end.ended);
    ask(opcode);
    runtime.advance(provider_hub::silence_limit + 2 * provider_hub::heartbeat_every);
    EXPECT_TRUE(end.ended);
    EXPECT_TRUE(end.closed);
    EXPECT_FALSE(hub.present("failoverd"));
    EXPECT_EQ(answers.size(), 1U);
}

TEST_F(ProviderHub, NobodyIsEndedForOurOwnPause) {
    far_end end;
    const auto who = join_as_failoverd(end);
    live(who, 2s);
    runtime.pause(20s); // ctdbd was stopped, or the machine slept
    runtime.settle();
    EXPECT_FALSE(end.ended);
    live(who, 10s);
    EXPECT_FALSE(end.ended);
    EXPECT_TRUE(hub.present("failoverd"));
}

} // namespace
} // namespace ctdb::ctdbd
