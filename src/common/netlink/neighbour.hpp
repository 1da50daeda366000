// Who has an address on a link: packets that say it or ask for it (failover.md 7.2, 15.8 proof 3).
//
// IPv4: ARP; IPv6: neighbour advertisement and solicitation. Ethernet only; loopback and links
// without ARP need nothing and have nobody to ask.
#pragma once

#include "common/base/bytes.hpp"
#include "common/base/result.hpp"
#include "common/base/unique_fd.hpp"
#include "common/netlink/addresses.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <set>
#include <vector>

namespace ctdb::netlink {

using ethernet_address = std::array<std::uint8_t, 6>;

// A packet without its Ethernet header, and where it goes.
struct neighbour_packet {
    std::uint16_t ethertype = 0;
    ethernet_address to{};
    bytes data;
    bool operator==(const neighbour_packet&) const = default;
};

// IPv4: ARP request and ARP reply, both broadcast; IPv6: one unsolicited advertisement.
[[nodiscard]] std::vector<neighbour_packet>
announcement(const protocol::sock_addr& address, const ethernet_address& mine);
// "Who has it?", from the unspecified address.
[[nodiscard]] neighbour_packet
question(const protocol::sock_addr& address, const ethernet_address& mine);
// The address that the sender of this packet says it has, if it is not `mine` that says it.
[[nodiscard]] std::optional<protocol::sock_addr>
claimed_by_other(std::uint16_t ethertype, byte_view data, const ethernet_address& mine);

enum class link_kind : std::uint8_t { ethernet, silent, unsupported };
[[nodiscard]] link_kind kind_of(const link& l) noexcept;
[[nodiscard]] ethernet_address hardware_of(const link& l) noexcept; // Requires: ethernet

class packet_socket {
public:
    enum class purpose : std::uint8_t { send_only, listen };
    static result<packet_socket> open(const link& on, purpose what);

    [[nodiscard]] result<> send(const neighbour_packet& packet) const;
    struct received {
        std::uint16_t ethertype = 0;
        bytes data;
    };
    [[nodiscard]] std::optional<received> receive() const; // nothing waiting: nullopt
    [[nodiscard]] int fd() const noexcept { return fd_.get(); }

private:
    packet_socket(unique_fd fd, int index) noexcept : fd_(std::move(fd)), index_(index) {}
    unique_fd fd_;
    int index_ = 0;
};

struct probe_settings {
    int questions = 3;
    std::chrono::milliseconds pause{100};
};
// Asks for each address on each link and waits (blocking, for programs, not daemons). Those for
// which somebody answered.
[[nodiscard]] result<std::set<protocol::sock_addr>> probe(
    const std::vector<protocol::sock_addr>& addresses,
    const std::vector<link>& links,
    const probe_settings& settings
);

} // namespace ctdb::netlink
