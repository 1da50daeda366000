#include "failoverd/last_word.hpp"

#include "common/base/log.hpp"
#include "common/sock/native_address.hpp"

#include <array>

namespace ctdb::failoverd {

result<std::unique_ptr<last_word>>
last_word::open(async::event_loop& loop, const protocol::sock_addr& own, handler heard) {
    const sock::native_address here = sock::to_native(own);
    const int family = own.is_ipv4() ? AF_INET : AF_INET6;
    unique_fd fd(::socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd) {
        return fail_errno("UDP socket");
    }
    if (::bind(fd.get(), here.get(), here.length) != 0) {
        return fail_errno("UDP socket on {}", protocol::to_text_with_port(own));
    }
    return std::unique_ptr<last_word>(
        new last_word(loop, std::move(fd), std::move(heard)) // NOLINT: private constructor
    );
}

last_word::last_word(async::event_loop& loop, unique_fd fd, handler heard)
    : fd_(std::move(fd)), heard_(std::move(heard)),
      watch_(loop, fd_.get(), [this](async::fd_readiness) { read_all(); }) {
    watch_.want_read(true);
}

void last_word::read_all() {
    std::array<std::byte, 64> buffer{};
    sockaddr_storage from{};
    for (;;) {
        socklen_t length = sizeof(from);
        auto* peer = reinterpret_cast<sockaddr*>(&from);
        const ssize_t size =
            ::recvfrom(fd_.get(), buffer.data(), buffer.size(), MSG_TRUNC, peer, &length);
        if (size < 0) {
            return;
        }
        const auto whole = static_cast<std::size_t>(size);
        if (whole > buffer.size()) {
            continue;
        }
        if (const auto got = decode_released_all(byte_view(buffer).first(whole))) {
            heard_(*got, sock::from_native(from));
        }
    }
}

void last_word::say(const std::vector<protocol::sock_addr>& to, const released_all& what) const {
    const bytes data = encode(what);
    for (const protocol::sock_addr& node : to) {
        const sock::native_address there = sock::to_native(node);
        if (::sendto(fd_.get(), data.data(), data.size(), 0, there.get(), there.length) < 0) {
            log_info("no last word to {}: errno {}", protocol::to_text(node), errno);
        }
    }
}

} // namespace ctdb::failoverd
