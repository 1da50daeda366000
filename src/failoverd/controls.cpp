// The controls that clients, tools and other nodes know (failover.md 0, 6, 15.15).
#include "common/protocol/controls.hpp"

#include "common/netlink/announce_request.hpp"
#include "common/protocol/messages.hpp"
#include "failoverd/failover_node.hpp"

#include <algorithm>

namespace ctdb::failoverd {

namespace {

namespace controls = protocol::controls;

provider::answer done() {
    return provider::answer{};
}

provider::answer refused(std::string why) {
    provider::answer a;
    a.status = protocol::status::failed;
    a.text = std::move(why);
    return a;
}

template <class T>
provider::answer with(const T& value) {
    provider::answer a;
    a.data = protocol::encode(value);
    return a;
}

item item_of(const protocol::sock_addr& address) {
    return pubip(protocol::to_text(address));
}

} // namespace

async::task<provider::answer> failover_node::serve(provider::request what) {
    switch (what.opcode) {
    case controls::get_public_ips::opcode:
        co_return public_ips(what.flags.has(protocol::control_flag::only_available));
    case controls::get_public_ip_info::opcode:
        co_return public_ip_info(what.data);
    case controls::get_ifaces::opcode: {
        protocol::iface_list list;
        list.ifaces = addresses_.interfaces();
        co_return with(list);
    }
    case controls::set_iface_link_state::opcode:
        co_return set_link(what.data);
    case controls::add_public_ip::opcode:
        co_return add_address(what.data);
    case controls::del_public_ip::opcode:
        co_return delete_address(what.data);
    case controls::reload_public_ips::opcode:
        co_return reload_addresses();
    case controls::release_ip::opcode:
    case controls::takeover_ip::opcode:
        co_return move_by_hand(what.opcode, what.data);
    case controls::send_gratuitous_arp::opcode:
        co_return announce(what.data);
    case controls::ip_reallocated::opcode:
        tell_local(protocol::srvids::ip_reallocated, {});
        co_return done();
    case controls::start_ip_reallocate::opcode:
        tell_local(protocol::srvids::start_ip_reallocate, {});
        co_return done();
    default:
        co_return refused(fmt::format("control {} is not served by failoverd", what.opcode));
    }
}

pnn failover_node::holder_of(const item& which) {
    if (addresses_.held().contains(which)) {
        return self_;
    }
    const plan& p = member_.accepted_plan();
    const auto found = p.find(which);
    return found == p.end() || found->second == self_ ? unknown_pnn : found->second;
}

protocol::public_ip_list failover_node::known_addresses() {
    protocol::public_ip_list list;
    for (const conf::public_address& a : addresses_.configured()) {
        list.ips.push_back({holder_of(item_of(a.address)), a.address});
    }
    std::reverse(list.ips.begin(), list.ips.end()); // as upstream: the last of the file first
    return list;
}

void failover_node::publish() {
    provider::publish_answer answer;
    answer.opcode = controls::get_public_ips::opcode;
    answer.data = protocol::encode(known_addresses());
    ctdbd_.push(std::move(answer));
}

provider::answer failover_node::public_ips(bool only_available) {
    protocol::public_ip_list list = known_addresses();
    if (only_available) {
        const item_set could = available();
        std::erase_if(list.ips, [&could](const protocol::public_ip& ip) {
            return !could.contains(item_of(ip.address));
        });
    }
    return with(list);
}

provider::answer failover_node::public_ip_info(byte_view data) {
    const auto address = protocol::decode<protocol::sock_addr>(data);
    if (!address) {
        return refused(address.error().what);
    }
    const item which = item_of(protocol::with_port(*address, 0));
    const conf::public_address* a = addresses_.find(which);
    if (a == nullptr) {
        return refused(fmt::format("{} is not a public address of this node", name_of(which)));
    }
    protocol::public_ip_info info;
    info.ip = {holder_of(which), a->address};
    const std::string active = addresses_.interface_of(which);
    const auto all = addresses_.interfaces();
    for (const std::string& name : a->interfaces) {
        const auto found =
            std::find_if(all.begin(), all.end(), [&name](const auto& i) { return i.name == name; });
        if (name == active) {
            info.active_index = static_cast<std::uint32_t>(info.ifaces.size());
        }
        info.ifaces.push_back(found == all.end() ? protocol::iface{name, 0, 0} : *found);
    }
    return with(info);
}

provider::answer failover_node::set_link(byte_view data) {
    const auto wanted = protocol::decode<protocol::iface>(data);
    if (!wanted || wanted->link_state > 1 || wanted->references != 0) {
        return refused("SET_IFACE_LINK_STATE wants a name, 0 or 1, and no references");
    }
    const auto set = addresses_.set_link_state(wanted->name, wanted->link_state == 1);
    if (!set) {
        return refused(set.error().what);
    }
    status_soon_.schedule();
    return done();
}

provider::answer failover_node::add_address(byte_view data) {
    const auto wanted = protocol::decode<protocol::addr_info>(data);
    if (!wanted || !wanted->iface) {
        return refused("ADD_PUBLIC_IP wants an address, a mask and interfaces");
    }
    conf::public_address a;
    a.address = protocol::with_port(wanted->address, 0);
    a.prefix_bits = wanted->mask;
    a.interfaces = split_at(*wanted->iface, ',');
    if (a.interfaces.empty() || a.address.is_none() ||
        a.prefix_bits > (a.address.is_ipv4() ? 32U : 128U)) {
        return refused("ADD_PUBLIC_IP: no interface, or a wrong address or mask");
    }
    const auto added = addresses_.add(std::move(a));
    if (!added) {
        return refused(added.error().what);
    }
    keep_fence();
    publish();
    monitor_soon({});
    return done();
}

provider::answer failover_node::delete_address(byte_view data) {
    const auto unwanted = protocol::decode<protocol::addr_info>(data);
    if (!unwanted || !addresses_.remove(unwanted->address)) {
        return refused("DEL_PUBLIC_IP: not a public address of this node");
    }
    publish();
    monitor_soon({});
    return done();
}

provider::answer failover_node::reload_addresses() {
    auto loaded = conf::load_public_addresses(settings_.where().public_addresses_file());
    if (!loaded) {
        return refused(loaded.error().what);
    }
    addresses_.configure(std::move(*loaded));
    keep_fence();
    publish();
    monitor_soon({});
    return done();
}

// Between nodes of ours only runs move addresses: a single order from outside has no proof that
// nobody else holds the address.
provider::answer failover_node::move_by_hand(std::uint32_t opcode, byte_view data) {
    const auto wanted = protocol::decode<protocol::public_ip>(data);
    if (!wanted) {
        return refused(wanted.error().what);
    }
    const item which = item_of(protocol::with_port(wanted->address, 0));
    const bool held = addresses_.held().contains(which);
    if (opcode == controls::takeover_ip::opcode && wanted->pnn != self_) {
        return refused(fmt::format("TAKEOVER_IP for node {} sent to node {}", wanted->pnn, self_));
    }
    const bool as_wanted = held == (opcode == controls::takeover_ip::opcode);
    if (addresses_.find(which) == nullptr || as_wanted) {
        return done();
    }
    return refused(fmt::format(
        "{} is moved by failover runs of the leader only; moving by hand is not supported yet",
        name_of(which)
    ));
}

// contrackd sends it.
provider::answer failover_node::announce(byte_view data) {
    const auto wanted = protocol::decode<protocol::addr_info>(data);
    if (!wanted || !wanted->iface) {
        return refused("SEND_GRATUITOUS_ARP wants an address and an interface");
    }
    const std::string text =
        fmt::format("{} {}", protocol::to_text(wanted->address), *wanted->iface);
    tell_local(
        announce_request, byte_view(std::as_bytes(std::span(text.c_str(), text.size() + 1)))
    );
    return done();
}

} // namespace ctdb::failoverd
