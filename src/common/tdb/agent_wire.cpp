#include "common/tdb/agent_wire.hpp"

#include "common/base/unique_fd.hpp"

#include <array>
#include <cstring>

#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

namespace ctdb::tdb {

namespace {

constexpr std::size_t message_size_max = inline_payload_max + path_size_max + 64;
constexpr std::size_t what_size_max = 2048;

result<unique_fd> payload_file(byte_view payload) {
    unique_fd file(memfd_create("ctdb-lock-agent", MFD_CLOEXEC));
    if (!file) {
        return fail_errno("memory file for a lock agent");
    }
    for (std::size_t done = 0; done < payload.size();) {
        const ssize_t wrote = ::write(file.get(), payload.data() + done, payload.size() - done);
        if (wrote < 0 && errno == EINTR) {
            continue;
        }
        if (wrote <= 0) {
            return fail_errno("write {} bytes for a lock agent", payload.size());
        }
        done += static_cast<std::size_t>(wrote);
    }
    return file;
}

result<bytes> read_payload_file(int file, std::size_t size) {
    bytes payload(size);
    for (std::size_t done = 0; done < size;) {
        const ssize_t got =
            pread(file, payload.data() + done, size - done, static_cast<off_t>(done));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return fail(EBADMSG, "payload file ends after {} of {} bytes", done, size);
        }
        done += static_cast<std::size_t>(got);
    }
    return payload;
}

using fd_space = std::array<char, CMSG_SPACE(sizeof(int))>;

result<> send_message(int socket, byte_view message, int fd) {
    iovec part{const_cast<std::byte*>(message.data()), message.size()};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    alignas(cmsghdr) fd_space space{};
    if (fd >= 0) {
        header.msg_control = space.data();
        header.msg_controllen = space.size();
        cmsghdr* control = CMSG_FIRSTHDR(&header);
        control->cmsg_level = SOL_SOCKET;
        control->cmsg_type = SCM_RIGHTS;
        control->cmsg_len = CMSG_LEN(sizeof(int));
        std::memcpy(CMSG_DATA(control), &fd, sizeof(fd));
    }
    while (sendmsg(socket, &header, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
        if (errno != EINTR) {
            return fail_errno("send to the other end of a lock agent's socket");
        }
    }
    return {};
}

struct message {
    bytes content;
    unique_fd fd;
};

unique_fd passed_fd(msghdr& header) {
    cmsghdr* control = CMSG_FIRSTHDR(&header);
    if (control == nullptr || control->cmsg_level != SOL_SOCKET ||
        control->cmsg_type != SCM_RIGHTS || control->cmsg_len != CMSG_LEN(sizeof(int))) {
        return {};
    }
    int fd = -1;
    std::memcpy(&fd, CMSG_DATA(control), sizeof(fd));
    return unique_fd(fd);
}

// EAGAIN: nothing there. ECONNRESET: end of file.
result<message> receive_message(int socket, int flags) {
    message received;
    received.content.resize(message_size_max);
    iovec part{received.content.data(), received.content.size()};
    alignas(cmsghdr) fd_space space{};
    for (;;) {
        msghdr header{};
        header.msg_iov = &part;
        header.msg_iovlen = 1;
        header.msg_control = space.data();
        header.msg_controllen = space.size();
        const ssize_t got = recvmsg(socket, &header, flags | MSG_CMSG_CLOEXEC);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return fail_errno("receive from a lock agent's socket");
        }
        received.fd = passed_fd(header);
        if (got == 0) {
            return fail(ECONNRESET, "the other end of a lock agent's socket is gone");
        }
        received.content.resize(static_cast<std::size_t>(got));
        return received;
    }
}

} // namespace

result<> send_command(int socket, const agent_command& command, int journal) {
    if (command.path.size() > path_size_max || command.payload.size() > payload_size_max) {
        return fail(EMSGSIZE, "command for a lock agent is too long");
    }
    const bool is_inline = command.payload.size() <= inline_payload_max;
    unique_fd file;
    if (!is_inline) {
        auto made = payload_file(command.payload);
        if (!made) {
            return pass(made);
        }
        file = std::move(*made);
    }
    writer out(message_size_max);
    out.put(command.op);
    out.put(command.serial);
    out.put(command.file);
    out.put(command.flags);
    out.put(std::uint32_t{command.volatile_rule ? 1u : 0u});
    out.put(static_cast<std::uint32_t>(command.path.size()));
    out.put(static_cast<std::uint32_t>(command.payload.size()));
    out.put_bytes(view_of(command.path));
    if (is_inline) {
        out.put_bytes(command.payload);
    }
    return send_message(socket, out.view(), is_inline ? journal : file.get());
}

result<std::optional<agent_command>> receive_command(int socket, waiting wait) {
    auto received = receive_message(socket, wait == waiting::refused ? MSG_DONTWAIT : 0);
    if (!received) {
        if (received.error().code == EAGAIN) {
            return std::optional<agent_command>();
        }
        return pass(received);
    }
    reader in(received->content);
    agent_command command;
    command.op = in.get<agent_op>();
    command.serial = in.get<std::uint32_t>();
    command.file = in.get<std::uint32_t>();
    command.flags = in.get<int>();
    command.volatile_rule = in.get<std::uint32_t>() != 0;
    const auto path_size = in.get<std::uint32_t>();
    const auto payload_size = in.get<std::uint32_t>();
    command.path = text_of(in.take(path_size));
    if (!in.ok() || payload_size > payload_size_max) {
        return fail(EBADMSG, "malformed command");
    }
    if (payload_size > inline_payload_max) {
        auto payload = read_payload_file(received->fd.get(), payload_size);
        if (!payload) {
            return pass(payload);
        }
        command.payload = std::move(*payload);
        return std::optional<agent_command>(std::move(command));
    }
    command.payload = to_bytes(in.take(payload_size));
    command.journal = std::move(received->fd);
    if (!in.ok()) {
        return fail(EBADMSG, "malformed command");
    }
    return std::optional<agent_command>(std::move(command));
}

result<> send_reply(int socket, const agent_reply& reply) {
    writer out(what_size_max + 16);
    out.put(reply.serial);
    out.put(reply.code);
    out.put_bytes(view_of(std::string_view(reply.what).substr(0, what_size_max)));
    return send_message(socket, out.view(), -1);
}

result<std::optional<agent_reply>> receive_reply(int socket, waiting wait) {
    auto received = receive_message(socket, wait == waiting::refused ? MSG_DONTWAIT : 0);
    if (!received) {
        if (received.error().code == EAGAIN) {
            return std::optional<agent_reply>();
        }
        return pass(received);
    }
    reader in(received->content);
    agent_reply reply;
    reply.serial = in.get<std::uint32_t>();
    reply.code = in.get<int>();
    if (!in.ok()) {
        return fail(EBADMSG, "malformed reply of a lock agent");
    }
    reply.what = text_of(in.rest());
    return std::optional<agent_reply>(std::move(reply));
}

} // namespace ctdb::tdb
