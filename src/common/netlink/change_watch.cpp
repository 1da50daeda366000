#include "common/netlink/change_watch.hpp"

#include <array>
#include <cstddef>

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

namespace ctdb::netlink {

result<std::unique_ptr<change_watch>>
change_watch::start(async::event_loop& loop, std::function<void()> changed) {
    unique_fd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE));
    if (!fd) {
        return fail_errno("netlink socket");
    }
    sockaddr_nl groups{};
    groups.nl_family = AF_NETLINK;
    groups.nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR;
    if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&groups), sizeof(groups)) != 0) {
        return fail_errno("watching links and addresses");
    }
    return std::unique_ptr<change_watch>(
        new change_watch(loop, std::move(fd), std::move(changed)) // NOLINT: private constructor
    );
}

change_watch::change_watch(async::event_loop& loop, unique_fd fd, std::function<void()> changed)
    : fd_(std::move(fd)), changed_(std::move(changed)),
      watch_(loop, fd_.get(), [this](async::fd_readiness) { drain(); }) {
    watch_.want_read(true);
}

void change_watch::drain() {
    std::array<std::byte, 8192> thrown_away{};
    // An overrun (ENOBUFS) is news, too.
    while (::recv(fd_.get(), thrown_away.data(), thrown_away.size(), 0) > 0) {
    }
    changed_();
}

} // namespace ctdb::netlink
