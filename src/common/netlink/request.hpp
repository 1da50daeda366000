// A netlink socket of one protocol (NETLINK_ROUTE, NETLINK_SOCK_DIAG): dumps and batches.
//
// The kernel does the work inside send(), so the answer is there at once; every receive is bounded
// by `patience` all the same. Not for notifications (change_watch.hpp).
#pragma once

#include "common/base/bytes.hpp"
#include "common/base/result.hpp"
#include "common/base/unique_fd.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <vector>

namespace ctdb::netlink {

// One message: type, flags besides REQUEST, body (family header and attributes, padded to 4).
struct message {
    std::uint16_t type = 0;
    std::uint16_t flags = 0;
    bytes body;
};

// Attributes of a body: {u16 length, u16 type, data, padding}.
void put_attribute(writer& out, std::uint16_t type, byte_view data);
template <class T>
void put_attribute_value(writer& out, std::uint16_t type, T value) {
    put_attribute(out, type, std::as_bytes(std::span<const T, 1>(&value, 1)));
}
// Calls `each` for every attribute of `attributes`; malformed ends it.
void for_each_attribute(
    byte_view attributes, const std::function<void(std::uint16_t type, byte_view data)>& each
);

class request_socket {
public:
    static constexpr std::chrono::milliseconds patience{1000};

    static result<request_socket> open(int protocol);

    // `each` gets type and body of every message of the dump.
    [[nodiscard]] result<>
    dump(const message& question, const std::function<void(std::uint16_t, byte_view)>& each);
    // Sends all, in chunks; one errno (0 = done) for each message.
    [[nodiscard]] result<std::vector<int>> apply(const std::vector<message>& messages);

private:
    explicit request_socket(unique_fd fd) noexcept : fd_(std::move(fd)) {}
    [[nodiscard]] result<> send(byte_view packet);
    [[nodiscard]] result<bytes> receive();
    void append(writer& out, const message& m, std::uint16_t flags);
    [[nodiscard]] result<>
    apply_chunk(const std::vector<message>& messages, std::size_t first, std::vector<int>& answers);

    unique_fd fd_;
    std::uint32_t sequence_ = 1;
};

} // namespace ctdb::netlink
