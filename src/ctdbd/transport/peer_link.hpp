// peer_link: both TCP connections between this node and one peer.
//
//                 outgoing up                        incoming accepted
//   [none] ------------------> [out only] ---------------------------> [connected]
//      |                                                                    |
//      +------- incoming accepted --> [in only] --- outgoing up ------------+
//   any: EOF, error, bad packet, silence -> both closed -> [none], next outgoing attempt after a
//   pause
//
// T1  connected means exactly: both directions are up. link_up and link_down alternate.
// T2  after a failed or refused attempt the pause doubles, 50 ms to 5 s with jitter, and falls back
// once a connection has
//     lasted 10 s; so a peer that accepts and closes costs nothing (W21).
// T3  a second incoming connection replaces the first when its first packet is valid and from this
// peer (W22, W23): the peer
//     has restarted, so the old pair is torn down first.
//  T4  a peer may be connected in its own eyes a moment before it is in ours: answers to what it
//  asks then wait for the outgoing
//      connection.
//  T5  a loss says whether packets may be missing on either side (databases.md 12.1 #1a): what we
//  sent and the peer's kernel has not acknowledged, or the peer has not read when it closed (its
//  kernel resets the connection then); what its kernel sent and we have not read.
#pragma once

#include "common/protocol/packet.hpp"
#include "common/protocol/sock_addr.hpp"
#include "common/sock/packet_stream.hpp"
#include "ctdbd/transport/acknowledgement_pace.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace ctdb::ctdbd {

struct link_settings {
    protocol::sock_addr own; // source address of outgoing connections
    std::uint32_t packet_bytes_max = 256U << 20U;
    std::size_t queue_bytes_max = std::size_t{1} << 30U; // a peer that does not read is dead (W33)
};

struct link_loss {
    std::string why;
    bool packets_undelivered = false; // something may not have reached the peer, or us
};

struct link_handlers {
    std::function<void()> up;
    std::function<void(const link_loss&)> down;
    std::function<void(byte_view packet)> packet;
};

class peer_link {
public:
    peer_link(
        async::event_loop& loop,
        pnn peer,
        const protocol::sock_addr& address,
        const link_settings& settings,
        link_handlers handlers
    );
    peer_link(const peer_link&) = delete;
    peer_link& operator=(const peer_link&) = delete;
    ~peer_link();

    [[nodiscard]] const protocol::sock_addr& address() const noexcept { return address_; }
    [[nodiscard]] bool connected() const noexcept { return connected_; }
    [[nodiscard]] std::size_t queued_bytes() const noexcept {
        return outgoing_ ? outgoing_->queued_bytes() : 0;
    }
    void start();                      // first attempt on the next turn
    void send(bytes packet);           // lost without an outgoing connection
    void accept(unique_fd connection); // an incoming connection from this peer
    void fail(std::string why);        // declare the peer dead: both closed, retry

private:
    void attempt();
    void outgoing_ready();
    void outgoing_up(unique_fd connection);
    void retry_later(std::string_view why);
    void check_connected();
    enum class both_ways : std::uint8_t { as_the_kernel_says, incomplete };
    void tear_down(std::string why, both_ways seen = both_ways::as_the_kernel_says);
    void take_packet(byte_view packet);
    void take_first_packet(byte_view packet);
    [[nodiscard]] bool undelivered() const;
    [[nodiscard]] sock::stream_policy policy() const;
    // A connection that the peer opened; a candidate until its first packet proves it (T3).
    struct inbound {
        std::unique_ptr<sock::packet_stream> stream;
        bool candidate = false;
        acknowledgement_pace acknowledgements;
    };
    std::unique_ptr<inbound> make_inbound(unique_fd connection, bool candidate);
    void inbound_packet(inbound& from, byte_view packet);
    void inbound_end(const inbound& from, const sock::stream_end& end);

    async::event_loop& loop_;
    const pnn peer_;
    const protocol::sock_addr address_;
    const link_settings settings_;
    link_handlers handlers_;
    unique_fd connecting_;
    std::unique_ptr<async::fd_watch> connecting_watch_;
    std::unique_ptr<sock::packet_stream> outgoing_;
    std::unique_ptr<inbound> incoming_;
    std::unique_ptr<inbound> candidate_;
    async::timer attempt_timer_;
    async::timer give_up_timer_;
    async::timer stable_timer_;
    async::duration pause_;
    static constexpr std::size_t early_max = 64;
    std::vector<bytes> early_;
    std::string last_problem_; // logged once per change
    bool connected_ = false;
};

} // namespace ctdb::ctdbd
