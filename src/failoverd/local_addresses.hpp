// local_addresses: the public addresses of this node: what is configured, what the kernel has, and
// the native ways to renew, remove and put back without a script.
//
// In test mode addresses configured on `lo` are pretended: remembered here, not given to the
// kernel (upstream's local test clusters). Interfaces count as up until somebody says otherwise
// (SET_IFACE_LINK_STATE) or the kernel knows better.
#pragma once

#include "common/conf/public_addresses.hpp"
#include "common/netlink/addresses.hpp"
#include "common/protocol/types_address.hpp"
#include "failoverd/items.hpp"
#include "failoverd/run_directory.hpp"

#include <optional>

namespace ctdb::failoverd {

class local_addresses {
public:
    explicit local_addresses(bool pretend_on_loopback)
        : pretend_on_loopback_(pretend_on_loopback) {}

    [[nodiscard]] result<> open();

    // ---- configuration ----
    void configure(std::vector<conf::public_address> addresses);
    result<> add(conf::public_address address); // EEXIST
    bool remove(const protocol::sock_addr& address);
    [[nodiscard]] const std::vector<conf::public_address>& configured() const {
        return configured_;
    }
    [[nodiscard]] const conf::public_address* find(const item& which) const;
    [[nodiscard]] item_set known() const;
    // For the scripts: `ADDRESS mask= ifaces=`, pretended ones left out.
    [[nodiscard]] std::vector<item_line> config_lines() const;
    [[nodiscard]] bool pretended(const item& which) const;
    // Items of other nodes, watched for as well.
    void watch_for(const plan& p);

    // ---- kernel ----
    [[nodiscard]] result<> refresh(); // reads links and addresses
    [[nodiscard]] item_set held() const;
    [[nodiscard]] std::string interface_of(const item& which) const; // "" = not held
    [[nodiscard]] bool interface_usable(const std::string& name) const;
    // Until the kernel has removed what has a lease, rounded up; those without are not counted.
    [[nodiscard]] std::chrono::seconds lease_left() const;
    void renew(const item_set& which, std::chrono::seconds lease);
    // Removes addresses, then their sockets; what stays is logged.
    void release(const item_set& which);
    void take(const item_set& which, std::chrono::seconds lease);

    // ---- interfaces ----
    [[nodiscard]] std::vector<protocol::iface> interfaces() const; // last new one first
    // EINVAL: not one of ours.
    result<> set_link_state(const std::string& name, bool up);

private:
    [[nodiscard]] std::string best_interface(const conf::public_address& a) const;
    [[nodiscard]] std::vector<netlink::kernel_address>
    present(const item_set& which, std::uint32_t valid_seconds) const;

    bool pretend_on_loopback_;
    std::optional<netlink::address_table> table_;
    std::vector<conf::public_address> configured_;
    std::map<item, protocol::sock_addr> ever_; // looked for in the kernel
    std::vector<netlink::link> links_;
    std::vector<netlink::kernel_address> addresses_;
    std::map<item, std::string> pretended_; // held, on which interface
    std::set<std::string> set_down_;
};

} // namespace ctdb::failoverd
