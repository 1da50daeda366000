#include "common/sock/native_address.hpp"

#include <cstring>

#include <netinet/in.h>

namespace ctdb::sock {

native_address to_native(const protocol::sock_addr& address) noexcept {
    native_address out;
    if (const auto* v4 = std::get_if<protocol::ipv4_address>(&address.ip)) {
        sockaddr_in in{};
        in.sin_family = AF_INET;
        in.sin_port = htons(address.port);
        std::memcpy(&in.sin_addr, v4->octets.data(), v4->octets.size());
        std::memcpy(&out.storage, &in, sizeof(in));
        out.length = sizeof(in);
    } else if (const auto* v6 = std::get_if<protocol::ipv6_address>(&address.ip)) {
        sockaddr_in6 in{};
        in.sin6_family = AF_INET6;
        in.sin6_port = htons(address.port);
        in.sin6_flowinfo = htonl(v6->flow_info);
        in.sin6_scope_id = v6->scope_id;
        std::memcpy(&in.sin6_addr, v6->octets.data(), v6->octets.size());
        std::memcpy(&out.storage, &in, sizeof(in));
        out.length = sizeof(in);
    }
    return out;
}

protocol::sock_addr from_native(const sockaddr_storage& native) noexcept {
    protocol::sock_addr out;
    if (native.ss_family == AF_INET) {
        sockaddr_in in{};
        std::memcpy(&in, &native, sizeof(in));
        protocol::ipv4_address v4;
        std::memcpy(v4.octets.data(), &in.sin_addr, v4.octets.size());
        out.ip = v4;
        out.port = ntohs(in.sin_port);
    } else if (native.ss_family == AF_INET6) {
        sockaddr_in6 in{};
        std::memcpy(&in, &native, sizeof(in));
        protocol::ipv6_address v6;
        std::memcpy(v6.octets.data(), &in.sin6_addr, v6.octets.size());
        v6.flow_info = ntohl(in.sin6_flowinfo);
        v6.scope_id = in.sin6_scope_id;
        out.ip = v6;
        out.port = ntohs(in.sin6_port);
    }
    return protocol::without_v4_mapping(out);
}

} // namespace ctdb::sock
