#include "common/netlink/addresses.hpp"

#include <algorithm>
#include <cstring>

// order matters: the C library's interface flags before the kernel's
#include <net/if.h>
//
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

namespace ctdb::netlink {

namespace {

constexpr std::uint32_t lower_up = 0x10000; // IFF_LOWER_UP of linux/if.h

template <class Header>
message message_with(std::uint16_t type, std::uint16_t flags, const Header& head) {
    writer out;
    out.put_bytes(std::as_bytes(std::span<const Header, 1>(&head, 1)));
    return message{type, flags, out.take()};
}

template <class Header>
bool split(byte_view body, Header& head, byte_view& attributes) {
    if (body.size() < sizeof(Header)) {
        return false;
    }
    std::memcpy(&head, body.data(), sizeof(Header));
    attributes = body.subspan(sizeof(Header));
    return true;
}

std::string text_until_nul(byte_view data) {
    const std::string_view all = text_of(data);
    return std::string(all.substr(0, all.find('\0')));
}

link link_of(byte_view body) {
    link found;
    ifinfomsg head{};
    byte_view attributes;
    if (!split(body, head, attributes)) {
        return found;
    }
    found.index = head.ifi_index;
    found.up = (head.ifi_flags & IFF_UP) != 0;
    found.carrier = (head.ifi_flags & lower_up) != 0;
    found.loopback = (head.ifi_flags & IFF_LOOPBACK) != 0;
    found.arp = (head.ifi_flags & IFF_NOARP) == 0;
    found.hardware_type = head.ifi_type;
    for_each_attribute(attributes, [&found](std::uint16_t type, byte_view data) {
        if (type == IFLA_IFNAME) {
            found.name = text_until_nul(data);
        } else if (type == IFLA_ADDRESS) {
            const auto* octets = reinterpret_cast<const std::uint8_t*>(data.data());
            found.hardware.assign(octets, octets + data.size());
        } else if (type == IFLA_PROP_LIST) {
            for_each_attribute(data, [&found](std::uint16_t inner, byte_view name) {
                if (inner == IFLA_ALT_IFNAME) {
                    found.other_names.push_back(text_until_nul(name));
                }
            });
        }
    });
    return found;
}

protocol::sock_addr address_from(byte_view data) {
    protocol::sock_addr address;
    if (data.size() == 4) {
        protocol::ipv4_address v4;
        std::memcpy(v4.octets.data(), data.data(), 4);
        address.ip = v4;
    } else if (data.size() == 16) {
        protocol::ipv6_address v6;
        std::memcpy(v6.octets.data(), data.data(), 16);
        address.ip = v6;
    }
    return address;
}

byte_view octets_of(const protocol::sock_addr& address) {
    if (const auto* v4 = std::get_if<protocol::ipv4_address>(&address.ip)) {
        return std::as_bytes(std::span(v4->octets));
    }
    if (const auto* v6 = std::get_if<protocol::ipv6_address>(&address.ip)) {
        return std::as_bytes(std::span(v6->octets));
    }
    return {};
}

kernel_address address_of(byte_view body) {
    kernel_address found;
    ifaddrmsg head{};
    byte_view attributes;
    if (!split(body, head, attributes)) {
        return found;
    }
    found.prefix_bits = head.ifa_prefixlen;
    found.link_index = static_cast<int>(head.ifa_index);
    bool local = false;
    for_each_attribute(attributes, [&](std::uint16_t type, byte_view data) {
        if (type == IFA_LOCAL) {
            found.address = address_from(data);
            local = true;
        } else if (type == IFA_ADDRESS && !local) {
            found.address = address_from(data);
        } else if (type == IFA_CACHEINFO) {
            reader in(data);
            in.skip(4); // preferred
            found.valid_seconds = in.get<std::uint32_t>();
        }
    });
    return found;
}

message address_message(std::uint16_t type, std::uint16_t flags, const kernel_address& a) {
    ifaddrmsg head{};
    head.ifa_family = a.address.is_ipv4() ? AF_INET : AF_INET6;
    head.ifa_prefixlen = static_cast<unsigned char>(a.prefix_bits);
    head.ifa_index = static_cast<unsigned>(a.link_index);
    message m = message_with(type, flags, head);
    writer out;
    out.put_bytes(m.body);
    put_attribute(out, IFA_LOCAL, octets_of(a.address));
    put_attribute(out, IFA_ADDRESS, octets_of(a.address));
    if (type == RTM_NEWADDR) {
        const auto* v4 = std::get_if<protocol::ipv4_address>(&a.address.ip);
        if (v4 != nullptr && a.prefix_bits < 31) {
            auto broadcast = v4->octets;
            for (std::uint32_t bit = a.prefix_bits; bit < 32; ++bit) {
                broadcast[bit / 8] |= static_cast<std::uint8_t>(0x80U >> (bit % 8));
            }
            put_attribute(out, IFA_BROADCAST, std::as_bytes(std::span(broadcast)));
        } else if (v4 == nullptr) {
            put_attribute_value<std::uint32_t>(out, IFA_FLAGS, IFA_F_NODAD);
        }
        ifa_cacheinfo times{};
        times.ifa_prefered = a.valid_seconds;
        times.ifa_valid = a.valid_seconds;
        put_attribute_value(out, IFA_CACHEINFO, times);
    }
    m.body = out.take();
    return m;
}

} // namespace

const link* find_link(const std::vector<link>& links, std::string_view name) {
    for (const link& l : links) {
        const bool other =
            std::find(l.other_names.begin(), l.other_names.end(), name) != l.other_names.end();
        if (l.name == name || other) {
            return &l;
        }
    }
    return nullptr;
}

const link* find_link(const std::vector<link>& links, int index) {
    const auto found = std::find_if(links.begin(), links.end(), [index](const link& l) {
        return l.index == index;
    });
    return found == links.end() ? nullptr : &*found;
}

result<address_table> address_table::open() {
    auto socket = request_socket::open(NETLINK_ROUTE);
    if (!socket) {
        return pass(socket);
    }
    return address_table(std::move(*socket));
}

result<std::vector<link>> address_table::links() {
    std::vector<link> all;
    const auto done = socket_.dump(
        message_with(RTM_GETLINK, 0, ifinfomsg{}),
        [&all](std::uint16_t type, byte_view body) {
            if (type == RTM_NEWLINK) {
                all.push_back(link_of(body));
            }
        }
    );
    if (!done) {
        return pass(done);
    }
    return all;
}

result<std::vector<kernel_address>> address_table::addresses() {
    std::vector<kernel_address> all;
    const auto done = socket_.dump(
        message_with(RTM_GETADDR, 0, ifaddrmsg{}),
        [&all](std::uint16_t type, byte_view body) {
            if (type == RTM_NEWADDR) {
                all.push_back(address_of(body));
            }
        }
    );
    if (!done) {
        return pass(done);
    }
    return all;
}

result<std::vector<int>> address_table::add(const std::vector<kernel_address>& wanted) {
    std::vector<message> messages;
    messages.reserve(wanted.size());
    for (const kernel_address& a : wanted) {
        messages.push_back(address_message(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, a));
    }
    return socket_.apply(messages);
}

result<std::vector<int>> address_table::remove(const std::vector<kernel_address>& unwanted) {
    std::vector<message> messages;
    messages.reserve(unwanted.size());
    for (const kernel_address& a : unwanted) {
        messages.push_back(address_message(RTM_DELADDR, 0, a));
    }
    return socket_.apply(messages);
}

result<> address_table::set_up(int link_index) {
    ifinfomsg head{};
    head.ifi_index = link_index;
    head.ifi_flags = IFF_UP;
    head.ifi_change = IFF_UP;
    const auto answers = socket_.apply({message_with(RTM_NEWLINK, 0, head)});
    if (!answers) {
        return pass(answers);
    }
    if (answers->front() != 0) {
        return fail_errno_text(answers->front(), "setting the interface up");
    }
    return {};
}

} // namespace ctdb::netlink
