// Public addresses, interfaces, TCP connections (4.7).
#pragma once

#include "common/base/ids.hpp"
#include "common/protocol/codec.hpp"
#include "common/protocol/sock_addr.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace ctdb::protocol {

struct public_ip {
    ctdb::pnn pnn = unknown_pnn; // holder; unknown_pnn = nobody
    sock_addr address{};
    bool operator==(const public_ip&) const = default;
};

struct public_ip_list {
    std::vector<public_ip> ips{};
    bool operator==(const public_ip_list&) const = default;
};

inline constexpr std::size_t iface_name_max = 15;

// A name on the wire has 18 bytes with a NUL at index 16 at the latest.
struct iface {
    std::string name{};
    std::uint16_t link_state = 0; // 1 = up
    std::uint32_t references = 0;
    bool operator==(const iface&) const = default;
};

struct iface_list {
    std::vector<iface> ifaces{};
    bool operator==(const iface_list&) const = default;
};

inline constexpr std::uint32_t no_active_iface = 0xFFFFFFFF;

struct public_ip_info {
    public_ip ip{};
    std::uint32_t active_index = no_active_iface; // into ifaces
    std::vector<iface> ifaces{};
    bool operator==(const public_ip_info&) const = default;
};

// ADD_PUBLIC_IP, DEL_PUBLIC_IP, SEND_GRATUITOUS_ARP. iface may be a comma list.
struct addr_info {
    sock_addr address{};
    std::uint32_t mask = 0; // prefix bits
    std::optional<std::string> iface{};
    bool operator==(const addr_info&) const = default;
};

struct connection {
    sock_addr src{}; // the remote client
    sock_addr dst{}; // our (public) address
    bool operator==(const connection&) const = default;
    auto operator<=>(const connection&) const = default;
};

struct connection_list {
    std::vector<connection> connections{};
    bool operator==(const connection_list&) const = default;
};

struct tickle_list {
    sock_addr address{};
    std::vector<connection> connections{};
    bool operator==(const tickle_list&) const = default;
};

template <>
inline constexpr trailing trailing_bytes<public_ip_list> = trailing::tolerated;
template <>
inline constexpr trailing trailing_bytes<iface_list> = trailing::tolerated;
template <>
inline constexpr trailing trailing_bytes<public_ip_info> = trailing::tolerated;
template <>
inline constexpr trailing trailing_bytes<connection_list> = trailing::tolerated;
template <>
inline constexpr trailing trailing_bytes<tickle_list> = trailing::tolerated;

} // namespace ctdb::protocol
