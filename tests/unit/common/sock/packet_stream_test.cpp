#include "common/sock/packet_stream.hpp"
#include "tests/unit/common/sock/test_loop.hpp"

#include <cstring>
#include <optional>
#include <vector>

#include <gtest/gtest.h>

#include <sys/socket.h>

namespace {

using namespace ctdb;
using test::run_until;

bytes packet_of(std::size_t size, char fill) {
    writer out;
    out.put(static_cast<std::uint32_t>(size));
    for (std::size_t i = sizeof(std::uint32_t); i < size; ++i) {
        out.put(fill);
    }
    return out.take();
}

class Stream : public testing::Test {
protected:
    void open(const sock::stream_policy& policy = {}) {
        int pair[2] = {-1, -1};
        ASSERT_EQ(0, ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
        peer_ = unique_fd(pair[1]);
        stream_ = std::make_unique<sock::packet_stream>(
            loop_,
            unique_fd(pair[0]),
            policy,
            sock::packet_stream::handlers{
                [this](sock::received_packet p) {
                    if (on_packet_) {
                        on_packet_();
                    }
                    got_.push_back(p.take());
                },
                [this](const sock::stream_end& end) { end_ = end; }}
        );
    }
    void peer_writes(byte_view data) {
        ASSERT_EQ(
            static_cast<ssize_t>(data.size()), ::write(peer_.get(), data.data(), data.size())
        );
    }
    bytes peer_reads(std::size_t size) {
        bytes all(size);
        std::size_t have = 0;
        run_until(loop_, [&] {
            const ssize_t n = ::recv(peer_.get(), all.data() + have, size - have, MSG_DONTWAIT);
            have += n > 0 ? static_cast<std::size_t>(n) : 0;
            if (have < size) {
                tick_.arm_in(std::chrono::milliseconds(1));
            }
            return have == size;
        });
        return all;
    }
    async::event_loop loop_;
    async::timer tick_{loop_, [] {}};
    unique_fd peer_;
    std::vector<bytes> got_;
    std::optional<sock::stream_end> end_;
    std::function<void()> on_packet_;
    std::unique_ptr<sock::packet_stream> stream_;
};

void keep_busy(const async::event_loop& loop, std::chrono::milliseconds time) {
    const async::time_point until = loop.now() + time;
    while (loop.now() < until) {
    }
}

TEST_F(Stream, PacketsThatAreMuchWorkLeaveOthersTheirTurns) {
    open();
    on_packet_ = [this] { keep_busy(loop_, std::chrono::milliseconds(3)); };
    int other[2] = {-1, -1};
    ASSERT_EQ(0, ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, other));
    const unique_fd its_peer(other[1]);
    std::optional<std::size_t> before_the_other;
    sock::packet_stream second(
        loop_,
        unique_fd(other[0]),
        {},
        {[&](const sock::received_packet&) { before_the_other = got_.size(); },
         [](const sock::stream_end&) {}}
    );
    writer all;
    for (char c = 'a'; c <= 'j'; ++c) {
        all.put_bytes(packet_of(100, c));
    }
    peer_writes(all.view());
    const bytes one = packet_of(8, 'x');
    ASSERT_EQ(static_cast<ssize_t>(one.size()), ::write(its_peer.get(), one.data(), one.size()));
    ASSERT_TRUE(run_until(loop_, [&] { return got_.size() == 10; }));
    ASSERT_TRUE(before_the_other);
    EXPECT_LE(*before_the_other, 4U) << "packets of one connection served at a stretch";
    for (std::size_t i = 0; i < 10; ++i) {
        EXPECT_EQ(packet_of(100, static_cast<char>('a' + i)), got_[i]);
    }
}

TEST_F(Stream, APacketThatEndsTheStreamWhileOthersWaitToBeShownIsTheLast) {
    open();
    on_packet_ = [this] {
        keep_busy(loop_, std::chrono::milliseconds(3));
        if (got_.size() == 1) {
            stream_.reset();
        }
    };
    writer all;
    for (char c = 'a'; c <= 'd'; ++c) {
        all.put_bytes(packet_of(100, c));
    }
    peer_writes(all.view());
    ASSERT_TRUE(run_until(loop_, [&] { return stream_ == nullptr; }));
    bool later = false;
    async::timer wait(loop_, [&later] { later = true; });
    wait.arm_in(std::chrono::milliseconds(1));
    ASSERT_TRUE(run_until(loop_, [&] { return later; }));
    EXPECT_EQ(2U, got_.size());
}

TEST_F(Stream, TheEndComesAfterWhatWaitsToBeShown) {
    open();
    on_packet_ = [this] { keep_busy(loop_, std::chrono::milliseconds(3)); };
    writer all;
    for (char c = 'a'; c <= 'e'; ++c) {
        all.put_bytes(packet_of(100, c));
    }
    peer_writes(all.view());
    peer_.reset();
    ASSERT_TRUE(run_until(loop_, [&] { return end_.has_value(); }));
    EXPECT_EQ(5U, got_.size());
    EXPECT_EQ(sock::end_cause::closed, end_->cause);
}

TEST_F(Stream, ShowsManyPacketsOfOneReadInOrder) {
    open();
    writer all;
    for (char c = 'a'; c <= 'z'; ++c) {
        all.put_bytes(packet_of(4 + static_cast<std::size_t>(c - 'a'), c));
    }
    peer_writes(all.view());
    ASSERT_TRUE(run_until(loop_, [&] { return got_.size() == 26; }));
    EXPECT_EQ(packet_of(4, 'a'), got_.front());
    EXPECT_EQ(packet_of(29, 'z'), got_.back());
}

TEST_F(Stream, PutsTogetherAPacketThatComesByteByByte) {
    open();
    const bytes whole = packet_of(40, 'x');
    for (const std::byte& one : whole) {
        peer_writes(byte_view(&one, 1));
        loop_.run_once();
    }
    ASSERT_TRUE(run_until(loop_, [&] { return got_.size() == 1; }));
    EXPECT_EQ(whole, got_[0]);
}

TEST_F(Stream, TakesPacketsLongerThanItsReadBufferBetweenShortOnes) {
    open();
    const bytes small = packet_of(64, 's');
    const bytes large = packet_of(3'000'000, 'L');
    sock::packet_stream sender(
        loop_, std::move(peer_), {}, {[](sock::received_packet) {}, [](const sock::stream_end&) {}}
    );
    sender.send(small);
    sender.send(large);
    sender.send(small);
    ASSERT_TRUE(run_until(loop_, [&] { return got_.size() == 3; }));
    EXPECT_EQ(small, got_[0]);
    EXPECT_EQ(large, got_[1]);
    EXPECT_EQ(small, got_[2]);
}

TEST_F(Stream, EndsOnALengthOutsideItsPolicy) {
    sock::stream_policy policy;
    policy.length_min = 32;
    policy.length_max = 1024;
    for (const std::uint32_t length : {0U, 3U, 31U, 1025U, 0xFFFFFFFFU}) {
        end_.reset();
        open(policy);
        writer out;
        out.put(length);
        peer_writes(out.view());
        ASSERT_TRUE(run_until(loop_, [&] { return end_.has_value(); })) << length;
        EXPECT_EQ(sock::end_cause::bad_length, end_->cause) << length;
        EXPECT_FALSE(stream_->open());
    }
}

TEST_F(Stream, EndsOnALengthThatIsNotAligned) {
    sock::stream_policy policy;
    policy.length_multiple = 8;
    open(policy);
    peer_writes(packet_of(44, 'x'));
    ASSERT_TRUE(run_until(loop_, [&] { return end_.has_value(); }));
    EXPECT_EQ(EBADMSG, end_->code);
    EXPECT_TRUE(got_.empty());
}

TEST_F(Stream, TellsAQuietCloseFromOneInTheMiddleOfAPacket) {
    open();
    peer_writes(packet_of(8, 'x'));
    peer_.reset();
    ASSERT_TRUE(run_until(loop_, [&] { return end_.has_value(); }));
    EXPECT_EQ(sock::end_cause::closed, end_->cause);
    EXPECT_EQ(1U, got_.size());

    end_.reset();
    open();
    peer_writes(byte_view(packet_of(8, 'x')).first(7));
    peer_.reset();
    ASSERT_TRUE(run_until(loop_, [&] { return end_.has_value(); }));
    EXPECT_EQ(sock::end_cause::cut_off, end_->cause);
}

TEST_F(Stream, WritesWhatWasSentInOrderWithUrgentPacketsFirst) {
    open();
    stream_->send(packet_of(8, 'a'));
    stream_->send(packet_of(8, 'b'));
    stream_->send(packet_of(8, 'u'), sock::urgency::urgent);
    stream_->send(std::make_shared<const bytes>(packet_of(8, 'v')), sock::urgency::urgent);
    const bytes all = peer_reads(32);
    EXPECT_EQ('u', static_cast<char>(all[4]));
    EXPECT_EQ('v', static_cast<char>(all[12]));
    EXPECT_EQ('a', static_cast<char>(all[20]));
    EXPECT_EQ('b', static_cast<char>(all[28]));
    EXPECT_EQ(0U, stream_->queued_bytes());
}

TEST_F(Stream, AnUrgentPacketNeverCutsOneAlreadyBegun) {
    open();
    const bytes large = packet_of(2'000'000, 'L');
    stream_->send(large);
    stream_->flush();
    ASSERT_GT(stream_->queued_bytes(), 0U);
    stream_->send(packet_of(8, 'n'));
    stream_->send(packet_of(8, 'u'), sock::urgency::urgent);
    const bytes all = peer_reads(large.size() + 16);
    EXPECT_EQ(0, std::memcmp(all.data(), large.data(), large.size()));
    EXPECT_EQ('u', static_cast<char>(all[large.size() + 4]));
    EXPECT_EQ('n', static_cast<char>(all[large.size() + 12]));
}

TEST_F(Stream, EndsWhenThePeerDoesNotReadBeyondTheLimitOfTheQueue) {
    sock::stream_policy policy;
    policy.queue_packets_max = 10;
    open(policy);
    for (int i = 0; i < 11; ++i) {
        stream_->send(packet_of(8, 'x'));
    }
    EXPECT_FALSE(end_.has_value()) << "the end is reported from the loop";
    ASSERT_TRUE(run_until(loop_, [&] { return end_.has_value(); }));
    EXPECT_EQ(sock::end_cause::overflow, end_->cause);

    end_.reset();
    policy.queue_bytes_max = 100;
    open(policy);
    stream_->send(packet_of(101, 'x'));
    ASSERT_TRUE(run_until(loop_, [&] { return end_.has_value(); }));
    EXPECT_EQ(ENOBUFS, end_->code);
}

TEST_F(Stream, MayBeDestroyedByItsPacketHandler) {
    open();
    on_packet_ = [this] { stream_.reset(); };
    writer two;
    two.put_bytes(packet_of(8, 'a'));
    two.put_bytes(packet_of(8, 'b'));
    peer_writes(two.view());
    ASSERT_TRUE(run_until(loop_, [&] { return !got_.empty(); }));
    EXPECT_EQ(1U, got_.size());
}

TEST_F(Stream, GetsItsLastPacketOutBeforeClosing) {
    open();
    stream_->send(packet_of(100'000, 'z'));
    stream_->close_when_flushed();
    EXPECT_EQ(packet_of(100'000, 'z'), peer_reads(100'000));
    ASSERT_TRUE(run_until(loop_, [&] { return end_.has_value(); }));
    EXPECT_EQ(sock::end_cause::closed, end_->cause);
}

TEST_F(Stream, ReportsAPeerThatIsGoneWhenWriting) {
    open();
    stream_->pause_reading(true);
    peer_.reset();
    stream_->send(packet_of(8, 'x'));
    ASSERT_TRUE(run_until(loop_, [&] { return end_.has_value(); }));
    EXPECT_EQ(EPIPE, end_->code);
}

} // namespace
