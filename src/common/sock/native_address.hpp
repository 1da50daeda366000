// protocol::sock_addr to the kernel's sockaddr and back.
#pragma once

#include "common/protocol/sock_addr.hpp"

#include <sys/socket.h>

namespace ctdb::sock {

struct native_address {
    sockaddr_storage storage{};
    socklen_t length = 0; // 0: the address was none
    [[nodiscard]] const sockaddr* get() const noexcept {
        return reinterpret_cast<const sockaddr*>(&storage);
    }
};

[[nodiscard]] native_address to_native(const protocol::sock_addr& address) noexcept;
// An unknown family gives none; IPv4-mapped IPv6 becomes IPv4.
[[nodiscard]] protocol::sock_addr from_native(const sockaddr_storage& native) noexcept;

} // namespace ctdb::sock
