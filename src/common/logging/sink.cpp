#include "common/logging/sink.hpp"

#include "common/logging/line_format.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <functional>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

namespace ctdb::logging {

namespace {

class owned_fd {
public:
    explicit owned_fd(int fd = -1) noexcept : fd_(fd) {}
    ~owned_fd() { reset(-1); }
    owned_fd(const owned_fd&) = delete;
    owned_fd& operator=(const owned_fd&) = delete;
    void reset(int fd) noexcept {
        if (fd_ >= 0) {
            ::close(fd_);
        }
        fd_ = fd;
    }
    [[nodiscard]] int get() const noexcept { return fd_; }

private:
    int fd_;
};

iovec bytes_of(std::string_view text) noexcept {
    // writev takes what it only reads as a pointer to mutable bytes.
    return {
        const_cast<char*>(text.data()),
        text.size()}; // NOLINT(cppcoreguidelines-pro-type-const-cast)
}

// Header, message and end of line in one system call, so that lines of several processes never mix.
bool write_line(int fd, std::string_view header, std::string_view message) noexcept {
    const std::array<iovec, 3> parts{bytes_of(header), bytes_of(message), bytes_of("\n")};
    const std::size_t whole = header.size() + message.size() + 1;
    while (true) {
        const ssize_t written = ::writev(fd, parts.data(), static_cast<int>(parts.size()));
        if (written < 0 && errno == EINTR) {
            continue;
        }
        return written == static_cast<ssize_t>(whole);
    }
}

std::string short_host_name() {
    std::array<char, 256> name{};
    if (::gethostname(name.data(), name.size() - 1) != 0) {
        return "localhost";
    }
    const std::string whole(name.data());
    return whole.substr(0, whole.find('.'));
}

line_origin origin_now(const sink_identity& who) {
    line_origin origin;
    origin.host = who.host;
    origin.program = who.program;
    origin.pid = ::getpid();
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    ::localtime_r(&now.tv_sec, &origin.local);
    origin.microseconds = static_cast<std::uint32_t>(now.tv_nsec / 1000);
    return origin;
}

std::string dropped_text(std::uint64_t count) {
    return fmt::format("[Dropped {} log messages]", count);
}

class stderr_sink final : public sink {
public:
    void write(log_level /*level*/, std::string_view message) noexcept override {
        write_line(STDERR_FILENO, "", message); // nowhere is left to report a failure to
    }
};

class file_sink final : public sink {
public:
    file_sink(std::string path, sink_identity who) : path_(std::move(path)), who_(std::move(who)) {}

    result<> reopen() override {
        const int fd = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
        if (fd < 0) {
            return fail_errno("cannot open log file {}", path_);
        }
        file_.reset(fd);
        return {};
    }

    void write(log_level /*level*/, std::string_view message) noexcept override {
        try {
            const std::string header = file_header(origin_now(who_));
            if (dropped_ > 0 && write_line(file_.get(), header, dropped_text(dropped_))) {
                dropped_ = 0;
            }
            dropped_ += write_line(file_.get(), header, message) ? 0 : 1;
        } catch (...) {
            ++dropped_; // no memory for a header
        }
    }

private:
    std::string path_;
    sink_identity who_;
    owned_fd file_;
    std::uint64_t dropped_ = 0;
};

// syslog(3): the C library keeps a pointer to the name, hence the destructor.
class syslog_sink final : public sink {
public:
    explicit syslog_sink(sink_identity who) : who_(std::move(who)) {
        ::openlog(who_.program.c_str(), LOG_PID, LOG_DAEMON);
    }
    ~syslog_sink() override { ::closelog(); }
    syslog_sink(const syslog_sink&) = delete;
    syslog_sink& operator=(const syslog_sink&) = delete;

    void write(log_level level, std::string_view message) noexcept override {
        ::syslog(syslog_severity(level), "%.*s", static_cast<int>(message.size()), message.data());
    }

private:
    sink_identity who_;
};

using datagram_format =
    std::string (*)(const line_origin&, log_level level, std::string_view message);

// Makes a connected socket; kept for when the service behind it was restarted.
using socket_maker = std::function<result<int>()>;

// Never waits: what the socket does not take is counted.
class datagram_sink final : public sink {
public:
    datagram_sink(socket_maker make, sink_identity who, datagram_format format)
        : make_(std::move(make)), who_(std::move(who)), format_(format) {}

    result<> reopen() override {
        const result<int> fd = make_();
        if (!fd) {
            return pass(fd);
        }
        socket_.reset(*fd);
        return {};
    }

    void write(log_level level, std::string_view message) noexcept override {
        try {
            const line_origin origin = origin_now(who_);
            if (dropped_ > 0 && send(format_(origin, log_level::warning, dropped_text(dropped_)))) {
                dropped_ = 0;
            }
            dropped_ += send(format_(origin, level, message)) ? 0 : 1;
        } catch (...) {
            ++dropped_;
        }
    }

private:
    socket_maker make_;
    sink_identity who_;
    datagram_format format_;
    owned_fd socket_;
    std::uint64_t dropped_ = 0;

    [[nodiscard]] bool send(const std::string& text) {
        if (send_once(text)) {
            return true;
        }
        const bool only_full = errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS;
        return !only_full && reopen() && send_once(text);
    }
    [[nodiscard]] bool send_once(const std::string& text) const noexcept {
        return ::send(socket_.get(), text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
    }
};

result<int> unix_datagram_socket(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof(address.sun_path)) {
        return fail(ENAMETOOLONG, "socket path {} is too long", path);
    }
    std::memcpy(address.sun_path, path.data(), path.size());
    const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return fail_errno("cannot make a socket for {}", path);
    }
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
        const int code = errno;
        ::close(fd);
        errno = code;
        return fail_errno("cannot connect to {}", path);
    }
    return fd;
}

result<int> udp_socket(std::uint16_t port) {
    const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return fail_errno("cannot make a UDP socket for the log");
    }
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
        const int code = errno;
        ::close(fd);
        errno = code;
        return fail_errno("cannot address UDP port {}", port);
    }
    return fd;
}

template <class Sink>
result<std::unique_ptr<sink>> opened(std::unique_ptr<Sink> made) {
    if (const result<> open = made->reopen(); !open) {
        return pass(open);
    }
    return made;
}

} // namespace

result<std::unique_ptr<sink>>
open_sink(const location& where, sink_identity who, const syslog_addresses& addresses) {
    if (who.host.empty()) {
        who.host = short_host_name();
    }
    const auto to_unix = [path = addresses.unix_socket] { return unix_datagram_socket(path); };
    const auto to_udp = [port = addresses.udp_port] { return udp_socket(port); };
    switch (where.where) {
    case target::standard_error:
        return std::make_unique<stderr_sink>();
    case target::file:
        return opened(std::make_unique<file_sink>(where.path, std::move(who)));
    case target::syslog:
        return std::make_unique<syslog_sink>(std::move(who));
    case target::syslog_nonblocking:
        return opened(std::make_unique<datagram_sink>(to_unix, std::move(who), syslog_datagram));
    case target::syslog_udp:
        return opened(std::make_unique<datagram_sink>(to_udp, std::move(who), syslog_datagram));
    case target::syslog_udp_rfc5424:
        return opened(std::make_unique<datagram_sink>(to_udp, std::move(who), rfc5424_datagram));
    }
    return fail(EINVAL, "unknown kind of log");
}

} // namespace ctdb::logging
