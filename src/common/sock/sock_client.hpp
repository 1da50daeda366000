// sock_client: the asking end of a Unix socket: requests with numbers, replies by a deadline, and
// whatever else the other side sends.
//
// Framing as packet_stream; where in the packet the request number is and which packets are replies
// are parameters (ctdbd's packets: 28; event and provider packets: 8). Numbers are given out by the
// client: 1, 2, ... 0x7FFFFFFF, 1; never one still waited for. After the end of the connection
// every request fails with ENOTCONN and on_end has been called once; there is no reconnecting in
// here. Destroying the client, which the handlers may do, fails what waits with ECANCELED.
#pragma once

#include "common/async/slot.hpp"
#include "common/async/task.hpp"
#include "common/sock/packet_stream.hpp"

#include <memory>
#include <string>
#include <unordered_map>

namespace ctdb::sock {

struct request_framing {
    stream_policy policy;
    std::size_t number_at = 8;                    // u32 within the packet
    bool (*is_reply)(byte_view packet) = nullptr; // none: whatever carries a number waited for
};

class sock_client {
public:
    struct handlers {
        std::function<void(received_packet packet)> on_other; // no reply that somebody waits for
        std::function<void(const stream_end& end)> on_end;
    };

    // Errors of connect_unix().
    static result<std::unique_ptr<sock_client>> connect(
        async::event_loop& loop,
        const std::string& path,
        const request_framing& framing,
        handlers to_call
    );
    sock_client(
        async::event_loop& loop,
        unique_fd connected,
        const request_framing& framing,
        handlers to_call
    );
    sock_client(const sock_client&) = delete;
    sock_client& operator=(const sock_client&) = delete;
    ~sock_client();

    // The whole reply packet. The number is filled in here. ETIMEDOUT, ENOTCONN, ECANCELED.
    // Cancelling the task forgets the request.
    [[nodiscard]] async::task<result<bytes>> request(bytes packet, async::time_point deadline);
    void send(bytes packet) { stream_.send(std::move(packet)); } // as it is
    void flush() { stream_.flush(); }

    [[nodiscard]] bool connected() const noexcept { return stream_.open(); }
    [[nodiscard]] std::size_t waiting() const noexcept { return table_->size(); }
    [[nodiscard]] packet_stream& stream() noexcept { return stream_; }

private:
    using reply_slot = async::slot<result<bytes>>;
    using table = std::unordered_map<std::uint32_t, reply_slot*>;
    struct entry;

    std::uint32_t next_number();
    void received(received_packet packet);
    void fail_all(int code, const std::string& what);

    async::event_loop& loop_;
    request_framing framing_;
    std::shared_ptr<table> table_ = std::make_shared<table>(); // outlived by requests, see entry
    std::uint32_t last_number_ = 0;
    async::callback<received_packet> on_other_;
    async::callback<const stream_end&> on_end_;
    packet_stream stream_;
};

} // namespace ctdb::sock
