// TCP sockets of a local address.
#pragma once

#include "common/base/result.hpp"
#include "common/protocol/sock_addr.hpp"

#include <cstddef>
#include <set>

namespace ctdb::netlink {

// Destroys every TCP socket bound to one of the addresses, in any state but LISTEN (SOCK_DESTROY).
// Silent on the network when the addresses have been removed before: a reset finds no way out.
// The number destroyed; EOPNOTSUPP: the kernel cannot.
[[nodiscard]] result<std::size_t> destroy_sockets(const std::set<protocol::sock_addr>& addresses);

} // namespace ctdb::netlink
