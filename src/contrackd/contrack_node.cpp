#include "contrackd/contrack_node.hpp"

#include "common/base/log.hpp"
#include "common/netlink/announce_request.hpp"
#include "common/netlink/neighbour.hpp"
#include "common/netlink/tickle.hpp"
#include "common/protocol/controls.hpp"
#include "common/protocol/messages.hpp"

#include <algorithm>

namespace ctdb::contrackd {

namespace {

namespace controls = protocol::controls;
using namespace std::chrono_literals;

constexpr auto reconnect_pause = 200ms;
constexpr auto answer_limit = 5s;
constexpr auto list_interval = 20s;             // as upstream's TickleUpdateInterval
constexpr std::size_t tickle_rounds[] = {0, 2}; // of announcements::schedule (failover.md 15.12)

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

// Status 1, as upstream says of lists of an address that it does not know.
provider::answer unknown(const protocol::sock_addr& address) {
    provider::answer a;
    a.status = 1;
    a.text = fmt::format("{} is not a public address", protocol::to_text(address));
    return a;
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
    : loop_(loop), where_(where), lost_(std::move(lost)), sharing_(doors()),
      due_(loop, [this] { announce_due(); }), changed_(loop), learned_(loop), tasks_(loop),
      ctdbd_(
          loop,
          where.provider_socket(),
          identity(),
          provider::provider_client::handlers{
              [this](provider::request what) { return serve(std::move(what)); },
              [this](provider::message event) { return on_event(std::move(event)); },
              [this](const provider::deliver& what) { on_message(what); },
              [this](const provider::client_gone& who) {
                  arrivals_.client_gone(who.client);
                  sharing_.client_gone(who.client);
              },
              [this](const provider::registered&) {
                  log_notice("registered with ctdbd");
                  changed_.notify();
              },
              {},
              [this](const error& why) {
                  log_notice("ctdbd is gone: {}", why.what);
                  arrivals_.clear();
                  sharing_.all_clients_gone();
                  lost_();
              }}
      ) {
    tasks_.spawn(keep_client());
    tasks_.spawn(repeat_lists());
}

sharing::doors contrack_node::doors() {
    return {
        [](const protocol::sock_addr& address) {
            auto table = netlink::address_table::open();
            const auto there =
                table ? table->addresses() : result<std::vector<netlink::kernel_address>>{};
            return there && std::any_of(there->begin(), there->end(), [&](const auto& a) {
                       return protocol::same_ip(a.address, address);
                   });
        },
        [this](const protocol::connection& c) { tell<controls::tcp_add>(c); },
        [this](const protocol::connection& c) { tell<controls::tcp_remove>(c); },
        [this](const protocol::tickle_list& l) { tell<controls::set_tcp_tickle_list>(l); }};
}

// ---- announcements ----

void contrack_node::on_message(const provider::deliver& what) {
    const auto text = protocol::decode<std::string>(what.data);
    if (!text) {
        log_warning("message {:#x}: {}", what.srvid.value, text.error().what);
    } else if (what.srvid == protocol::srvids::take_ip) {
        taken(*text);
    } else if (what.srvid == protocol::srvids::release_ip) {
        running_.cancel(*text);
        to_tickle_.erase(*text);
        if (const auto address = protocol::parse_ip(*text)) {
            sharing_.released(*address);
        }
    } else {
        const auto blank = text->find(' ');
        begin({text->substr(0, blank), blank == std::string::npos ? "" : text->substr(blank + 1)});
    }
}

void contrack_node::begin(announcements::subject what) {
    running_.begin(std::move(what), loop_.now());
    announce_due();
}

void contrack_node::taken(const std::string& address) {
    if (const auto parsed = protocol::parse_ip(address)) {
        auto before = sharing_.taken(*parsed);
        if (!before.empty()) {
            log_info("{}: {} connections of its last node are told", address, before.size());
            to_tickle_[address] = std::move(before);
        }
        sharing_.tell_changed_lists();
    }
    begin({address, ""});
}

void contrack_node::announce_due() {
    for (const announcements::turn& due : running_.due(loop_.now())) {
        send(due.what);
        if (std::ranges::find(tickle_rounds, due.round) != std::end(tickle_rounds)) {
            tickle(due.what.address);
        }
        if (due.round == *std::rbegin(tickle_rounds)) {
            to_tickle_.erase(due.what.address);
        }
    }
    if (const auto next = running_.next_due()) {
        due_.arm(*next);
    }
}

void contrack_node::tickle(const std::string& address) {
    const auto found = to_tickle_.find(address);
    if (found == to_tickle_.end()) {
        return;
    }
    const auto sender = netlink::tickle_sender::open();
    if (!sender) {
        log_warning("clients of {} are not told: {}", address, sender.error().what);
        return;
    }
    std::size_t failed = 0;
    error last;
    for (const protocol::connection& c : found->second) {
        if (const auto sent = sender->send(c); !sent) {
            ++failed;
            last = sent.error();
        }
    }
    if (failed != 0) {
        log_warning("{}: {} clients were not told, the last: {}", address, failed, last.what);
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
    if (what.opcode == controls::get_tcp_tickle_list::opcode) {
        co_return co_await tickles_of(what.data);
    }
    if (what.opcode == controls::set_tcp_tickle_list::opcode) {
        co_return co_await set_tickles(what.data);
    }
    const auto got = protocol::decode<protocol::connection>(what.data);
    if (!got) {
        co_return refused(got.error().what);
    }
    const protocol::connection c = connections::canonical(*got);
    if (what.opcode == controls::tcp_client::opcode) {
        co_return co_await client_has(what.from.client, c);
    }
    static_cast<void>(co_await is_public(c.dst)); // change() asks what is known then
    co_return change(what, c);
}

// smbd tells of every connection, also of those to addresses that are not public: no reason to
// complain.
async::task<provider::answer> contrack_node::client_has(client_id client, protocol::connection c) {
    if (!sharing_.knows_public(c.dst)) {
        const arrivals::ticket waiting = arrivals_.begin(client, c);
        co_await learn_public();
        if (!arrivals_.finish(waiting)) {
            co_return provider::answer{}; // its end came first
        }
    }
    switch (sharing_.client_has(client, c)) {
    case sharing::verdict::not_here:
        log_warning("a client has {}, which is not here", protocol::to_text_with_port(c.dst));
        co_return refused("this address is not on this node");
    case sharing::verdict::full:
        co_return refused("too many connections");
    default:
        co_return provider::answer{};
    }
}

provider::answer
contrack_node::change(const provider::request& what, const protocol::connection& c) {
    sharing::verdict added = sharing::verdict::kept;
    switch (what.opcode) {
    case controls::tcp_add_delayed_update::opcode:
        sharing_.changed(c.dst);
        [[fallthrough]];
    case controls::tcp_add::opcode:
        added = sharing_.add(c);
        break;
    case controls::tcp_remove::opcode:
        sharing_.remove(c);
        break;
    case controls::tcp_client_disconnected::opcode:
        arrivals_.ended(what.from.client, c);
        sharing_.client_lost(what.from.client, c);
        break;
    case controls::tcp_client_passed::opcode:
        arrivals_.ended(what.from.client, c);
        sharing_.client_passed(what.from.client, c);
        break;
    default:
        return refused(fmt::format("control {} is not served by contrackd", what.opcode));
    }
    if (added == sharing::verdict::not_public) {
        return refused(fmt::format("{} is not a public address", protocol::to_text(c.dst)));
    }
    return added == sharing::verdict::full ? refused("too many connections") : provider::answer{};
}

async::task<provider::answer> contrack_node::tickles_of(bytes data) {
    const auto address = protocol::decode<protocol::sock_addr>(data);
    if (!address) {
        co_return refused(address.error().what);
    }
    const bool known = co_await is_public(*address);
    if (!known) {
        co_return unknown(*address);
    }
    protocol::tickle_list list;
    list.address = *address;
    list.connections = sharing_.known().of(*address);
    provider::answer a;
    a.data = protocol::encode(list);
    co_return a;
}

async::task<provider::answer> contrack_node::set_tickles(bytes data) {
    const auto list = protocol::decode<protocol::tickle_list>(data);
    if (!list) {
        co_return refused(list.error().what);
    }
    const bool known = co_await is_public(list->address);
    if (!known) {
        co_return unknown(list->address);
    }
    sharing_.replace(*list);
    co_return provider::answer{};
}

// ---- ctdbd ----

async::task<provider::acknowledge> contrack_node::on_event(provider::message event) {
    if (const auto* nodes = std::get_if<provider::node_map_changed>(&event)) {
        see_nodes(nodes->map);
    }
    co_return provider::acknowledge();
}

void contrack_node::see_nodes(const protocol::node_map& map) {
    std::set<pnn> now;
    for (const protocol::node_and_flags& n : map.nodes) {
        if (!n.flags.has_any(protocol::node_flag::disconnected | protocol::node_flag::deleted)) {
            now.insert(n.pnn);
        }
    }
    const bool joined = !std::ranges::includes(connected_, now);
    connected_ = std::move(now);
    if (joined) {
        sharing_.tell_all_lists();
    }
}

async::task<void> contrack_node::keep_client() {
    for (;;) {
        if (!ctdbd_.is_registered() || (client_ && client_->connected())) {
            co_await changed_.wait();
            continue;
        }
        client::client::end_handler ended = [this](const sock::stream_end&) { changed_.notify(); };
        std::string path = where_.socket("ctdbd");
        const auto deadline = loop_.now() + answer_limit;
        auto connected =
            co_await client::client::connect(loop_, std::move(path), deadline, std::move(ended));
        if (connected) {
            client_ = std::move(*connected);
            sharing_.tell_all_lists();
        } else {
            log_warning("no connection to ctdbd's clients' socket: {}", connected.error().what);
        }
        co_await async::sleep_for(loop_, reconnect_pause);
    }
}

async::task<void> contrack_node::repeat_lists() {
    for (;;) {
        co_await async::sleep_for(loop_, list_interval);
        sharing_.tell_changed_lists();
    }
}

// Asks failoverd, by way of ctdbd. Without an answer nothing is public.
async::task<void> contrack_node::learn_public() {
    if (!client_ || !client_->connected()) {
        co_return;
    }
    const auto deadline = loop_.now() + answer_limit;
    const protocol::none nothing;
    const auto all = co_await client::call<controls::get_public_ips>(
        *client_, client_->self(), nothing, deadline
    );
    if (!all) {
        log_warning("public addresses are not known: {}", all.error().what);
        co_return;
    }
    std::vector<protocol::sock_addr> addresses;
    for (const protocol::public_ip& ip : all->ips) {
        addresses.push_back(ip.address);
    }
    sharing_.set_public(addresses);
}

// One question at a time; who comes meanwhile waits for its answer, and is served in his turn: the
// end of a connection does not overtake its beginning.
async::task<bool> contrack_node::is_public(protocol::sock_addr address) {
    if (sharing_.knows_public(address)) {
        co_return true;
    }
    if (learning_) {
        co_await learned_.wait();
    } else {
        learning_ = true;
        co_await learn_public();
        learning_ = false;
        learned_.notify();
    }
    co_return sharing_.knows_public(address);
}

template <class Control>
void contrack_node::tell(const typename Control::request& what) {
    if (client_ && client_->connected()) {
        client::send<Control>(*client_, protocol::broadcast_connected, what);
    }
}

} // namespace ctdb::contrackd
