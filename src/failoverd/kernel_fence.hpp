// kernel_fence: the kernel lets nobody reach this node's public addresses unless this process
// lives (failover.md 15.8: between the end of user space and the end of the address lease).
//
// Two sets of nftables tables, families arp, ip and ip6:
//   ctdb        the guard: drops what is for one of the addresses, and neighbour questions and
//               answers of ours about them, unless marked. Stays when this process ends; its
//               entries end by themselves after `guard_lasts`, so nothing is left behind for ever.
//   ctdb_alive  the opening: marks packets before the guard sees them. Owned by a netlink socket of
//               this process (table flag `owner`, Linux 5.12): the kernel removes it in the moment
//               the process ends, however it ends. Nobody else may change it.
// The guard takes the mark (one bit) off again. Packets of all other addresses pass untouched.
//
// The fence is not relied upon: whoever takes an address asks the network first, and a fence that
// is missing (no nf_tables, somebody flushed the rules) only means that the lease is waited for.
//
// Calls block for about 2 ms (measured, Linux 6.18). The process must not leave its sockets to
// children that outlive it.
#pragma once

#include "common/base/result.hpp"
#include "common/protocol/sock_addr.hpp"

#include <chrono>
#include <memory>
#include <vector>

struct nft_ctx;

namespace ctdb::failoverd {

class kernel_fence {
public:
    static constexpr std::chrono::seconds guard_lasts{600};
    // What an operator can do about a guard that stays.
    static constexpr const char* by_hand =
        "nft delete table arp ctdb; nft delete table ip ctdb; nft delete table ip6 ctdb";

    kernel_fence();
    kernel_fence(const kernel_fence&) = delete;
    kernel_fence& operator=(const kernel_fence&) = delete;
    ~kernel_fence(); // the opening ends, the guard stays

    // Replaces the addresses under guard; to be repeated well within guard_lasts. Error: as the
    // kernel or libnftables says; then the guard is as it was.
    result<> guard(const std::vector<protocol::sock_addr>& addresses);
    // From now until this process ends.
    result<> open();
    [[nodiscard]] bool is_open() const noexcept { return open_; }
    // Of this or an earlier process.
    result<bool> guard_is_there();
    // Orderly end: addresses that others add here later are not ours to guard. No guard: no error.
    result<> remove_guard();

private:
    [[nodiscard]] bool impossible() const; // such a kernel has no guard either
    result<> run(const std::string& commands);
    struct freer {
        void operator()(nft_ctx* context) const noexcept;
    };
    error no_context_{ENOMEM, "no nftables context"}; // why context_ is null
    std::unique_ptr<nft_ctx, freer> context_;
    bool open_ = false;
};

} // namespace ctdb::failoverd
