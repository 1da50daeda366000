// peer_link over real TCP on loopback: what it says of packets when the link is lost (databases.md
// 12.1 #1a): a recovery for every loss would be one too many, none for a lost packet one too few.
#include "ctdbd/transport/peer_link.hpp"
#include "tests/unit/common/sock/test_loop.hpp"

#include <optional>

#include <gtest/gtest.h>

#include <linux/sockios.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

namespace ctdb::ctdbd {
namespace {

using test::run_until;

sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

class PeerLink : public testing::Test {
protected:
    PeerLink() {
        const sockaddr_in any = loopback(0);
        EXPECT_EQ(0, ::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&any), sizeof(any)));
        EXPECT_EQ(0, ::listen(listener_.get(), 8));
        sockaddr_in bound{};
        socklen_t length = sizeof(bound);
        ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&bound), &length);
        port_ = ntohs(bound.sin_port);
        link_settings settings;
        settings.own = protocol::ipv4({127, 0, 0, 1});
        link_handlers handlers;
        handlers.up = [this] { up_ = true; };
        handlers.down = [this](const link_loss& loss) { loss_ = loss; };
        handlers.packet = [this](byte_view) { ++packets_; };
        link_ = std::make_unique<peer_link>(
            loop_, pnn{1}, protocol::ipv4({127, 0, 0, 1}, port_), settings, std::move(handlers)
        );
    }
    // Both directions: the link's own connection arrives at `theirs_`, the peer's is handed in.
    void connect() {
        link_->start();
        run_until(loop_, [this] {
            tick_.arm_in(std::chrono::milliseconds(1));
            if (!theirs_) {
                theirs_.reset(::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK));
            }
            return static_cast<bool>(theirs_);
        });
        peer_sends_ = unique_fd(::socket(AF_INET, SOCK_STREAM, 0));
        const sockaddr_in to = loopback(port_);
        ASSERT_EQ(
            0, ::connect(peer_sends_.get(), reinterpret_cast<const sockaddr*>(&to), sizeof(to))
        );
        link_->accept(unique_fd(::accept4(listener_.get(), nullptr, nullptr, 0)));
        run_until(loop_, [this] { return up_; });
    }
    static bytes packet(std::size_t data) {
        protocol::packet_header header;
        header.srcnode = pnn{0};
        header.destnode = pnn{1};
        const bytes content(data);
        return protocol::encode(header, protocol::req_message{srvid{1}, content});
    }
    void lose() {
        run_until(loop_, [this] {
            tick_.arm_in(std::chrono::milliseconds(1));
            return loss_.has_value();
        });
    }
    // What the peer's kernel has of what we sent.
    [[nodiscard]] std::size_t arrived() const {
        int waiting = 0;
        ::ioctl(theirs_.get(), SIOCINQ, &waiting);
        return static_cast<std::size_t>(waiting);
    }

    async::event_loop loop_;
    async::timer tick_{loop_, [] {}};
    unique_fd listener_{::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    std::uint16_t port_ = 0;
    unique_fd theirs_;
    unique_fd peer_sends_;
    bool up_ = false;
    int packets_ = 0;
    std::optional<link_loss> loss_;
    std::unique_ptr<peer_link> link_;
};

TEST_F(PeerLink, NothingWasOutstandingWhenAllIsAcknowledged) {
    connect();
    const bytes small = packet(100);
    link_->send(small);
    run_until(loop_, [&] {
        tick_.arm_in(std::chrono::milliseconds(1));
        return arrived() == small.size();
    });
    peer_sends_.reset();
    lose();
    EXPECT_FALSE(loss_->packets_undelivered) << loss_->why;
}

TEST_F(PeerLink, WhatThePeerDidNotTakeIsUndelivered) {
    connect();
    link_->send(packet(32U << 20U)); // more than the kernel takes
    run_until(loop_, [&] {
        tick_.arm_in(std::chrono::milliseconds(1));
        return arrived() > 0;
    });
    peer_sends_.reset();
    lose();
    EXPECT_TRUE(loss_->packets_undelivered) << loss_->why;
}

TEST_F(PeerLink, WhatWasQueuedInTheSameTurnIsUndelivered) {
    connect();
    link_->send(packet(100));
    link_->fail("silent");
    lose();
    EXPECT_TRUE(loss_->packets_undelivered) << loss_->why;
}

TEST_F(PeerLink, WhatWeHaveNotReadIsUndelivered) { // T5
    connect();
    const bytes request = packet(100);
    ASSERT_EQ(
        static_cast<ssize_t>(request.size()),
        ::send(peer_sends_.get(), request.data(), request.size(), 0)
    );
    link_->fail("silent"); // before the loop has looked at the socket
    lose();
    EXPECT_EQ(packets_, 0);
    EXPECT_TRUE(loss_->packets_undelivered) << "acknowledged by our kernel, read by nobody";
}

TEST_F(PeerLink, WhatThePeerHadNotReadWhenItClosedIsUndelivered) { // T5
    connect();
    const bytes request = packet(100);
    link_->send(request);
    run_until(loop_, [&] {
        tick_.arm_in(std::chrono::milliseconds(1));
        return arrived() == request.size();
    });
    theirs_.reset(); // acknowledged by its kernel, which now resets the connection
    lose();
    EXPECT_TRUE(loss_->packets_undelivered) << loss_->why;
}

} // namespace
} // namespace ctdb::ctdbd
