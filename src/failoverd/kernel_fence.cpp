#include "failoverd/kernel_fence.hpp"

#include "common/base/unique_fd.hpp"

#include <fmt/ranges.h>

#include <fcntl.h>
#include <linux/netlink.h>
#include <sys/socket.h>

#include <nftables/libnftables.h>

namespace ctdb::failoverd {

namespace {

// One bit of the packet mark, set and taken off within the input hook: after routing, before any
// filter of ordinary priority (0) sees it.
constexpr const char* names = R"(
define alive = 0x00100000
define other_bits = 0xffefffff
)";

constexpr const char* guard_rules = R"(
table arp ctdb {{
    set addresses {{ type ipv4_addr; flags timeout; {0} }}
    chain questions {{
        type filter hook input priority -290; policy accept;
        meta mark & $alive != 0 meta mark set meta mark & $other_bits accept
        arp daddr ip @addresses drop
    }}
    chain own_words {{
        type filter hook output priority -290; policy accept;
        meta mark & $alive != 0 meta mark set meta mark & $other_bits accept
        arp saddr ip @addresses drop
    }}
}}
table ip ctdb {{
    set addresses {{ type ipv4_addr; flags timeout; {0} }}
    chain arriving {{
        type filter hook input priority -290; policy accept;
        meta mark & $alive != 0 meta mark set meta mark & $other_bits accept
        ip daddr @addresses drop
    }}
}}
table ip6 ctdb {{
    set addresses {{ type ipv6_addr; flags timeout; {1} }}
    set asked_for {{ typeof @th,64,128; flags timeout; {2} }}
    chain arriving {{
        type filter hook input priority -290; policy accept;
        meta mark & $alive != 0 meta mark set meta mark & $other_bits accept
        ip6 daddr @addresses drop
        icmpv6 type nd-neighbor-solicit @th,64,128 @asked_for drop
    }}
}}
)";

constexpr const char* opening = R"(
table arp ctdb_alive {
    flags owner;
    chain questions { type filter hook input priority -300; policy accept; meta mark set meta mark | $alive; }
    chain own_words { type filter hook output priority -300; policy accept; meta mark set meta mark | $alive; }
}
table ip ctdb_alive {
    flags owner;
    chain arriving { type filter hook input priority -300; policy accept; meta mark set meta mark | $alive; }
}
table ip6 ctdb_alive {
    flags owner;
    chain arriving { type filter hook input priority -300; policy accept; meta mark set meta mark | $alive; }
}
)";

constexpr const char* no_guard = R"(
table arp ctdb
table ip ctdb
table ip6 ctdb
delete table arp ctdb
delete table ip ctdb
delete table ip6 ctdb
)";

// A target of a neighbour solicitation is 16 bytes of payload to nft, not an address.
std::string as_number(const protocol::ipv6_address& address) {
    return fmt::format("0x{:02x}", fmt::join(address.octets, ""));
}

std::string elements(const std::vector<std::string>& entries) {
    if (entries.empty()) {
        return {};
    }
    const auto lasts = kernel_fence::guard_lasts.count();
    const std::string between = fmt::format(" timeout {}s, ", lasts);
    return fmt::format("elements = {{ {} timeout {}s }};", fmt::join(entries, between), lasts);
}

void close_on_exec(int fd) {
    int protocol = 0;
    socklen_t size = sizeof(protocol);
    if (::getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &size) == 0 &&
        protocol == NETLINK_NETFILTER) {
        ::fcntl(fd, F_SETFD, FD_CLOEXEC);
    }
}

} // namespace

void kernel_fence::freer::operator()(nft_ctx* context) const noexcept {
    nft_ctx_free(context);
}

kernel_fence::kernel_fence() {
    // libnftables 1.0.6 ends the process when it gets no such socket.
    unique_fd possible(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER));
    if (!possible) {
        no_context_ = fail_errno("netlink socket for nftables").value();
        return;
    }
    const int lowest_free = possible.get();
    possible.reset();
    context_.reset(nft_ctx_new(NFT_CTX_DEFAULT));
    if (context_) {
        close_on_exec(lowest_free); // its socket, which it neither marks nor shows
        nft_ctx_buffer_error(context_.get());
        nft_ctx_buffer_output(context_.get());
        nft_run_cmd_from_buffer(context_.get(), names); // missing names fail in run()
    }
}

kernel_fence::~kernel_fence() = default;

result<> kernel_fence::run(const std::string& commands) {
    if (!context_) {
        return tl::unexpected(no_context_);
    }
    if (nft_run_cmd_from_buffer(context_.get(), commands.c_str()) != 0) {
        const std::string_view said = nft_ctx_get_error_buffer(context_.get());
        return fail(EIO, "nftables: {}", said.substr(0, said.find('\n')));
    }
    return {};
}

result<> kernel_fence::guard(const std::vector<protocol::sock_addr>& addresses) {
    std::vector<std::string> v4;
    std::vector<std::string> v6;
    std::vector<std::string> v6_numbers;
    for (const protocol::sock_addr& a : addresses) {
        if (const auto* long_one = std::get_if<protocol::ipv6_address>(&a.ip)) {
            v6.push_back(protocol::to_text(a));
            v6_numbers.push_back(as_number(*long_one));
        } else {
            v4.push_back(protocol::to_text(a));
        }
    }
    // One transaction: there is no moment without the guard.
    return run(
        no_guard +
        fmt::format(fmt::runtime(guard_rules), elements(v4), elements(v6), elements(v6_numbers))
    );
}

result<> kernel_fence::open() {
    if (open_) {
        return {};
    }
    auto done = run(opening);
    open_ = done.has_value();
    return done;
}

bool kernel_fence::impossible() const {
    return !context_ && no_context_.code == EPROTONOSUPPORT;
}

result<bool> kernel_fence::guard_is_there() {
    if (impossible()) {
        return false;
    }
    const auto done = run("list tables");
    if (!done) {
        return pass(done);
    }
    // made and removed in one transaction with the others
    const std::string_view tables = nft_ctx_get_output_buffer(context_.get());
    return tables.find("table arp ctdb\n") != std::string_view::npos;
}

result<> kernel_fence::remove_guard() {
    if (impossible()) {
        return {};
    }
    return run(no_guard);
}

} // namespace ctdb::failoverd
