#include "common/netlink/neighbour.hpp"

#include <algorithm>
#include <cstring>

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if_arp.h>
#include <poll.h>
#include <sys/socket.h>

namespace ctdb::netlink {

namespace {

constexpr ethernet_address broadcast{0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};
constexpr ethernet_address all_nodes{0x33, 0x33, 0, 0, 0, 1};
constexpr std::uint8_t icmp6_solicitation = 135;
constexpr std::uint8_t icmp6_advertisement = 136;
constexpr std::uint8_t next_header_icmp6 = 58;
constexpr std::uint32_t override_flag = 0x20000000;

using ipv6_octets = std::array<std::uint8_t, 16>;

void put_u16(writer& out, std::uint16_t value) {
    out.put(htons(value));
}
template <std::size_t N>
void put_octets(writer& out, const std::array<std::uint8_t, N>& octets) {
    out.put_bytes(std::as_bytes(std::span(octets)));
}

struct arp_parties {
    ethernet_address sender{};
    std::array<std::uint8_t, 4> sender_ip{};
    ethernet_address target{};
    std::array<std::uint8_t, 4> target_ip{};
};

neighbour_packet arp(std::uint16_t operation, const arp_parties& who) {
    writer out;
    put_u16(out, 1); // Ethernet
    put_u16(out, ETH_P_IP);
    out.put<std::uint8_t>(6);
    out.put<std::uint8_t>(4);
    put_u16(out, operation);
    put_octets(out, who.sender);
    put_octets(out, who.sender_ip);
    put_octets(out, who.target);
    put_octets(out, who.target_ip);
    return {ETH_P_ARP, broadcast, out.take()};
}

// RFC 4443 2.3: over pseudo header and message.
std::uint16_t icmp6_checksum(const ipv6_octets& from, const ipv6_octets& to, byte_view message) {
    std::uint32_t sum = static_cast<std::uint32_t>(message.size()) + next_header_icmp6;
    const auto add = [&sum](byte_view data) {
        for (std::size_t i = 0; i < data.size(); ++i) {
            const auto octet = std::to_integer<std::uint32_t>(data[i]);
            sum += i % 2 == 0 ? octet << 8U : octet;
        }
    };
    add(std::as_bytes(std::span(from)));
    add(std::as_bytes(std::span(to)));
    add(message);
    while ((sum >> 16U) != 0) {
        sum = (sum & 0xFFFFU) + (sum >> 16U);
    }
    return static_cast<std::uint16_t>(~sum & 0xFFFFU);
}

struct icmp6_message {
    std::uint8_t type = 0;
    std::uint32_t flags = 0;
    ipv6_octets target{};
    std::optional<ethernet_address> option; // target link-layer address
};

bytes icmp6_packet(const ipv6_octets& from, const ipv6_octets& to, const icmp6_message& m) {
    writer body;
    body.put(m.type);
    body.put<std::uint8_t>(0);
    put_u16(body, 0); // checksum, below
    body.put(htonl(m.flags));
    put_octets(body, m.target);
    if (m.option) {
        body.put<std::uint8_t>(2); // target link-layer address
        body.put<std::uint8_t>(1); // in units of 8
        put_octets(body, *m.option);
    }
    bytes icmp = body.take();
    const std::uint16_t sum = htons(icmp6_checksum(from, to, icmp));
    std::memcpy(icmp.data() + 2, &sum, sizeof(sum));
    writer out;
    out.put(htonl(0x60000000U));
    put_u16(out, static_cast<std::uint16_t>(icmp.size()));
    out.put(next_header_icmp6);
    out.put<std::uint8_t>(255); // hop limit
    put_octets(out, from);
    put_octets(out, to);
    out.put_bytes(icmp);
    return out.take();
}

std::optional<protocol::sock_addr> arp_claim(byte_view data, const ethernet_address& mine) {
    reader in(data);
    in.skip(8);
    const byte_view sender = in.take(6);
    const byte_view ip = in.take(4);
    if (!in.ok() || std::memcmp(sender.data(), mine.data(), mine.size()) == 0) {
        return std::nullopt;
    }
    std::array<std::uint8_t, 4> octets{};
    std::memcpy(octets.data(), ip.data(), octets.size());
    return protocol::ipv4(octets);
}

std::optional<protocol::sock_addr> advertised(byte_view data, const ethernet_address& mine) {
    constexpr std::size_t ipv6_header = 40;
    reader in(data);
    in.skip(6);
    const auto next = in.get<std::uint8_t>();
    in.skip(ipv6_header - 7);
    const auto type = in.get<std::uint8_t>();
    in.skip(7);
    const byte_view target = in.take(16);
    if (!in.ok() || next != next_header_icmp6 || type != icmp6_advertisement) {
        return std::nullopt;
    }
    in.skip(2);
    const byte_view option = in.take(6);
    if (in.ok() && std::memcmp(option.data(), mine.data(), mine.size()) == 0) {
        return std::nullopt;
    }
    protocol::ipv6_address v6;
    std::memcpy(v6.octets.data(), target.data(), v6.octets.size());
    protocol::sock_addr address;
    address.ip = v6;
    return address;
}

} // namespace

std::vector<neighbour_packet>
announcement(const protocol::sock_addr& address, const ethernet_address& mine) {
    if (const auto* v4 = std::get_if<protocol::ipv4_address>(&address.ip)) {
        const arp_parties request{mine, v4->octets, ethernet_address{}, v4->octets};
        const arp_parties reply{mine, v4->octets, mine, v4->octets};
        return {arp(ARPOP_REQUEST, request), arp(ARPOP_REPLY, reply)};
    }
    if (const auto* v6 = std::get_if<protocol::ipv6_address>(&address.ip)) {
        const ipv6_octets to{0xFF, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
        const icmp6_message m{icmp6_advertisement, override_flag, v6->octets, mine};
        return {{ETH_P_IPV6, all_nodes, icmp6_packet(v6->octets, to, m)}};
    }
    return {};
}

neighbour_packet question(const protocol::sock_addr& address, const ethernet_address& mine) {
    if (const auto* v4 = std::get_if<protocol::ipv4_address>(&address.ip)) {
        const arp_parties who{mine, {}, ethernet_address{}, v4->octets};
        return arp(ARPOP_REQUEST, who);
    }
    neighbour_packet packet;
    if (const auto* v6 = std::get_if<protocol::ipv6_address>(&address.ip)) {
        ipv6_octets to{0xFF, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x01, 0xFF, 0, 0, 0};
        std::copy(v6->octets.begin() + 13, v6->octets.end(), to.begin() + 13);
        packet.ethertype = ETH_P_IPV6;
        packet.to = {0x33, 0x33, to[12], to[13], to[14], to[15]};
        const icmp6_message m{icmp6_solicitation, 0, v6->octets, std::nullopt};
        packet.data = icmp6_packet(ipv6_octets{}, to, m);
    }
    return packet;
}

std::optional<protocol::sock_addr>
claimed_by_other(std::uint16_t ethertype, byte_view data, const ethernet_address& mine) {
    if (ethertype == ETH_P_ARP) {
        return arp_claim(data, mine);
    }
    return ethertype == ETH_P_IPV6 ? advertised(data, mine) : std::nullopt;
}

link_kind kind_of(const link& l) noexcept {
    if (l.loopback || !l.arp) {
        return link_kind::silent;
    }
    const bool ethernet = l.hardware_type == ARPHRD_ETHER && l.hardware.size() == 6;
    return ethernet ? link_kind::ethernet : link_kind::unsupported;
}

ethernet_address hardware_of(const link& l) noexcept {
    ethernet_address mine{};
    std::copy_n(l.hardware.begin(), std::min<std::size_t>(6, l.hardware.size()), mine.begin());
    return mine;
}

result<packet_socket> packet_socket::open(const link& on, purpose what) {
    const int protocol = what == purpose::listen ? htons(ETH_P_ALL) : 0;
    unique_fd fd(::socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol));
    if (!fd) {
        return fail_errno("packet socket");
    }
    sockaddr_ll here{};
    here.sll_family = AF_PACKET;
    here.sll_protocol = static_cast<std::uint16_t>(protocol);
    here.sll_ifindex = on.index;
    if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&here), sizeof(here)) != 0) {
        return fail_errno("packet socket on {}", on.name);
    }
    return packet_socket(std::move(fd), on.index);
}

result<> packet_socket::send(const neighbour_packet& packet) const {
    sockaddr_ll there{};
    there.sll_family = AF_PACKET;
    there.sll_protocol = htons(packet.ethertype);
    there.sll_ifindex = index_;
    there.sll_halen = static_cast<unsigned char>(packet.to.size());
    std::memcpy(there.sll_addr, packet.to.data(), packet.to.size());
    const auto* to = reinterpret_cast<const sockaddr*>(&there);
    if (::sendto(fd_.get(), packet.data.data(), packet.data.size(), 0, to, sizeof(there)) < 0) {
        return fail_errno("sending an announcement");
    }
    return {};
}

std::optional<packet_socket::received> packet_socket::receive() const {
    received got;
    got.data.resize(256); // neighbour packets are shorter
    sockaddr_ll from{};
    socklen_t length = sizeof(from);
    const ssize_t size = ::recvfrom(
        fd_.get(),
        got.data.data(),
        got.data.size(),
        MSG_TRUNC,
        reinterpret_cast<sockaddr*>(&from),
        &length
    );
    if (size < 0) {
        return std::nullopt;
    }
    got.data.resize(std::min(got.data.size(), static_cast<std::size_t>(size)));
    got.ethertype = ntohs(from.sll_protocol);
    if (from.sll_pkttype == PACKET_OUTGOING) {
        got.ethertype = 0; // our own
    }
    return got;
}

namespace {

struct probed_link {
    packet_socket socket;
    ethernet_address mine{};
};

void collect_answers(
    const std::vector<probed_link>& on,
    std::chrono::steady_clock::time_point until,
    std::set<protocol::sock_addr>& claimed
) {
    std::vector<pollfd> waits;
    for (const probed_link& l : on) {
        waits.push_back({l.socket.fd(), POLLIN, 0});
    }
    for (;;) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
            until - std::chrono::steady_clock::now()
        );
        if (left.count() <= 0) {
            return;
        }
        static_cast<void>(::poll(waits.data(), waits.size(), static_cast<int>(left.count())));
        for (const probed_link& l : on) {
            while (const auto got = l.socket.receive()) {
                if (const auto who = claimed_by_other(got->ethertype, got->data, l.mine)) {
                    claimed.insert(*who);
                }
            }
        }
    }
}

} // namespace

result<std::set<protocol::sock_addr>> probe(
    const std::vector<protocol::sock_addr>& addresses,
    const std::vector<link>& links,
    const probe_settings& settings
) {
    std::vector<probed_link> on;
    for (const link& l : links) {
        if (kind_of(l) != link_kind::ethernet || !l.usable()) {
            continue;
        }
        auto socket = packet_socket::open(l, packet_socket::purpose::listen);
        if (!socket) {
            return pass(socket);
        }
        on.push_back({std::move(*socket), hardware_of(l)});
    }
    std::set<protocol::sock_addr> claimed;
    for (int i = 0; i < settings.questions && !on.empty(); ++i) {
        const auto begin = std::chrono::steady_clock::now();
        for (const probed_link& l : on) {
            for (const protocol::sock_addr& address : addresses) {
                if (const auto sent = l.socket.send(question(address, l.mine)); !sent) {
                    return pass(sent);
                }
            }
        }
        collect_answers(on, begin + settings.pause, claimed);
    }
    return claimed;
}

} // namespace ctdb::netlink
