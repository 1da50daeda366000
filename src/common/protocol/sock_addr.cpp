#include "common/protocol/sock_addr.hpp"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include <arpa/inet.h> // text forms only: inet_pton, inet_ntop

namespace ctdb::protocol {
namespace {

constexpr std::uint16_t family_ipv4 = 2;  // AF_INET on Linux
constexpr std::uint16_t family_ipv6 = 10; // AF_INET6 on Linux
constexpr std::array<std::uint8_t, 12> v4_mapped_prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

std::uint16_t swap16(std::uint16_t v) noexcept {
    return static_cast<std::uint16_t>((v >> 8U) | (v << 8U));
}

std::uint32_t swap32(std::uint32_t v) noexcept {
    return __builtin_bswap32(v);
}

template <std::size_t N>
void put_octets(writer& out, const std::array<std::uint8_t, N>& octets) {
    out.put_bytes(std::as_bytes(std::span(octets)));
}

template <std::size_t N>
void get_octets(reader& in, std::array<std::uint8_t, N>& octets) {
    const byte_view raw = in.take(N);
    if (raw.size() == N) {
        std::memcpy(octets.data(), raw.data(), N);
    }
}

void get_ipv6(reader& in, ipv6_address& address) {
    address.flow_info = swap32(in.get<std::uint32_t>());
    get_octets(in, address.octets);
    address.scope_id = in.get<std::uint32_t>();
}

result<std::uint16_t> parse_port(std::string_view text) {
    std::uint16_t port = 0;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (text.empty() || problem != std::errc{} || end != text.data() + text.size()) {
        return fail(EINVAL, "'{}' is no port number", text);
    }
    return port;
}

} // namespace

void codec<sock_addr>::put(writer& out, const sock_addr& address) {
    if (const auto* const v4 = std::get_if<ipv4_address>(&address.ip)) {
        out.put(family_ipv4);
        out.put(swap16(address.port));
        put_octets(out, v4->octets);
        out.put_zeros(20);
    } else if (const auto* const v6 = std::get_if<ipv6_address>(&address.ip)) {
        out.put(family_ipv6);
        out.put(swap16(address.port));
        out.put(swap32(v6->flow_info));
        put_octets(out, v6->octets);
        out.put(v6->scope_id);
    } else {
        out.put_zeros(sock_addr_size);
    }
}

void codec<sock_addr>::get(reader& in, sock_addr& address) {
    reader field(in.take(sock_addr_size));
    address = {};
    const auto family = field.get<std::uint16_t>();
    const std::uint16_t port = swap16(field.get<std::uint16_t>());
    if (family == family_ipv4) {
        get_octets(field, address.ip.emplace<ipv4_address>().octets);
        address.port = port;
    } else if (family == family_ipv6) {
        get_ipv6(field, address.ip.emplace<ipv6_address>());
        address.port = port;
    }
}

sock_addr ipv4(std::array<std::uint8_t, 4> octets, std::uint16_t port) noexcept {
    return {ipv4_address{octets}, port};
}

bool same_ip(const sock_addr& a, const sock_addr& b) noexcept {
    return !a.is_none() && a.ip == b.ip;
}

sock_addr without_v4_mapping(const sock_addr& address) noexcept {
    const auto* const v6 = std::get_if<ipv6_address>(&address.ip);
    if (v6 == nullptr ||
        !std::equal(v4_mapped_prefix.begin(), v4_mapped_prefix.end(), v6->octets.begin())) {
        return address;
    }
    ipv4_address v4;
    std::copy_n(v6->octets.begin() + v4_mapped_prefix.size(), v4.octets.size(), v4.octets.begin());
    return {v4, address.port};
}

sock_addr with_port(sock_addr address, std::uint16_t port) noexcept {
    address.port = port;
    return address;
}

result<sock_addr> parse_ip(std::string_view text) {
    const std::string terminated(text);
    if (terminated.find('\0') == std::string::npos) {
        ipv4_address v4;
        if (inet_pton(AF_INET, terminated.c_str(), v4.octets.data()) == 1) {
            return sock_addr{v4, 0};
        }
        ipv6_address v6;
        if (inet_pton(AF_INET6, terminated.c_str(), v6.octets.data()) == 1) {
            return sock_addr{v6, 0};
        }
    }
    return fail(EINVAL, "'{}' is no IPv4 or IPv6 address", text);
}

result<sock_addr> parse_ip_port(std::string_view text) {
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos) {
        return fail(EINVAL, "'{}' is no address:port", text);
    }
    std::string_view ip = text.substr(0, colon);
    const bool bracketed = ip.size() > 2 && ip.front() == '[' && ip.back() == ']';
    if (bracketed) {
        ip = ip.substr(1, ip.size() - 2);
    }
    const auto address = parse_ip(ip);
    const auto port = parse_port(text.substr(colon + 1));
    if (!address || !port || (bracketed && !address->is_ipv6())) {
        return fail(EINVAL, "'{}' is no address:port", text);
    }
    return with_port(*address, *port);
}

std::string to_text(const sock_addr& address) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (const auto* const v4 = std::get_if<ipv4_address>(&address.ip)) {
        inet_ntop(AF_INET, v4->octets.data(), text.data(), text.size());
    } else if (const auto* const v6 = std::get_if<ipv6_address>(&address.ip)) {
        inet_ntop(AF_INET6, v6->octets.data(), text.data(), text.size());
    }
    return text.data();
}

std::string to_text_with_port(const sock_addr& address) {
    if (address.is_none()) {
        return {};
    }
    return address.is_ipv6() ? fmt::format("[{}]:{}", to_text(address), address.port)
                             : fmt::format("{}:{}", to_text(address), address.port);
}

} // namespace ctdb::protocol
