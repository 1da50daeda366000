#include "common/sock/native_address.hpp"
#include "failoverd/end_inquiries.hpp"

#include <gtest/gtest.h>

namespace ctdb::failoverd {
namespace {

using namespace std::chrono_literals;

// A UDP socket on a free port of loopback; closing it frees the port.
class EndInquiry : public testing::Test {
protected:
    void SetUp() override {
        const sock::native_address any = sock::to_native(local);
        ASSERT_EQ(::bind(port_owner.get(), any.get(), any.length), 0);
        sockaddr_storage there{};
        socklen_t length = sizeof(there);
        ASSERT_EQ(::getsockname(port_owner.get(), reinterpret_cast<sockaddr*>(&there), &length), 0);
        peer = sock::from_native(there);
    }
    void run_for(async::duration how_long) {
        bool over = false;
        async::timer end(loop, [&over] { over = true; });
        end.arm_in(how_long);
        while (!over && answers == 0 && ended.empty()) {
            loop.run_once();
        }
    }
    void ask() {
        auto started = end_inquiry::start(loop, local, peer, [this](end_inquiry::outcome what) {
            ++answers;
            outcome = what;
            inquiry.reset();
        });
        ASSERT_TRUE(started) << started.error().what;
        inquiry = std::move(*started);
    }

    const protocol::sock_addr local = *protocol::parse_ip("127.0.0.1");
    protocol::sock_addr peer;
    async::event_loop loop;
    unique_fd port_owner{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    std::unique_ptr<end_inquiry> inquiry;
    int answers = 0;
    end_inquiry::outcome outcome{};
    // node 0 is this one, node 1 has the port
    [[nodiscard]] protocol::node_map nodes(protocol::node_flags of_node_1) const {
        return {{{pnn(0), {}, protocol::with_port(local, 4379)}, {pnn(1), of_node_1, peer}}};
    }
    [[nodiscard]] protocol::node_map left() const {
        return nodes(protocol::node_flag::disconnected);
    }
    [[nodiscard]] protocol::node_map deleted() const {
        return nodes(protocol::node_flag::disconnected | protocol::node_flag::deleted);
    }
    std::vector<pnn> ended;
    end_inquiries inquiries{loop, [this](pnn node) { ended.push_back(node); }};
};

TEST_F(EndInquiry, TheHostSaysThatNobodyHasThePort) {
    port_owner.reset();
    ask();
    run_for(2s);
    EXPECT_EQ(answers, 1);
    EXPECT_EQ(outcome, end_inquiry::outcome::has_ended);
}

TEST_F(EndInquiry, AProcessThatLivesAnswersNothingAndItsEndIsNoticed) {
    ask();
    run_for(100ms);
    EXPECT_EQ(answers, 0);
    port_owner.reset();
    run_for(3s);
    EXPECT_EQ(answers, 1);
}

TEST_F(EndInquiry, TheLeaderAsksForANodeThatHasLeft) {
    port_owner.reset();
    inquiries.nodes_are(pnn(0), nodes({}));
    inquiries.leading_is(true);
    EXPECT_EQ(inquiries.count(), 0U);
    inquiries.nodes_are(pnn(0), left());
    EXPECT_EQ(inquiries.count(), 1U);
    run_for(2s);
    EXPECT_EQ(ended, std::vector<pnn>{pnn(1)});
    EXPECT_EQ(inquiries.count(), 0U); // its socket is closed
}

TEST_F(EndInquiry, ANewLeaderAsksForAllThatAreNotThere) {
    inquiries.nodes_are(pnn(0), left());
    EXPECT_EQ(inquiries.count(), 0U);
    inquiries.leading_is(true);
    EXPECT_EQ(inquiries.count(), 1U);
    inquiries.leading_is(false);
    EXPECT_EQ(inquiries.count(), 0U);
}

TEST_F(EndInquiry, NodesThatAreMarkedDeletedAreNotAsked) {
    inquiries.nodes_are(pnn(0), deleted());
    inquiries.leading_is(true);
    EXPECT_EQ(inquiries.count(), 0U);
    inquiries.nodes_are(pnn(0), nodes({}));
    inquiries.nodes_are(pnn(0), deleted());
    EXPECT_EQ(inquiries.count(), 0U);
    inquiries.nodes_are(pnn(0), left());
    inquiries.leading_is(true);
    EXPECT_EQ(inquiries.count(), 1U);
    inquiries.nodes_are(pnn(0), deleted()); // while it is asked
    EXPECT_EQ(inquiries.count(), 0U);
}

TEST_F(EndInquiry, ANodeThatIsBackIsAskedNoMore) {
    inquiries.nodes_are(pnn(0), left());
    inquiries.leading_is(true);
    inquiries.nodes_are(pnn(0), nodes({}));
    EXPECT_EQ(inquiries.count(), 0U);
}

TEST_F(EndInquiry, KeepsNoSocketWhenNobodyHasAnswered) {
    inquiries.nodes_are(pnn(0), left());
    inquiries.leading_is(true);
    run_for(end_inquiry::asks_for + 500ms);
    EXPECT_EQ(inquiries.count(), 0U);
    EXPECT_TRUE(ended.empty());
}

} // namespace
} // namespace ctdb::failoverd
