#include "ctdbd/transport/listener.hpp"

#include "common/base/log.hpp"
#include "common/sock/native_address.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/file.h>
#include <sys/socket.h>

namespace ctdb::ctdbd {

namespace {

using namespace std::chrono_literals;

constexpr int backlog = 64; // all peers may reconnect at once

result<unique_fd> bind_and_listen(const protocol::sock_addr& address) {
    const sock::native_address native = sock::to_native(address);
    unique_fd fd(::socket(native.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd) {
        return fail_errno("socket for {}", protocol::to_text_with_port(address));
    }
    const int on = 1;
    setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (address.is_ipv6()) {
        setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
    }
    if (::bind(fd.get(), native.get(), native.length) != 0) {
        return fail_errno("bind to {}", protocol::to_text_with_port(address));
    }
    if (::listen(fd.get(), backlog) != 0) {
        return fail_errno("listen on {}", protocol::to_text_with_port(address));
    }
    return fd;
}

// Exclusive record lock on the first byte, held until the descriptor closes.
result<unique_fd> lock_search(const std::string& path) {
    unique_fd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666));
    if (!fd) {
        return fail_errno("open {}", path);
    }
    struct flock range {};
    range.l_type = F_WRLCK;
    range.l_whence = SEEK_SET;
    range.l_len = 1;
    if (::fcntl(fd.get(), F_SETLKW, &range) != 0) {
        return fail_errno("lock {}", path);
    }
    return fd;
}

} // namespace

result<listening_socket> listen_on_own_address(
    const protocol::sock_addr& configured,
    const std::vector<protocol::sock_addr>& candidates,
    const std::string& lock_file
) {
    if (!configured.is_none()) {
        auto fd = bind_and_listen(configured);
        if (!fd) {
            return pass(fd);
        }
        return listening_socket{std::move(*fd), configured};
    }
    const auto lock = lock_search(lock_file);
    if (!lock) {
        return pass(lock);
    }
    std::string reasons;
    for (const protocol::sock_addr& candidate : candidates) {
        if (candidate.is_none()) {
            continue; // a deleted node
        }
        auto fd = bind_and_listen(candidate);
        if (fd) {
            return listening_socket{std::move(*fd), candidate};
        }
        reasons += (reasons.empty() ? "" : "; ") + fd.error().what;
    }
    return fail(EADDRNOTAVAIL, "no address of the nodes list can be used here: {}", reasons);
}

listener::listener(async::event_loop& loop, listening_socket socket, on_connection accepted)
    : socket_(std::move(socket)), accepted_(std::move(accepted)),
      reserve_(::open("/dev/null", O_RDONLY | O_CLOEXEC)),
      pause_(loop, [this] { watch_.want_read(true); }),
      watch_(loop, socket_.fd.get(), [this](async::fd_readiness) { accept_one(); }) {
    watch_.want_read(true);
}

void listener::accept_one() {
    sockaddr_storage from{};
    socklen_t length = sizeof(from);
    auto* raw = reinterpret_cast<sockaddr*>(&from);
    unique_fd fd(::accept4(socket_.fd.get(), raw, &length, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (fd) {
        accepted_(std::move(fd), sock::from_native(from));
        return;
    }
    if (errno == EMFILE || errno == ENFILE) {
        log_error("out of file descriptors: new connections wait; raise the limit of open files");
        reserve_.reset();
        const unique_fd refused(::accept4(socket_.fd.get(), nullptr, nullptr, SOCK_CLOEXEC));
        reserve_.reset(::open("/dev/null", O_RDONLY | O_CLOEXEC));
        watch_.want_read(false);
        pause_.arm_in(1s);
    }
}

} // namespace ctdb::ctdbd
