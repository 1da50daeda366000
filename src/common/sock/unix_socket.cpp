#include "common/sock/unix_socket.hpp"

#include "common/base/log.hpp"

#include <cerrno>
#include <cstring>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

namespace ctdb::sock {

namespace {

constexpr int backlog = 128;
constexpr int accepts_per_turn = 16;
constexpr auto retry_delay = std::chrono::milliseconds(100);

result<sockaddr_un> address_of(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof(address.sun_path)) {
        return fail(ENAMETOOLONG, "socket path \"{}\" is empty or too long", path);
    }
    std::memcpy(address.sun_path, path.data(), path.size());
    return address;
}

const sockaddr* generic(const sockaddr_un& address) noexcept {
    return reinterpret_cast<const sockaddr*>(&address);
}

result<unique_fd> new_socket() {
    unique_fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd) {
        return fail_errno("cannot create a Unix socket");
    }
    return fd;
}

// Makes room for our socket, or tells why there is none.
result<void> remove_stale(const std::string& path) {
    struct stat info {};
    if (::lstat(path.c_str(), &info) != 0) {
        if (errno == ENOENT) {
            return {};
        }
        return fail_errno("cannot look at {}", path);
    }
    if (!S_ISSOCK(info.st_mode)) {
        return fail(EEXIST, "{} exists and is not a socket", path);
    }
    const auto other = connect_unix(path);
    if (other || other.error().code == EAGAIN) {
        return fail(EADDRINUSE, "{} is in use by another process", path);
    }
    if (other.error().code != ECONNREFUSED && other.error().code != ENOENT) {
        return pass(other);
    }
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
        return fail_errno("cannot remove stale socket {}", path);
    }
    return {};
}

result<void> bind_private(int fd, const sockaddr_un& address, const std::string& path) {
    const mode_t before =
        ::umask(0077); // the socket is never open to others, not even for a moment
    const int failed = ::bind(fd, generic(address), sizeof(address));
    const int code = errno;
    ::umask(before);
    if (failed != 0) {
        return fail(code, "cannot bind {}: {}", path, std::strerror(code));
    }
    return {};
}

} // namespace

result<unique_fd> connect_unix(const std::string& path) {
    const auto address = address_of(path);
    if (!address) {
        return pass(address);
    }
    auto fd = new_socket();
    if (!fd) {
        return fd;
    }
    if (::connect(fd->get(), generic(*address), sizeof(*address)) != 0) {
        return fail_errno("cannot connect to {}", path);
    }
    return fd;
}

result<peer_credentials> credentials_of(int fd) {
    ucred credentials{};
    socklen_t size = sizeof(credentials);
    if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) {
        return fail_errno("cannot read peer credentials");
    }
    return peer_credentials{credentials.pid, credentials.uid, credentials.gid};
}

result<std::unique_ptr<unix_listener>>
unix_listener::listen(async::event_loop& loop, std::string path, accept_handler on_accept) {
    const auto address = address_of(path);
    if (!address) {
        return pass(address);
    }
    if (const auto room = remove_stale(path); !room) {
        return pass(room);
    }
    auto fd = new_socket();
    if (!fd) {
        return pass(fd);
    }
    if (const auto bound = bind_private(fd->get(), *address, path); !bound) {
        return pass(bound);
    }
    if (::listen(fd->get(), backlog) != 0) {
        return fail_errno("cannot listen on {}", path);
    }
    return std::unique_ptr<unix_listener>(
        new unix_listener(loop, std::move(path), std::move(*fd), std::move(on_accept))
    );
}

unix_listener::unix_listener(
    async::event_loop& loop, std::string path, unique_fd listening, accept_handler on_accept
)
    : path_(std::move(path)), fd_(std::move(listening)), on_accept_(std::move(on_accept)),
      retry_(loop, [this] { pause(paused_); }),
      watch_(loop, fd_.get(), [this](async::fd_readiness) { accept_some(); }) {
    struct stat info {};
    if (::lstat(path_.c_str(), &info) == 0) {
        device_ = info.st_dev;
        inode_ = info.st_ino;
    }
    watch_.want_read(true);
}

unix_listener::~unix_listener() {
    if (gone_ != nullptr) {
        *gone_ = true;
    }
    struct stat info {};
    if (::lstat(path_.c_str(), &info) == 0 && info.st_dev == device_ && info.st_ino == inode_) {
        ::unlink(path_.c_str());
    }
}

void unix_listener::pause(bool paused) {
    paused_ = paused;
    watch_.want_read(!paused_);
}

void unix_listener::accept_some() {
    for (int i = 0; i < accepts_per_turn && !paused_; ++i) {
        unique_fd fd(::accept4(fd_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (!fd) {
            if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
                no_descriptors(errno);
            }
            return; // anything else concerns that one connection, or there is none
        }
        const auto peer = credentials_of(fd.get()).value_or(peer_credentials{});
        bool gone = false;
        gone_ = &gone;
        on_accept_(std::move(fd), peer);
        if (gone) {
            return;
        }
        gone_ = nullptr;
    }
}

void unix_listener::no_descriptors(int code) {
    log_error("{}: cannot accept a connection: {}; trying again", path_, std::strerror(code));
    watch_.want_read(false); // level-triggered: would spin
    retry_.arm_in(retry_delay);
}

} // namespace ctdb::sock
