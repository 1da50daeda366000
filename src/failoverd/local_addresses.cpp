#include "failoverd/local_addresses.hpp"

#include "common/base/log.hpp"
#include "common/netlink/sockets.hpp"

#include <algorithm>

#include <fmt/ranges.h>

namespace ctdb::failoverd {

namespace {

using namespace std::chrono_literals;

item item_of(const protocol::sock_addr& address) {
    return pubip(protocol::to_text(address));
}

} // namespace

result<> local_addresses::open() {
    auto table = netlink::address_table::open();
    if (!table) {
        return pass(table);
    }
    table_ = std::move(*table);
    return refresh();
}

// ---- configuration ----

void local_addresses::configure(std::vector<conf::public_address> addresses) {
    configured_ = std::move(addresses);
    for (const conf::public_address& a : configured_) {
        ever_[item_of(a.address)] = a.address;
    }
}

result<> local_addresses::add(conf::public_address address) {
    if (find(item_of(address.address)) != nullptr) {
        return fail(EEXIST, "{} is configured already", protocol::to_text(address.address));
    }
    ever_[item_of(address.address)] = address.address;
    configured_.push_back(std::move(address));
    return {};
}

bool local_addresses::remove(const protocol::sock_addr& address) {
    return std::erase_if(configured_, [&address](const conf::public_address& a) {
               return protocol::same_ip(a.address, address);
           }) != 0;
}

const conf::public_address* local_addresses::find(const item& which) const {
    const auto found =
        std::find_if(configured_.begin(), configured_.end(), [&which](const auto& a) {
            return item_of(a.address) == which;
        });
    return found == configured_.end() ? nullptr : &*found;
}

item_set local_addresses::known() const {
    item_set all;
    for (const conf::public_address& a : configured_) {
        all.insert(item_of(a.address));
    }
    return all;
}

bool local_addresses::pretended(const item& which) const {
    const conf::public_address* a = find(which);
    return pretend_on_loopback_ && a != nullptr && a->interfaces.front() == "lo";
}

std::vector<item_line> local_addresses::config_lines() const {
    std::vector<item_line> lines;
    for (const conf::public_address& a : configured_) {
        if (!pretended(item_of(a.address))) {
            std::string interfaces = fmt::format("ifaces={}", fmt::join(a.interfaces, ","));
            std::string mask = fmt::format("mask={}", a.prefix_bits);
            lines.push_back({protocol::to_text(a.address), {std::move(mask), std::move(interfaces)}}
            );
        }
    }
    return lines;
}

void local_addresses::watch_for(const plan& p) {
    for (const auto& [which, holder] : p) {
        if (const auto address = protocol::parse_ip(name_of(which))) {
            ever_.emplace(which, *address);
        }
    }
}

// ---- kernel ----

result<> local_addresses::refresh() {
    if (!table_) {
        return {};
    }
    auto links = table_->links();
    if (!links) {
        return pass(links);
    }
    auto addresses = table_->addresses();
    if (!addresses) {
        return pass(addresses);
    }
    links_ = std::move(*links);
    addresses_ = std::move(*addresses);
    return {};
}

item_set local_addresses::held() const {
    std::set<protocol::sock_addr> there;
    for (const netlink::kernel_address& a : addresses_) {
        there.insert(protocol::with_port(a.address, 0));
    }
    item_set all;
    for (const auto& [which, address] : ever_) {
        const bool here = pretended(which) ? pretended_.contains(which) : there.contains(address);
        if (here) {
            all.insert(which);
        }
    }
    return all;
}

std::string local_addresses::interface_of(const item& which) const {
    if (const auto found = pretended_.find(which); found != pretended_.end()) {
        return found->second;
    }
    const auto address = ever_.find(which);
    for (const netlink::kernel_address& a : addresses_) {
        if (address != ever_.end() && protocol::same_ip(a.address, address->second)) {
            const netlink::link* on = netlink::find_link(links_, a.link_index);
            return on != nullptr ? on->name : "";
        }
    }
    return "";
}

std::vector<netlink::kernel_address>
local_addresses::present(const item_set& which, std::uint32_t valid_seconds) const {
    std::set<protocol::sock_addr> wanted;
    for (const item& one : which) {
        if (const auto found = ever_.find(one); found != ever_.end() && !pretended(one)) {
            wanted.insert(found->second);
        }
    }
    std::vector<netlink::kernel_address> all;
    for (netlink::kernel_address a : addresses_) {
        if (wanted.contains(a.address)) {
            a.valid_seconds = valid_seconds;
            all.push_back(std::move(a));
        }
    }
    return all;
}

std::chrono::seconds local_addresses::lease_left() const {
    std::chrono::seconds longest{0};
    for (const netlink::kernel_address& a : addresses_) {
        const item which = item_of(a.address);
        if (ever_.contains(which) && a.valid_seconds != netlink::forever && !pretended(which)) {
            longest = std::max(longest, std::chrono::seconds(a.valid_seconds) + 1s);
        }
    }
    return longest;
}

void local_addresses::renew(const item_set& which, std::chrono::seconds lease) {
    if (!table_ || lease.count() == 0) {
        return;
    }
    const auto all = present(which, static_cast<std::uint32_t>(lease.count()));
    const auto answers = table_->add(all);
    if (!answers) {
        log_error("renewing addresses: {}", answers.error().what);
        return;
    }
    for (std::size_t i = 0; i < all.size(); ++i) {
        if ((*answers)[i] != 0) {
            log_error("renewing {}: errno {}", protocol::to_text(all[i].address), (*answers)[i]);
        }
    }
}

void local_addresses::release(const item_set& which) {
    for (const item& one : which) {
        pretended_.erase(one);
    }
    const auto all = present(which, 0);
    if (!table_ || all.empty()) {
        return;
    }
    std::set<protocol::sock_addr> removed;
    const auto answers = table_->remove(all);
    if (!answers) {
        log_error("removing addresses: {}", answers.error().what);
    }
    for (std::size_t i = 0; answers && i < all.size(); ++i) {
        if ((*answers)[i] != 0 && (*answers)[i] != EADDRNOTAVAIL) {
            log_error("removing {}: errno {}", protocol::to_text(all[i].address), (*answers)[i]);
        } else {
            removed.insert(all[i].address);
        }
    }
    if (const auto destroyed = netlink::destroy_sockets(removed); !destroyed) {
        log_warning("connections of removed addresses stay: {}", destroyed.error().what);
    }
    if (const auto read = refresh(); !read) {
        log_error("reading addresses: {}", read.error().what);
    }
}

bool local_addresses::interface_usable(const std::string& name) const {
    const netlink::link* found = netlink::find_link(links_, name);
    return found != nullptr && found->usable() && !set_down_.contains(name);
}

std::string local_addresses::best_interface(const conf::public_address& a) const {
    std::string best;
    std::uint32_t fewest = 0;
    const auto all = interfaces();
    for (const std::string& name : a.interfaces) {
        const auto found =
            std::find_if(all.begin(), all.end(), [&name](const auto& i) { return i.name == name; });
        const std::uint32_t references = found == all.end() ? 0 : found->references;
        if (interface_usable(name) && (best.empty() || references < fewest)) {
            best = name;
            fewest = references;
        }
    }
    return best;
}

void local_addresses::take(const item_set& which, std::chrono::seconds lease) {
    std::vector<netlink::kernel_address> wanted;
    for (const item& one : which) {
        const conf::public_address* a = find(one);
        const std::string name = a != nullptr ? best_interface(*a) : "";
        const netlink::link* on = netlink::find_link(links_, name);
        if (pretended(one)) {
            pretended_[one] = "lo";
        } else if (on != nullptr) {
            netlink::kernel_address k;
            k.address = a->address;
            k.prefix_bits = a->prefix_bits;
            k.link_index = on->index;
            k.valid_seconds =
                lease.count() == 0 ? netlink::forever : static_cast<std::uint32_t>(lease.count());
            wanted.push_back(std::move(k));
        }
    }
    if (table_ && !wanted.empty()) {
        if (const auto added = table_->add(wanted); !added) {
            log_error("adding addresses: {}", added.error().what);
        }
        if (const auto read = refresh(); !read) {
            log_error("reading addresses: {}", read.error().what);
        }
    }
}

// ---- interfaces ----

std::vector<protocol::iface> local_addresses::interfaces() const {
    std::vector<protocol::iface> all;
    for (const conf::public_address& a : configured_) {
        for (const std::string& name : a.interfaces) {
            const bool there = std::any_of(all.begin(), all.end(), [&name](const auto& i) {
                return i.name == name;
            });
            if (!there) {
                const std::uint16_t up = interface_usable(name) ? 1 : 0;
                all.insert(all.begin(), protocol::iface{name, up, 0});
            }
        }
    }
    for (const item& which : held()) {
        const std::string on = interface_of(which);
        for (protocol::iface& i : all) {
            i.references += i.name == on ? 1 : 0;
        }
    }
    return all;
}

result<> local_addresses::set_link_state(const std::string& name, bool up) {
    const auto all = interfaces();
    const bool ours =
        std::any_of(all.begin(), all.end(), [&name](const auto& i) { return i.name == name; });
    if (!ours) {
        return fail(EINVAL, "no public address uses interface {}", name);
    }
    if (interface_usable(name) != up) {
        log_error(
            "iface[{}] has changed it's link status {} => {}",
            name,
            up ? "down" : "up",
            up ? "up" : "down"
        );
    }
    if (up) {
        set_down_.erase(name);
    } else {
        set_down_.insert(name);
    }
    return {};
}

} // namespace ctdb::failoverd
