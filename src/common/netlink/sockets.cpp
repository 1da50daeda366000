#include "common/netlink/sockets.hpp"

#include "common/netlink/request.hpp"

#include <cstring>
#include <vector>

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

namespace ctdb::netlink {

namespace {

protocol::sock_addr local_address(const inet_diag_msg& found) {
    protocol::sock_addr address;
    if (found.idiag_family == AF_INET) {
        protocol::ipv4_address v4;
        std::memcpy(v4.octets.data(), found.id.idiag_src, 4);
        address.ip = v4;
    } else {
        protocol::ipv6_address v6;
        std::memcpy(v6.octets.data(), found.id.idiag_src, 16);
        address.ip = v6;
        address = protocol::without_v4_mapping(address);
    }
    return address;
}

message diagnose(std::uint16_t type, const inet_diag_req_v2& what) {
    writer out;
    out.put_bytes(std::as_bytes(std::span<const inet_diag_req_v2, 1>(&what, 1)));
    return message{type, 0, out.take()};
}

result<> find_sockets(
    request_socket& socket,
    std::uint8_t family,
    const std::set<protocol::sock_addr>& addresses,
    std::vector<message>& orders
) {
    inet_diag_req_v2 all{};
    all.sdiag_family = family;
    all.sdiag_protocol = IPPROTO_TCP;
    all.idiag_states = ~(1U << static_cast<unsigned>(TCP_LISTEN));
    return socket.dump(diagnose(SOCK_DIAG_BY_FAMILY, all), [&](std::uint16_t type, byte_view body) {
        inet_diag_msg found{};
        if (type != SOCK_DIAG_BY_FAMILY || body.size() < sizeof(found)) {
            return;
        }
        std::memcpy(&found, body.data(), sizeof(found));
        if (addresses.contains(local_address(found))) {
            inet_diag_req_v2 one{};
            one.sdiag_family = found.idiag_family;
            one.sdiag_protocol = IPPROTO_TCP;
            one.id = found.id;
            orders.push_back(diagnose(SOCK_DESTROY, one));
        }
    });
}

} // namespace

result<std::size_t> destroy_sockets(const std::set<protocol::sock_addr>& addresses) {
    auto socket = request_socket::open(NETLINK_SOCK_DIAG);
    if (!socket) {
        return pass(socket);
    }
    std::vector<message> orders;
    for (const std::uint8_t family : {std::uint8_t{AF_INET}, std::uint8_t{AF_INET6}}) {
        if (const auto found = find_sockets(*socket, family, addresses, orders); !found) {
            return pass(found);
        }
    }
    const auto answers = socket->apply(orders);
    if (!answers) {
        return pass(answers);
    }
    std::size_t destroyed = 0;
    for (const int answer : *answers) {
        if (answer == EOPNOTSUPP) {
            return fail(EOPNOTSUPP, "this kernel cannot destroy sockets");
        }
        destroyed += answer == 0 ? 1 : 0; // others have ended by themselves
    }
    return destroyed;
}

} // namespace ctdb::netlink
