#include "common/sock/native_address.hpp"
#include "failoverd/end_inquiry.hpp"

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
        while (!over && answers == 0) {
            loop.run_once();
        }
    }
    void ask() {
        auto started = end_inquiry::start(loop, local, peer, [this] {
            ++answers;
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
};

TEST_F(EndInquiry, TheHostSaysThatNobodyHasThePort) {
    port_owner.reset();
    ask();
    run_for(2s);
    EXPECT_EQ(answers, 1);
}

TEST_F(EndInquiry, AProcessThatLivesAnswersNothingAndItsEndIsNoticed) {
    ask();
    run_for(100ms);
    EXPECT_EQ(answers, 0);
    port_owner.reset();
    run_for(3s);
    EXPECT_EQ(answers, 1);
}

} // namespace
} // namespace ctdb::failoverd
