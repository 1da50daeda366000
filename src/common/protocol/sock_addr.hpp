// A socket address as a value: nothing, IPv4 or IPv6, and a port (wire-protocol.md 4.2).
//
// Comparison looks at family, address and port only, as upstream does: IPv6 flow info and scope
// travel along but do not distinguish. Bytes that the IPv4 form leaves unused are dropped on
// decoding. Port 0 means "no port".
#pragma once

#include "common/base/result.hpp"
#include "common/protocol/codec.hpp"

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

namespace ctdb::protocol {

struct ipv4_address {
    std::array<std::uint8_t, 4> octets{}; // network order
    friend constexpr auto operator<=>(const ipv4_address&, const ipv4_address&) = default;
};

struct ipv6_address {
    std::array<std::uint8_t, 16> octets{}; // network order
    std::uint32_t flow_info = 0;           // host order here, network order on the wire
    std::uint32_t scope_id = 0;

    friend constexpr bool operator==(const ipv6_address& a, const ipv6_address& b) noexcept {
        return a.octets == b.octets;
    }
    friend constexpr auto operator<=>(const ipv6_address& a, const ipv6_address& b) noexcept {
        return a.octets <=> b.octets;
    }
};

struct sock_addr {
    std::variant<std::monostate, ipv4_address, ipv6_address> ip{};
    std::uint16_t port = 0;

    [[nodiscard]] bool is_none() const noexcept { return ip.index() == 0; }
    [[nodiscard]] bool is_ipv4() const noexcept { return ip.index() == 1; }
    [[nodiscard]] bool is_ipv6() const noexcept { return ip.index() == 2; }

    friend bool operator==(const sock_addr&, const sock_addr&) = default;
    friend auto operator<=>(const sock_addr&, const sock_addr&) = default;
};

inline constexpr std::size_t sock_addr_size = 28;

[[nodiscard]] sock_addr ipv4(std::array<std::uint8_t, 4> octets, std::uint16_t port = 0) noexcept;

// Same address, whatever the ports; false if either is none.
[[nodiscard]] bool same_ip(const sock_addr& a, const sock_addr& b) noexcept;

// ::ffff:a.b.c.d becomes a.b.c.d, port kept; anything else stays (TCP_CLIENT needs it).
[[nodiscard]] sock_addr without_v4_mapping(const sock_addr& address) noexcept;
[[nodiscard]] sock_addr with_port(sock_addr address, std::uint16_t port) noexcept;

// An IPv4 or IPv6 literal, no port. `%scope` and brackets are refused. EINVAL.
[[nodiscard]] result<sock_addr> parse_ip(std::string_view text);
// "10.0.0.1:445", "fe80::1:445" (the last colon separates the port, as upstream's tool reads it),
// "[fe80::1]:445"; the port is required. EINVAL.
[[nodiscard]] result<sock_addr> parse_ip_port(std::string_view text);

[[nodiscard]] std::string to_text(const sock_addr& address); // "10.0.0.1", "fe80::1", "" for none
[[nodiscard]] std::string to_text_with_port(const sock_addr& address
); // "10.0.0.1:445", "[fe80::1]:445"

template <>
struct codec<sock_addr> {
    static std::string_view name() noexcept { return "socket address"; }
    static void put(writer& out, const sock_addr& address);
    static void get(reader& in, sock_addr& address); // unknown family: none, not a failure
};

} // namespace ctdb::protocol
