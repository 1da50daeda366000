#include "common/base/unique_fd.hpp"
#include "common/tdb/agent_wire.hpp"

#include <array>

#include <gtest/gtest.h>

#include <sys/socket.h>

namespace ctdb::tdb {
namespace {

class AgentWire : public testing::Test {
protected:
    AgentWire() {
        std::array<int, 2> ends{};
        EXPECT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()), 0);
        daemon.reset(ends[0]);
        agent.reset(ends[1]);
    }
    unique_fd daemon;
    unique_fd agent;
};

TEST_F(AgentWire, CarriesCommandsWithPayloadsOfAnySize) {
    for (const std::size_t size :
         {std::size_t{0},
          std::size_t{1},
          inline_payload_max,
          inline_payload_max + 1,
          std::size_t{3'000'000}}) {
        agent_command sent;
        sent.op = agent_op::apply;
        sent.serial = 7;
        sent.file = 8;
        sent.flags = 0x1c41;
        sent.volatile_rule = true;
        sent.path = "/a/b";
        sent.payload = bytes(size, std::byte{0x5a});
        ASSERT_TRUE(send_command(daemon.get(), sent));
        const auto got = receive_command(agent.get(), waiting::allowed);
        ASSERT_TRUE(got && *got) << got.error().what;
        EXPECT_EQ((*got)->op, sent.op);
        EXPECT_EQ((*got)->serial, 7u);
        EXPECT_EQ((*got)->file, 8u);
        EXPECT_EQ((*got)->flags, 0x1c41);
        EXPECT_TRUE((*got)->volatile_rule);
        EXPECT_EQ((*got)->path, "/a/b");
        EXPECT_EQ((*got)->payload, sent.payload);
    }
}

TEST_F(AgentWire, CarriesReplies) {
    ASSERT_FALSE(receive_reply(daemon.get(), waiting::refused)->has_value());
    ASSERT_TRUE(send_reply(agent.get(), {9, EEXIST, "why"}));
    const auto got = receive_reply(daemon.get(), waiting::allowed);
    ASSERT_TRUE(got && *got);
    EXPECT_EQ((*got)->serial, 9u);
    EXPECT_EQ((*got)->code, EEXIST);
    EXPECT_EQ((*got)->what, "why");
}

TEST_F(AgentWire, TellsTheEndOfTheOtherSide) {
    agent.reset();
    EXPECT_EQ(receive_reply(daemon.get(), waiting::refused).error().code, ECONNRESET);
    EXPECT_FALSE(send_command(daemon.get(), {}));
}

TEST_F(AgentWire, RefusesMalformedMessages) {
    const std::string half = "half";
    ASSERT_EQ(send(daemon.get(), half.data(), half.size(), 0), 4);
    EXPECT_EQ(receive_command(agent.get(), waiting::allowed).error().code, EBADMSG);
    ASSERT_EQ(send(agent.get(), half.data(), half.size(), 0), 4);
    EXPECT_EQ(receive_reply(daemon.get(), waiting::refused).error().code, EBADMSG);
}

TEST_F(AgentWire, SendingDoesNotWaitForAReaderThatSleeps) {
    agent_command command;
    command.payload = bytes(inline_payload_max);
    result<> sent;
    for (int i = 0; i < 1000 && sent; ++i) {
        sent = send_command(daemon.get(), command);
    }
    ASSERT_FALSE(sent);
    EXPECT_EQ(sent.error().code, EAGAIN);
}

} // namespace
} // namespace ctdb::tdb
