#include "common/async/task_set.hpp"
#include "common/sock/sock_client.hpp"
#include "common/sock/sock_daemon.hpp"
#include "tests/unit/common/sock/test_loop.hpp"

#include <cstring>
#include <fstream>
#include <optional>

#include <gtest/gtest.h>

#include <sys/stat.h>

namespace {

using namespace ctdb;
using test::run_until;

bytes packet_with(std::uint32_t number, std::uint32_t content) {
    writer out;
    out.put(std::uint32_t{16});
    out.put(std::uint32_t{0});
    out.put(number);
    out.put(content);
    return out.take();
}

std::uint32_t field(byte_view packet, std::size_t at) {
    reader in(packet.subspan(at));
    return in.get<std::uint32_t>();
}

class SockClient : public testing::Test {
protected:
    void listen(std::function<void(sock::connection_id, bytes)> answer) {
        auto made = sock::sock_daemon::listen(
            loop_,
            path_,
            {},
            {nullptr,
             [answer](sock::connection_id id, sock::received_packet p) { answer(id, p.take()); },
             [this](sock::connection_id, const sock::stream_end&) { ++gone_; }}
        );
        ASSERT_TRUE(made) << made.error().what;
        daemon_ = std::move(*made);
    }
    void connect() {
        auto made = sock::sock_client::connect(
            loop_,
            path_,
            {},
            {[this](sock::received_packet p) { other_.push_back(p.take()); },
             [this](const sock::stream_end& end) { end_ = end; }}
        );
        ASSERT_TRUE(made) << made.error().what;
        client_ = std::move(*made);
    }
    static async::task<void>
    ask(sock::sock_client& who, std::uint32_t content, int ms, result<bytes>& out) {
        bytes packet = packet_with(0, content);
        const auto deadline = async::clock::now() + std::chrono::milliseconds(ms);
        out = co_await who.request(std::move(packet), deadline);
    }
    test::temp_dir dir_;
    std::string path_ = dir_.file("socket");
    async::event_loop loop_;
    async::task_set tasks_{loop_};
    std::unique_ptr<sock::sock_daemon> daemon_;
    std::unique_ptr<sock::sock_client> client_;
    std::vector<bytes> other_;
    std::optional<sock::stream_end> end_;
    int gone_ = 0;
};

TEST_F(SockClient, BringsRepliesToTheirRequestsInAnyOrder) {
    std::vector<std::pair<sock::connection_id, bytes>> asked;
    listen([&](sock::connection_id id, bytes p) { asked.emplace_back(id, std::move(p)); });
    connect();
    result<bytes> one = fail(EINPROGRESS, "open");
    result<bytes> two = fail(EINPROGRESS, "open");
    tasks_.spawn(ask(*client_, 1, 5000, one));
    tasks_.spawn(ask(*client_, 2, 5000, two));
    ASSERT_TRUE(run_until(loop_, [&] { return asked.size() == 2; }));
    daemon_->send(asked[1].first, asked[1].second);
    daemon_->send(asked[0].first, asked[0].second);
    daemon_->send(asked[0].first, packet_with(0, 99));
    ASSERT_TRUE(run_until(loop_, [&] { return one && two && !other_.empty(); }));
    EXPECT_EQ(1U, field(*one, 12));
    EXPECT_EQ(2U, field(*two, 12));
    EXPECT_EQ(99U, field(other_[0], 12));
    EXPECT_EQ(0U, client_->waiting());
}

TEST_F(SockClient, AnswersByTheDeadlineWhoeverIsSilent) {
    listen([](sock::connection_id, const bytes&) {});
    connect();
    result<bytes> out = fail(EINPROGRESS, "open");
    tasks_.spawn(ask(*client_, 1, 20, out));
    ASSERT_TRUE(run_until(loop_, [&] { return out.error().code != EINPROGRESS; }));
    EXPECT_EQ(ETIMEDOUT, out.error().code);
    EXPECT_EQ(0U, client_->waiting());
}

TEST_F(SockClient, FailsWhatWaitsWhenTheOtherSideCloses) {
    listen([this](sock::connection_id id, const bytes&) { daemon_->close(id); });
    connect();
    result<bytes> out = fail(EINPROGRESS, "open");
    tasks_.spawn(ask(*client_, 1, 5000, out));
    ASSERT_TRUE(run_until(loop_, [&] { return end_ && out.error().code != EINPROGRESS; }));
    EXPECT_EQ(ENOTCONN, out.error().code);
    result<bytes> later = fail(EINPROGRESS, "open");
    tasks_.spawn(ask(*client_, 1, 5000, later));
    EXPECT_EQ(ENOTCONN, later.error().code);
}

TEST_F(SockClient, FailsWhatWaitsWhenItIsDestroyed) {
    listen([](sock::connection_id, const bytes&) {});
    connect();
    result<bytes> out = fail(EINPROGRESS, "open");
    tasks_.spawn(ask(*client_, 1, 5000, out));
    client_.reset();
    ASSERT_TRUE(run_until(loop_, [&] { return out.error().code != EINPROGRESS; }));
    EXPECT_EQ(ECANCELED, out.error().code);
    ASSERT_TRUE(run_until(loop_, [&] { return gone_ == 1; }));
}

TEST_F(SockClient, AReplyNobodyWaitsForAnyMoreIsHarmless) {
    std::vector<std::pair<sock::connection_id, bytes>> asked;
    listen([&](sock::connection_id id, bytes p) { asked.emplace_back(id, std::move(p)); });
    connect();
    {
        async::task_set short_lived(loop_);
        result<bytes> out = fail(EINPROGRESS, "open");
        short_lived.spawn(ask(*client_, 1, 5000, out));
        ASSERT_TRUE(run_until(loop_, [&] { return !asked.empty(); }));
    }
    EXPECT_EQ(0U, client_->waiting());
    daemon_->send(asked[0].first, asked[0].second);
    EXPECT_TRUE(run_until(loop_, [&] { return other_.size() == 1; }));
}

TEST_F(SockClient, TheListenerReplacesAStaleSocketOnly) {
    { std::ofstream(path_) << "not a socket"; }
    auto made = sock::unix_listener::listen(loop_, path_, [](unique_fd, sock::peer_credentials) {});
    ASSERT_FALSE(made);
    EXPECT_EQ(EEXIST, made.error().code);
    ::unlink(path_.c_str());

    listen([](sock::connection_id, const bytes&) {});
    made = sock::unix_listener::listen(loop_, path_, [](unique_fd, sock::peer_credentials) {});
    ASSERT_FALSE(made);
    EXPECT_EQ(EADDRINUSE, made.error().code);

    struct stat info {};
    ASSERT_EQ(0, ::stat(path_.c_str(), &info));
    EXPECT_EQ(0700U, info.st_mode & 0777U);
    const std::string kept = dir_.file("kept");
    ASSERT_EQ(0, ::link(path_.c_str(), kept.c_str())); // the path stays when the daemon goes
    daemon_.reset();
    EXPECT_NE(0, ::access(path_.c_str(), F_OK));
    made = sock::unix_listener::listen(loop_, kept, [](unique_fd, sock::peer_credentials) {});
    EXPECT_TRUE(made);
}

TEST_F(SockClient, NobodyThereIsAnErrorWithThePath) {
    const auto made = sock::connect_unix(path_);
    ASSERT_FALSE(made);
    EXPECT_EQ(ENOENT, made.error().code);
    EXPECT_NE(std::string::npos, made.error().what.find(path_));
    EXPECT_EQ(ENAMETOOLONG, sock::connect_unix(std::string(200, 'x')).error().code);
}

TEST_F(SockClient, TheDaemonKnowsThePeersPid) {
    pid_t pid = 0;
    listen([&](sock::connection_id id, const bytes&) { pid = daemon_->peer(id)->pid; });
    connect();
    client_->send(packet_with(1, 1));
    ASSERT_TRUE(run_until(loop_, [&] { return pid != 0; }));
    EXPECT_EQ(::getpid(), pid);
}

} // namespace
