// packet_stream: framed packets over one connected stream socket, non-blocking both ways.
//
// Every packet starts with its own length (u32, little-endian, counting itself). Serves the client
// socket, the node links, the provider and event sockets; what they differ in is stream_policy.
//
// Incoming: one read brings many packets, each is shown in place. A connection that is silent
// holds no read buffer. Memory for a long packet grows with what has really arrived, never with
// what its length claims. Outgoing: packets are queued and written together at the end of the loop
// turn; `urgent` ones overtake waiting `normal` ones, never the rest of a packet already begun.
// Output goes before input.
//
// No connection holds up the others: in one turn of the loop it writes 256 KiB, reads a few times
// and shows packets for 2 ms, at least one; the rest waits for a later turn.
//
// The end (peer closed, bad length, limit of the queue, errno) is reported once, from the loop,
// never from inside send(); afterwards nothing is read and whatever is sent is dropped. Both
// handlers may destroy the stream. Destroying it closes the socket and drops what is queued: who
// wants his last packet out calls close_when_flushed() and waits for on_end.
#pragma once

#include "common/async/event_loop.hpp"
#include "common/async/fd_watch.hpp"
#include "common/base/bytes.hpp"
#include "common/base/result.hpp"
#include "common/base/unique_fd.hpp"

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>

namespace ctdb::sock {

struct stream_policy {
    std::uint32_t length_min = 4; // at least 4: the length itself; shorter ends the stream
    std::uint32_t length_max = 64U << 20U;
    std::uint32_t length_multiple = 1; // node links: 8
    std::size_t queue_bytes_max = std::size_t{1} << 30U;
    std::size_t queue_packets_max = 2'000'000; // above MaxQueueDropMsg, which is the owner's limit
};

// One packet as it came, valid during on_packet.
class received_packet {
public:
    explicit received_packet(byte_view view) noexcept : view_(view) {}
    received_packet(byte_view view, bytes& own) noexcept : view_(view), own_(&own) {}
    [[nodiscard]] byte_view view() const noexcept { return view_; }
    [[nodiscard]] bytes take(); // for keeping: moved where it has a buffer of its own, else copied

private:
    byte_view view_;
    bytes* own_ = nullptr;
};

enum class end_cause : std::uint8_t {
    closed,  // by the peer, between two packets or after close_when_flushed()
    cut_off, // by the peer, in the middle of a packet
    bad_length,
    overflow, // the peer does not read: limits of the queue
    failed,   // errno
};

struct stream_end {
    end_cause cause = end_cause::closed;
    int code = 0;     // errno that fits: 0 closed, EPIPE, EBADMSG, ENOBUFS, or the system's
    std::string what; // for the log: "packet length 4294967295 not in 32..268435456"
};

enum class urgency : std::uint8_t { normal, urgent };

class packet_stream {
public:
    struct handlers {
        std::function<void(received_packet packet)> on_packet;
        std::function<void(const stream_end& end)> on_end;
    };
    // `connected` becomes non-blocking. Nothing is called before the loop runs.
    packet_stream(
        async::event_loop& loop, unique_fd connected, const stream_policy& policy, handlers to_call
    );
    packet_stream(const packet_stream&) = delete;
    packet_stream& operator=(const packet_stream&) = delete;
    ~packet_stream();

    // Requires: the packet's first four bytes are its size. Dropped after the end.
    void send(bytes packet, urgency how = urgency::normal);
    void send(std::shared_ptr<const bytes> packet, urgency how = urgency::normal); // to many
    void flush();              // writes what the socket takes now instead of at the end of the turn
    void close_when_flushed(); // reads no more; on_end{closed} when all is written
    // Back pressure: what was read already is still shown; the peer's close is not noticed
    // meanwhile.
    void pause_reading(bool paused);

    [[nodiscard]] bool open() const noexcept { return !ended_; }
    [[nodiscard]] std::size_t queued_packets() const noexcept { return queue_.size(); }
    [[nodiscard]] std::size_t queued_bytes() const noexcept { return queued_bytes_; } // end: lost
    [[nodiscard]] int fd() const noexcept { return fd_.get(); } // for getsockopt and the like

private:
    struct outgoing {
        bytes own;
        std::shared_ptr<const bytes> shared;
        [[nodiscard]] byte_view view() const noexcept { return shared ? byte_view(*shared) : own; }
    };
    enum class progress : std::uint8_t { more, pause, gone };

    void enqueue(outgoing packet, urgency how);
    void ready(async::fd_readiness readiness);
    void write_some();
    void wrote(std::size_t count);
    void read_some();
    void show_rest();
    [[nodiscard]] progress read_small();
    [[nodiscard]] progress read_large();
    [[nodiscard]] progress take_packets(byte_view received);
    [[nodiscard]] progress deliver(received_packet packet);
    [[nodiscard]] bool judge_length(std::uint32_t length);
    [[nodiscard]] progress read_failed(ssize_t got);
    void end(end_cause cause, int code, std::string what);
    void report_end();

    async::event_loop& loop_;
    stream_policy policy_;
    unique_fd fd_;
    async::callback<received_packet> on_packet_;
    async::callback<const stream_end&> on_end_;
    async::time_point turn_ends_;
    bytes partial_; // the beginning of a packet, or more while rest_later_ is armed
    std::uint32_t large_length_ = 0; // not 0: partial_ collects a packet of this length
    std::deque<outgoing> queue_;     // [one partly written] urgent... normal...
    std::size_t written_ = 0;        // of queue_.front()
    std::size_t urgent_waiting_ = 0; // not begun
    std::size_t queued_bytes_ = 0;
    stream_end end_;
    bool ended_ = false;
    bool closing_ = false;
    bool paused_ = false;
    bool* gone_ = nullptr; // set by the destructor while a handler runs
    async::timer rest_later_;
    async::deferred flush_later_;
    async::deferred end_later_;
    async::fd_watch watch_; // last: destroyed before the descriptor
};

} // namespace ctdb::sock
