#include "common/netlink/request.hpp"

#include <algorithm>

#include <linux/netlink.h>
#include <poll.h>
#include <sys/socket.h>

namespace ctdb::netlink {

namespace {

constexpr std::size_t header_size = sizeof(nlmsghdr);
constexpr std::size_t chunk_messages = 64; // far below the socket buffer
constexpr std::size_t receive_size = 256U << 10U;

constexpr std::size_t aligned(std::size_t size) noexcept {
    return (size + 3) & ~std::size_t{3};
}

struct header {
    std::uint32_t length = 0;
    std::uint16_t type = 0;
    std::uint16_t flags = 0;
    std::uint32_t sequence = 0;
};

// The next message of a received packet; its body goes to `body`. False: no more.
bool next_message(byte_view& rest, header& head, byte_view& body) {
    reader in(rest);
    head.length = in.get<std::uint32_t>();
    head.type = in.get<std::uint16_t>();
    head.flags = in.get<std::uint16_t>();
    head.sequence = in.get<std::uint32_t>();
    if (!in.ok() || head.length < header_size || head.length > rest.size()) {
        return false;
    }
    body = rest.subspan(header_size, head.length - header_size);
    rest = rest.subspan(std::min(rest.size(), aligned(head.length)));
    return true;
}

int error_of(byte_view body) {
    reader in(body);
    return -in.get<std::int32_t>();
}

} // namespace

void put_attribute(writer& out, std::uint16_t type, byte_view data) {
    out.put(static_cast<std::uint16_t>(data.size() + 4));
    out.put(type);
    out.put_bytes(data);
    out.pad_to(4);
}

void for_each_attribute(
    byte_view attributes, const std::function<void(std::uint16_t type, byte_view data)>& each
) {
    while (attributes.size() >= 4) {
        reader in(attributes);
        const auto length = in.get<std::uint16_t>();
        const auto type = in.get<std::uint16_t>();
        if (length < 4 || length > attributes.size()) {
            return;
        }
        each(static_cast<std::uint16_t>(type & NLA_TYPE_MASK), attributes.subspan(4, length - 4U));
        attributes = attributes.subspan(std::min(attributes.size(), aligned(length)));
    }
}

result<request_socket> request_socket::open(int protocol) {
    unique_fd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol));
    if (!fd) {
        return fail_errno("netlink socket");
    }
    const int size = 1 << 20; // dumps of a thousand addresses
    static_cast<void>(::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)));
    sockaddr_nl any{};
    any.nl_family = AF_NETLINK;
    if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&any), sizeof(any)) != 0) {
        return fail_errno("netlink bind");
    }
    return request_socket(std::move(fd));
}

result<> request_socket::send(byte_view packet) {
    for (;;) {
        const ssize_t sent = ::send(fd_.get(), packet.data(), packet.size(), 0);
        if (sent >= 0) {
            return {};
        }
        if (errno != EINTR) {
            return fail_errno("netlink send");
        }
    }
}

result<bytes> request_socket::receive() {
    bytes packet(receive_size);
    for (;;) {
        const ssize_t got = ::recv(fd_.get(), packet.data(), packet.size(), 0);
        if (got >= 0) {
            packet.resize(static_cast<std::size_t>(got));
            return packet;
        }
        if (errno == EAGAIN) {
            pollfd wait{fd_.get(), POLLIN, 0};
            if (::poll(&wait, 1, static_cast<int>(patience.count())) == 0) {
                return fail(ETIMEDOUT, "netlink: no answer from the kernel");
            }
        } else if (errno != EINTR) {
            return fail_errno("netlink receive");
        }
    }
}

void request_socket::append(writer& out, const message& m, std::uint16_t flags) {
    out.put(static_cast<std::uint32_t>(header_size + m.body.size()));
    out.put(m.type);
    out.put(static_cast<std::uint16_t>(m.flags | flags | NLM_F_REQUEST));
    out.put(sequence_++);
    out.put<std::uint32_t>(0); // port: the kernel
    out.put_bytes(m.body);
    out.pad_to(4);
}

result<> request_socket::dump(
    const message& question, const std::function<void(std::uint16_t, byte_view)>& each
) {
    writer out;
    const std::uint32_t sequence = sequence_;
    append(out, question, NLM_F_DUMP);
    if (const auto sent = send(out.view()); !sent) {
        return sent;
    }
    for (;;) {
        const auto packet = receive();
        if (!packet) {
            return pass(packet);
        }
        byte_view rest(*packet);
        header head;
        byte_view body;
        while (next_message(rest, head, body)) {
            if (head.sequence != sequence) {
                continue; // of an earlier question that failed
            }
            if (head.type == NLMSG_DONE) {
                return {};
            }
            if (head.type == NLMSG_ERROR) {
                return fail_errno_text(error_of(body), "netlink dump");
            }
            each(head.type, body);
        }
    }
}

result<std::vector<int>> request_socket::apply(const std::vector<message>& messages) {
    std::vector<int> answers(messages.size(), EIO);
    for (std::size_t first = 0; first < messages.size(); first += chunk_messages) {
        if (const auto done = apply_chunk(messages, first, answers); !done) {
            return pass(done);
        }
    }
    return answers;
}

result<> request_socket::apply_chunk(
    const std::vector<message>& messages, std::size_t first, std::vector<int>& answers
) {
    const std::size_t end = std::min(messages.size(), first + chunk_messages);
    const std::uint32_t sequence = sequence_;
    writer out;
    for (std::size_t i = first; i < end; ++i) {
        append(out, messages[i], NLM_F_ACK);
    }
    if (const auto sent = send(out.view()); !sent) {
        return sent;
    }
    std::size_t missing = end - first;
    while (missing != 0) {
        const auto packet = receive();
        if (!packet) {
            return pass(packet);
        }
        byte_view rest(*packet);
        header head;
        byte_view body;
        while (next_message(rest, head, body)) {
            const std::uint32_t place = head.sequence - sequence;
            if (head.type == NLMSG_ERROR && place < end - first) {
                answers[first + place] = error_of(body);
                --missing;
            }
        }
    }
    return {};
}

} // namespace ctdb::netlink
