#include "ctdbd/database/traverse_service.hpp"

#include "common/base/log.hpp"
#include "common/protocol/controls.hpp"
#include "common/protocol/record_buffer.hpp"
#include "ctdbd/database/database_set.hpp"
#include "ctdbd/database/traverse_walker.hpp"

#include <algorithm>
#include <utility>

namespace ctdb::ctdbd {

// A traverse asked for by a client of this node.
struct traverse_service::collector {
    collector(async::runtime& rt, std::function<void()> late, std::function<void()> look)
        : timeout(rt, std::move(late)), look_again(rt, std::move(look)) {}
    protocol::traverse_start_ext asked;
    client_id client;
    std::set<pnn> participants; // that have not ended
    std::size_t records = 0;
    async::timer timeout;
    bool paused = false;
    async::timer look_again; // paused: has the client read?
};

namespace {
constexpr std::chrono::milliseconds look_interval{5};
} // namespace

bytes encode(const traverse_pace& m) {
    writer out;
    out.put(m.collector.value);
    out.put(m.traverse.value);
    out.put(static_cast<std::uint32_t>(m.pause ? 1 : 0));
    return out.take();
}

result<traverse_pace> decode_traverse_pace(byte_view data) {
    reader in(data);
    traverse_pace m;
    m.collector = pnn{in.get<std::uint32_t>()};
    m.traverse = reqid{in.get<std::uint32_t>()};
    m.pause = in.get<std::uint32_t>() != 0;
    if (!in.ok() || in.remaining() != 0) {
        return fail(EBADMSG, "traverse pace: malformed");
    }
    return m;
}

traverse_service::traverse_service(node_context& node, database_set& databases)
    : node_(node), databases_(databases),
      next_reqid_(static_cast<std::uint32_t>(node.runtime().random())),
      paces_(node.port().subscribe(traverse_pace_address, [this](byte_view m) { pace_walkers(m); })
      ) {}

traverse_service::~traverse_service() = default;

// ---- collector ----

answer<> traverse_service::start(const protocol::traverse_start_ext& request, const asker& who) {
    if (!who.is_own_client()) {
        return refuse("traverse: not from a client of this node");
    }
    database* db = databases_.find(request.db_id);
    if (db == nullptr) {
        return refuse("traverse: unknown database {:#010x}", request.db_id.value);
    }
    const bool unhealthy = db->is_persistent() && !db->health().empty();
    if (unhealthy && node_.tunable(protocol::tunable_id::allow_unhealthy_db_read) == 0) {
        return refuse("traverse: database {} is unhealthy", db->name());
    }
    const reqid id{next_reqid_++};
    auto c = std::make_unique<collector>(
        node_.runtime(),
        [this, id] { timed_out(id); },
        [this, id] { look_at_client(*collectors_.at(id), id); }
    );
    c->asked = request;
    c->client = who.client;
    for (const pnn node : participants_of(*db)) {
        c->participants.insert(node);
    }
    if (c->participants.empty()) {
        return refuse("traverse: no node is active");
    }
    const auto limit = node_.tunable(protocol::tunable_id::traverse_timeout);
    c->timeout.arm_in(std::chrono::seconds{limit});
    send_requests(*c, id);
    collectors_.emplace(id, std::move(c));
    return {};
}

std::vector<pnn> traverse_service::participants_of(const database& db) {
    if (db.is_volatile()) {
        return node_.active_nodes();
    }
    const auto& map = node_.vnn_map().map;
    const bool in_map = std::find(map.begin(), map.end(), node_.self()) != map.end();
    if (in_map || map.empty()) {
        return {node_.self()};
    }
    return {map.front()};
}

void traverse_service::send_requests(const collector& c, reqid id) {
    protocol::traverse_all_ext extended;
    extended.db_id = c.asked.db_id;
    extended.reqid = id;
    extended.pnn = node_.self();
    extended.client_reqid = c.asked.reqid;
    extended.srvid = c.asked.srvid;
    extended.with_empty_records = c.asked.with_empty_records;
    const protocol::traverse_all plain{
        extended.db_id, extended.reqid, extended.pnn, extended.client_reqid, extended.srvid};
    for (const pnn node : c.participants) {
        if (c.asked.with_empty_records) {
            client::send<protocol::controls::traverse_node_ext>(node_.port(), node, extended);
        } else {
            client::send<protocol::controls::traverse_node>(node_.port(), node, plain);
        }
    }
}

answer<> traverse_service::data(byte_view payload, const asker& who) {
    const auto record = protocol::view_record(payload);
    if (!record) {
        return refuse(record.error());
    }
    const auto found = collectors_.find(record->reqid);
    if (found == collectors_.end() || !found->second->participants.contains(who.node)) {
        return refuse("traverse {} is over for node {}", record->reqid, who.node);
    }
    if (record->key.empty() && record->data.empty()) {
        one_ended(record->reqid, who.node);
        return {};
    }
    collector& c = *found->second;
    ++c.records;
    node_.deliver_traverse(
        c.asked.srvid, protocol::encode_record(c.asked.reqid, record->key, record->data)
    );
    if (!c.paused) {
        look_at_client(c, record->reqid);
    }
    return {};
}

// Pauses the walkers of other nodes or, once paused, looks whether they may go on.
void traverse_service::look_at_client(collector& c, reqid id) {
    const std::size_t unread = node_.unread_bytes(c.asked.srvid);
    const bool pause = unread > (c.paused ? unread_bytes_low : unread_bytes_max);
    if (pause != c.paused) {
        c.paused = pause;
        tell_walkers(c, id, pause);
    }
    if (pause) {
        c.look_again.arm_in(look_interval);
    }
}

void traverse_service::tell_walkers(const collector& c, reqid id, bool pause) {
    const bytes message = encode(traverse_pace{node_.self(), id, pause});
    for (const pnn node : c.participants) {
        if (node != node_.self() && node_.is_ours(node)) {
            node_.port().message(node, traverse_pace_address, message);
        }
    }
}

void traverse_service::one_ended(reqid id, pnn node) {
    const auto found = collectors_.find(id);
    if (found != collectors_.end()) {
        found->second->participants.erase(node);
        if (found->second->participants.empty()) {
            end(id);
        }
    }
}

void traverse_service::end(reqid id) {
    const auto taken = collectors_.extract(id);
    const collector& c = *taken.mapped();
    node_.deliver_traverse(c.asked.srvid, protocol::encode_record(c.asked.reqid, {}, {}));
}

void traverse_service::timed_out(reqid id) {
    const collector& c = *collectors_.at(id);
    for (const pnn node : c.participants) {
        log_error(
            "traverse of database {:#010x} is cut off after {} records: node {} has not finished",
            c.asked.db_id.value,
            c.records,
            node
        );
    }
    send_kill(c);
    end(id);
}

void traverse_service::send_kill(const collector& c) {
    const protocol::traverse_start what{c.asked.db_id, c.asked.reqid, c.asked.srvid};
    client::send<protocol::controls::kill_traverse>(
        node_.port(), protocol::broadcast_connected, what
    );
}

void traverse_service::client_gone(client_id client) {
    std::erase_if(collectors_, [&](const auto& item) {
        if (item.second->client != client) {
            return false;
        }
        send_kill(*item.second);
        return true;
    });
}

void traverse_service::node_left(pnn node) {
    std::vector<reqid> concerned;
    for (const auto& [id, c] : collectors_) {
        if (c->participants.contains(node)) {
            log_warning(
                "traverse of database {:#010x} goes on without node {}, which has left",
                c->asked.db_id.value,
                node
            );
            concerned.push_back(id);
        }
    }
    for (const reqid id : concerned) {
        one_ended(id, node);
    }
    walkers_.remove_if([node](const auto& w) { return w->request().pnn == node; });
}

void traverse_service::database_gone(db_id id) {
    std::vector<reqid> concerned;
    for (const auto& [own, c] : collectors_) {
        if (c->asked.db_id == id) {
            log_warning(
                "traverse of database {:#010x} is cut off after {} records: the database is "
                "detached",
                id.value,
                c->records
            );
            send_kill(*c);
            concerned.push_back(own);
        }
    }
    for (const reqid own : concerned) {
        end(own);
    }
}

// ---- walker ----

answer<> traverse_service::walk(const protocol::traverse_all_ext& request, const asker& who) {
    if (request.pnn != who.node) {
        return refuse("traverse for node {} asked by node {}", request.pnn, who.node);
    }
    walkers_.push_back(std::make_unique<traverse_walker>(
        node_, databases_, request, [this](traverse_walker* walker) { walker_finished(walker); }
    ));
    return {};
}

void traverse_service::pace_walkers(byte_view message) {
    const auto m = decode_traverse_pace(message);
    if (!m) {
        log_warning("{}", m.error().what);
        return;
    }
    for (const auto& walker : walkers_) {
        const auto& request = walker->request();
        if (request.pnn == m->collector && request.reqid == m->traverse) {
            m->pause ? walker->pause() : walker->go_on();
        }
    }
}

void traverse_service::walker_finished(traverse_walker* walker) {
    walkers_.remove_if([walker](const auto& w) { return w.get() == walker; });
}

// Senders differ in which of the two request ids they put in; the address is unique anyway.
answer<> traverse_service::kill(const protocol::traverse_start& request, const asker& who) {
    walkers_.remove_if([&](const auto& w) {
        const auto& r = w->request();
        return r.pnn == who.node && r.db_id == request.db_id && r.srvid == request.srvid &&
               (r.client_reqid == request.reqid || r.reqid == request.reqid);
    });
    return {};
}

} // namespace ctdb::ctdbd
