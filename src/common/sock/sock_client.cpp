#include "common/sock/sock_client.hpp"

#include "common/sock/unix_socket.hpp"

#include <cstring>

namespace ctdb::sock {

// A request in the table for as long as somebody waits for it.
struct sock_client::entry {
    entry(std::shared_ptr<table> in, std::uint32_t with, reply_slot& waiting)
        : where(std::move(in)), number(with) {
        where->emplace(number, &waiting);
    }
    entry(const entry&) = delete;
    entry& operator=(const entry&) = delete;
    ~entry() { where->erase(number); }
    std::shared_ptr<table> where;
    std::uint32_t number;
};

result<std::unique_ptr<sock_client>> sock_client::connect(
    async::event_loop& loop,
    const std::string& path,
    const request_framing& framing,
    handlers to_call
) {
    auto fd = connect_unix(path);
    if (!fd) {
        return pass(fd);
    }
    return std::make_unique<sock_client>(loop, std::move(*fd), framing, std::move(to_call));
}

sock_client::sock_client(
    async::event_loop& loop, unique_fd connected, const request_framing& framing, handlers to_call
)
    : loop_(loop), framing_(framing), on_other_(std::move(to_call.on_other)),
      on_end_(std::move(to_call.on_end)),
      stream_(
          loop,
          std::move(connected),
          framing.policy,
          packet_stream::handlers{
              [this](received_packet packet) { received(packet); },
              [this](const stream_end& end) {
                  fail_all(ENOTCONN, end.what);
                  on_end_(end); // may destroy us
              }}
      ) {}

sock_client::~sock_client() {
    fail_all(ECANCELED, "connection given up");
}

async::task<result<bytes>> sock_client::request(bytes packet, async::time_point deadline) {
    ensure(packet.size() >= framing_.number_at + sizeof(std::uint32_t));
    if (!stream_.open()) {
        co_return fail(ENOTCONN, "not connected");
    }
    const std::uint32_t number = next_number();
    std::memcpy(packet.data() + framing_.number_at, &number, sizeof(number));
    reply_slot reply(loop_);
    const entry waiting(table_, number, reply);
    async::timer expiry(loop_, [&reply] { reply.set(fail(ETIMEDOUT, "no reply in time")); });
    expiry.arm(deadline);
    stream_.send(std::move(packet));
    co_return co_await reply.take();
}

std::uint32_t sock_client::next_number() {
    do {
        last_number_ = last_number_ == 0x7FFFFFFFU ? 1 : last_number_ + 1;
    } while (table_->contains(last_number_));
    return last_number_;
}

void sock_client::received(received_packet packet) {
    const byte_view view = packet.view();
    if (view.size() >= framing_.number_at + sizeof(std::uint32_t) &&
        (framing_.is_reply == nullptr || framing_.is_reply(view))) {
        std::uint32_t number = 0;
        std::memcpy(&number, view.data() + framing_.number_at, sizeof(number));
        if (const auto found = table_->find(number); found != table_->end()) {
            found->second->set(packet.take());
            return;
        }
    }
    on_other_(packet); // may destroy us
}

void sock_client::fail_all(int code, const std::string& what) {
    for (const auto& [number, waiting] : *table_) {
        waiting->set(fail(code, "{}", what));
    }
}

} // namespace ctdb::sock
