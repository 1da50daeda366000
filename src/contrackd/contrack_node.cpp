#include "contrackd/contrack_node.hpp"

#include "common/base/log.hpp"
#include "common/netlink/announce_request.hpp"
#include "common/netlink/neighbour.hpp"
#include "common/protocol/controls.hpp"
#include "common/protocol/messages.hpp"

#include <algorithm>

namespace ctdb::contrackd {

namespace {

namespace controls = protocol::controls;

provider::identity identity() {
    return {
        "contrackd",
        {controls::tcp_client::opcode,
         controls::tcp_add::opcode,
         controls::tcp_remove::opcode,
         controls::get_tcp_tickle_list::opcode,
         controls::set_tcp_tickle_list::opcode,
         controls::tcp_add_delayed_update::opcode,
         controls::tcp_client_disconnected::opcode,
         controls::tcp_client_passed::opcode},
        {protocol::srvids::take_ip, protocol::srvids::release_ip, announce_request}};
}

provider::answer refused(std::string why) {
    provider::answer a;
    a.status = protocol::status::failed;
    a.text = std::move(why);
    return a;
}

} // namespace

contrack_node::contrack_node(
    async::event_loop& loop, const path::paths& where, std::function<void()> lost
)
    : loop_(loop), lost_(std::move(lost)), due_(loop, [this] { announce_due(); }),
      ctdbd_(
          loop,
          where.provider_socket(),
          identity(),
          provider::provider_client::handlers{
              [this](provider::request what) { return serve(std::move(what)); },
              [](provider::message) -> async::task<provider::acknowledge> {
                  co_return provider::acknowledge();
              },
              [this](const provider::deliver& what) { on_message(what); },
              [this](const provider::client_gone& who) { connections_.client_gone(who.client); },
              [](const provider::registered&) { log_notice("registered with ctdbd"); },
              {},
              [this](const error& why) {
                  log_notice("ctdbd is gone: {}", why.what);
                  lost_();
              }}
      ) {}

// ---- announcements ----

void contrack_node::on_message(const provider::deliver& what) {
    const auto text = protocol::decode<std::string>(what.data);
    if (!text) {
        log_warning("message {:#x}: {}", what.srvid.value, text.error().what);
    } else if (what.srvid == protocol::srvids::take_ip) {
        begin({*text, ""});
    } else if (what.srvid == protocol::srvids::release_ip) {
        running_.cancel(*text);
    } else {
        const auto blank = text->find(' ');
        begin({text->substr(0, blank), blank == std::string::npos ? "" : text->substr(blank + 1)});
    }
}

void contrack_node::begin(announcements::subject what) {
    running_.begin(std::move(what), loop_.now());
    announce_due();
}

void contrack_node::announce_due() {
    for (const announcements::subject& what : running_.due(loop_.now())) {
        send(what);
    }
    if (const auto next = running_.next_due()) {
        due_.arm(*next);
    }
}

void contrack_node::send(const announcements::subject& what) {
    const auto address = protocol::parse_ip(what.address);
    auto table = netlink::address_table::open();
    const auto links = table ? table->links() : result<std::vector<netlink::link>>{};
    const auto there = table ? table->addresses() : result<std::vector<netlink::kernel_address>>{};
    if (!address || !table || !links || !there) {
        log_warning("{} is not announced: no address, or the kernel does not answer", what.address);
        return;
    }
    for (const netlink::link& l : *links) {
        const bool here = std::any_of(there->begin(), there->end(), [&](const auto& a) {
            return a.link_index == l.index && protocol::same_ip(a.address, *address);
        });
        const bool wanted = what.interface.empty() ? here : l.name == what.interface;
        if (!wanted || netlink::kind_of(l) == netlink::link_kind::silent) {
            continue;
        }
        if (netlink::kind_of(l) == netlink::link_kind::unsupported) {
            log_warning("{} is not announced: {} is no Ethernet", what.address, l.name);
            continue;
        }
        const auto socket =
            netlink::packet_socket::open(l, netlink::packet_socket::purpose::send_only);
        if (!socket) {
            log_warning("{} is not announced: {}", what.address, socket.error().what);
            continue;
        }
        for (const auto& packet : netlink::announcement(*address, netlink::hardware_of(l))) {
            if (const auto sent = socket->send(packet); !sent) {
                log_warning("{} on {}: {}", what.address, l.name, sent.error().what);
            }
        }
        log_debug("{} announced on {}", what.address, l.name);
    }
}

// ---- connections ----

async::task<provider::answer> contrack_node::serve(provider::request what) {
    switch (what.opcode) {
    case controls::get_tcp_tickle_list::opcode:
        co_return tickles_of(what.data);
    case controls::set_tcp_tickle_list::opcode:
        co_return set_tickles(what.data);
    default:
        co_return change(what);
    }
}

provider::answer contrack_node::change(const provider::request& what) {
    const auto got = protocol::decode<protocol::connection>(what.data);
    if (!got) {
        return refused(got.error().what);
    }
    const protocol::connection c = connections::canonical(*got);
    bool room = true;
    switch (what.opcode) {
    case controls::tcp_client::opcode:
        room = connections_.client_has(what.from.client, c);
        break;
    case controls::tcp_add::opcode:
    case controls::tcp_add_delayed_update::opcode:
        room = connections_.add(c);
        break;
    case controls::tcp_remove::opcode:
        connections_.remove(c);
        break;
    case controls::tcp_client_disconnected::opcode:
        connections_.client_lost(what.from.client, c);
        break;
    case controls::tcp_client_passed::opcode:
        connections_.client_passed(what.from.client, c);
        break;
    default:
        return refused(fmt::format("control {} is not served by contrackd", what.opcode));
    }
    return room ? provider::answer{} : refused("too many connections");
}

provider::answer contrack_node::tickles_of(byte_view data) {
    const auto address = protocol::decode<protocol::sock_addr>(data);
    if (!address) {
        return refused(address.error().what);
    }
    protocol::tickle_list list;
    list.address = *address;
    list.connections = connections_.of(*address);
    provider::answer a;
    a.data = protocol::encode(list);
    return a;
}

provider::answer contrack_node::set_tickles(byte_view data) {
    auto list = protocol::decode<protocol::tickle_list>(data);
    if (!list) {
        return refused(list.error().what);
    }
    connections_.replace(list->address, std::move(list->connections));
    return provider::answer{};
}

} // namespace ctdb::contrackd
