#include "common/netlink/tickle.hpp"

#include <cstring>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace ctdb::netlink {

namespace {

constexpr std::uint8_t tcp = IPPROTO_TCP;
constexpr std::uint8_t ack_flag = 0x10;
constexpr std::uint16_t window = 1234; // as upstream's: recognised in captures
constexpr std::size_t checksum_offset = 16;

template <std::size_t N>
void put_octets(writer& out, const std::array<std::uint8_t, N>& octets) {
    out.put_bytes(std::as_bytes(std::span(octets)));
}
void put_u16(writer& out, std::uint16_t value) {
    out.put(htons(value));
}

// RFC 1071, of an even number of octets.
std::uint16_t checksum(byte_view data) {
    std::uint32_t sum = 0;
    for (std::size_t i = 0; i + 1 < data.size(); i += 2) {
        sum += std::to_integer<std::uint32_t>(data[i]) << 8U;
        sum += std::to_integer<std::uint32_t>(data[i + 1]);
    }
    while ((sum >> 16U) != 0) {
        sum = (sum & 0xFFFFU) + (sum >> 16U);
    }
    return static_cast<std::uint16_t>(~sum & 0xFFFFU);
}

bytes tcp_part(const protocol::connection& c) {
    writer out;
    put_u16(out, c.dst.port);
    put_u16(out, c.src.port);
    out.put<std::uint32_t>(0);   // sequence number
    out.put<std::uint32_t>(0);   // acknowledged
    out.put<std::uint8_t>(0x50); // five words
    out.put(ack_flag);
    put_u16(out, window);
    put_u16(out, 0); // checksum
    put_u16(out, 0); // urgent
    return out.take();
}

// The checksum covers addresses, length and protocol too (RFC 9293 3.1, RFC 8200 8.1).
template <class Octets>
bytes summed(bytes part, const Octets& from, const Octets& to) {
    writer pseudo;
    put_octets(pseudo, from);
    put_octets(pseudo, to);
    pseudo.put(htonl(static_cast<std::uint32_t>(part.size())));
    pseudo.put(htonl(static_cast<std::uint32_t>(tcp)));
    pseudo.put_bytes(part);
    const std::uint16_t sum = htons(checksum(pseudo.take()));
    std::memcpy(part.data() + checksum_offset, &sum, sizeof(sum));
    return part;
}

bytes ipv4_packet(
    const protocol::ipv4_address& from, const protocol::ipv4_address& to, byte_view body
) {
    writer out;
    out.put<std::uint8_t>(0x45); // version 4, five words
    out.put<std::uint8_t>(0);
    put_u16(out, static_cast<std::uint16_t>(20 + body.size()));
    put_u16(out, 0); // id
    put_u16(out, 0); // fragment
    out.put<std::uint8_t>(255);
    out.put(tcp);
    put_u16(out, 0); // the kernel's
    put_octets(out, from.octets);
    put_octets(out, to.octets);
    out.put_bytes(body);
    return out.take();
}

bytes ipv6_packet(
    const protocol::ipv6_address& from, const protocol::ipv6_address& to, byte_view body
) {
    writer out;
    out.put(htonl(0x60000000U));
    put_u16(out, static_cast<std::uint16_t>(body.size()));
    out.put(tcp);
    out.put<std::uint8_t>(64);
    put_octets(out, from.octets);
    put_octets(out, to.octets);
    out.put_bytes(body);
    return out.take();
}

struct destination {
    sockaddr_storage address{};
    socklen_t size = 0;
};

// Without a port: raw sockets have none.
destination destination_of(const protocol::sock_addr& to) {
    destination d;
    if (const auto* v4 = std::get_if<protocol::ipv4_address>(&to.ip)) {
        sockaddr_in in{};
        in.sin_family = AF_INET;
        std::memcpy(&in.sin_addr, v4->octets.data(), v4->octets.size());
        std::memcpy(&d.address, &in, sizeof(in));
        d.size = sizeof(in);
    } else if (const auto* v6 = std::get_if<protocol::ipv6_address>(&to.ip)) {
        sockaddr_in6 in{};
        in.sin6_family = AF_INET6;
        in.sin6_scope_id = v6->scope_id;
        std::memcpy(&in.sin6_addr, v6->octets.data(), v6->octets.size());
        std::memcpy(&d.address, &in, sizeof(in));
        d.size = sizeof(in);
    }
    return d;
}

unique_fd raw_socket(int family) {
    return unique_fd(::socket(family, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_RAW));
}

} // namespace

bytes tickle_packet(const protocol::connection& c) {
    const auto* to4 = std::get_if<protocol::ipv4_address>(&c.src.ip);
    const auto* from4 = std::get_if<protocol::ipv4_address>(&c.dst.ip);
    if (to4 != nullptr && from4 != nullptr) {
        return ipv4_packet(*from4, *to4, summed(tcp_part(c), from4->octets, to4->octets));
    }
    const auto* to6 = std::get_if<protocol::ipv6_address>(&c.src.ip);
    const auto* from6 = std::get_if<protocol::ipv6_address>(&c.dst.ip);
    if (to6 != nullptr && from6 != nullptr) {
        return ipv6_packet(*from6, *to6, summed(tcp_part(c), from6->octets, to6->octets));
    }
    return {};
}

result<tickle_sender> tickle_sender::open() {
    unique_fd v4 = raw_socket(AF_INET);
    if (!v4) {
        return fail_errno("raw socket");
    }
    return tickle_sender(std::move(v4), raw_socket(AF_INET6));
}

result<> tickle_sender::send(const protocol::connection& c) const {
    const bytes packet = tickle_packet(c);
    const unique_fd& through = c.src.is_ipv4() ? v4_ : v6_;
    if (packet.empty() || !through) {
        return fail(EAFNOSUPPORT, "{} has no such address", to_text_with_port(c.src));
    }
    const destination to = destination_of(c.src);
    const auto* address = reinterpret_cast<const sockaddr*>(&to.address);
    if (::sendto(through.get(), packet.data(), packet.size(), 0, address, to.size) < 0) {
        return fail_errno("tickle to {}", to_text_with_port(c.src));
    }
    return {};
}

} // namespace ctdb::netlink
