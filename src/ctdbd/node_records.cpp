// node: record packets and calls between links, clients and the engines of the databases.
#include "common/base/log.hpp"
#include "common/protocol/controls.hpp"
#include "ctdbd/database/push_receiver.hpp"
#include "ctdbd/node.hpp"

#include <algorithm>

namespace ctdb::ctdbd {

namespace {

using namespace std::chrono_literals;
using protocol::tunable_id;

constexpr client_id daemon_itself{0}; // of calls that no client made
constexpr async::duration held_calls_limit = 3s;
constexpr std::size_t held_calls_max = 256;
constexpr std::size_t held_bytes_max = std::size_t{1} << 20U; // a call is mostly a key

} // namespace

// ---- what arrives ----

record_engine* node::engine_of(db_id id) {
    database* db = databases_.find(id);
    return db == nullptr ? nullptr : db->engine();
}

void node::refuse_unknown_database(const protocol::packet_header& from, db_id id) {
    const std::string text = fmt::format("Unknown database in request. db_id==0x{:08x}", id);
    const std::string with_nul(text.c_str(), text.size() + 1);
    send(
        router_.header_to(from.srcnode, from.reqid),
        protocol::reply_error{protocol::status::failed, view_of(with_nul)}
    );
}

// The attach that makes the database known here may still be on its way (databases.md 2.5 step 1).
void node::hold_call(byte_view raw, const protocol::packet_header& header, db_id id) {
    const bool full = held_calls_.size() >= held_calls_max;
    if (full || raw.size() > held_bytes_max - held_bytes_) {
        refuse_unknown_database(header, id);
        return;
    }
    held_calls_.push_back(
        {to_bytes(raw), router_.record_peer(), header, id, runtime_.now() + held_calls_limit}
    );
    held_bytes_ += raw.size();
    if (!held_timer_.armed()) {
        held_timer_.arm(held_calls_.front().until);
    }
}

void node::replay_held_calls() {
    held_bytes_ = 0;
    for (held_call& held : std::exchange(held_calls_, {})) {
        if (databases_.find(held.database) != nullptr) {
            router_.receive(held.peer, held.packet);
        } else if (held.until <= runtime_.now()) {
            refuse_unknown_database(held.header, held.database);
        } else {
            held_bytes_ += held.packet.size();
            held_calls_.push_back(std::move(held));
        }
    }
    if (!held_calls_.empty()) {
        held_timer_.arm(held_calls_.front().until);
    }
}

void node::record_packet(const protocol::packet& p, byte_view raw) {
    protocol::node_counters& counters = router_.counters().node;
    if (const auto* call = std::get_if<protocol::req_call>(&p.body)) {
        ++counters.req_call;
        if (record_engine* engine = engine_of(call->db_id)) {
            engine->receive(router_.record_peer(), p.header, *call);
        } else {
            hold_call(raw, p.header, call->db_id);
        }
    } else if (const auto* asked = std::get_if<protocol::req_dmaster>(&p.body)) {
        ++counters.req_dmaster;
        if (record_engine* engine = engine_of(asked->db_id)) {
            engine->receive(p.header, *asked);
        } else {
            refuse_unknown_database(p.header, asked->db_id);
            request_recovery(fmt::format(
                "node {} hands over records of a database not known here", p.header.srcnode
            ));
        }
    } else if (const auto* given = std::get_if<protocol::reply_dmaster>(&p.body)) {
        ++counters.reply_dmaster;
        if (record_engine* engine = engine_of(given->db_id)) {
            engine->receive(p.header, *given);
        }
    } else if (const auto* reply = std::get_if<protocol::reply_call>(&p.body)) {
        ++counters.reply_call;
        if (record_engine* engine = routes_.find(p.header.reqid)) {
            engine->receive(p.header, *reply);
        }
    } else if (const auto* failed = std::get_if<protocol::reply_error>(&p.body)) {
        ++counters.reply_error;
        if (record_engine* engine = routes_.find(p.header.reqid)) {
            engine->receive(p.header, *failed);
        }
    }
}

void node::control(const control_request& request, control_reply reply) {
    if (provider_hub::is_provided(request.opcode)) {
        providers_.request(request, std::move(reply));
    } else {
        controls_.dispatch(request, std::move(reply));
    }
}

void node::tunnel(const protocol::packet_header& header, const protocol::req_tunnel& body) {
    clients_.tunnel(header, body);
}

// ---- clients ----

void node::call(const record_call& call) {
    if (record_engine* engine = engine_of(call.call.db_id)) {
        engine->client_call(call.client, call.id, call.call);
    } else {
        refuse_client(
            call.client,
            call.id,
            protocol::status::failed,
            fmt::format("unknown database 0x{:08x}", call.call.db_id)
        );
    }
}

bool node::routed_elsewhere(pnn to) const {
    return to != table_.self() && to != protocol::current_node;
}

void node::client_ended(client_id client) {
    for (const auto& db : databases_.all()) {
        if (db->engine() != nullptr) {
            db->engine()->client_gone(client);
        }
    }
    databases_.client_gone(client);
    commits_.client_gone(client);
    traverses_.client_gone(client);
    providers_.client_ended(client);
}

void node::updates_abandoned(client_id client) {
    request_recovery(fmt::format("client {} left during a persistent update", client));
}

std::uint32_t node::control_timeout_s() const {
    return settings_.tunables[tunable_id::control_timeout];
}

std::uint32_t node::max_queue_drop_msg() const {
    return settings_.tunables[tunable_id::max_queue_drop_msg];
}

// ---- databases ----

record_tunables node::record_tunables_now() const {
    const protocol::tunable_list& tunables = settings_.tunables;
    record_tunables t;
    t.fetch_collapse = tunables[tunable_id::fetch_collapse] == 1;
    t.hopcount_make_sticky = tunables[tunable_id::hopcount_make_sticky];
    t.sticky_duration = std::chrono::seconds(tunables[tunable_id::sticky_duration]);
    t.sticky_pindown = std::chrono::milliseconds(tunables[tunable_id::sticky_pindown]);
    return t;
}

double seconds(std::chrono::nanoseconds ns) {
    return std::chrono::duration<double>(ns).count();
}

std::unique_ptr<record_engine> node::make_engine(database& db) {
    held_timer_.arm(runtime_.now()); // calls that waited for this database
    record_settings s;
    s.me = table_.self();
    s.db = db.id();
    s.name = db.name();
    s.kind = db.kind();
    s.tunables = record_tunables_now();
    record_outputs& outputs = *this; // private bases: converted here, where they are known
    record_events& events = *this;
    return std::make_unique<record_engine>(db.store(), runtime_, outputs, events, routes_, s);
}

// Vacuuming asks the engine as a client would, under the id that no client has.
vacuum_service::doors node::make_vacuum_doors() {
    vacuum_service::doors doors;
    doors.fetch = [](database& db, byte_view key, reqid id) {
        protocol::req_call call;
        call.flags = protocol::call_flag::immediate_migration;
        call.flags.set(protocol::call_flag::vacuum_migration);
        call.db_id = db.id();
        call.key = key;
        if (db.engine() != nullptr) {
            db.engine()->client_call(daemon_itself, id, call);
        }
    };
    doors.forget = [](database& db) {
        if (db.engine() != nullptr) {
            db.engine()->client_gone(daemon_itself);
        }
    };
    return doors;
}

void node::database_detached(database& db) {
    vacuum_.database_gone(db.id());
    traverses_.database_gone(db.id());
    commits_.database_gone(db.id());
}

void node::database_committed(database& db) {
    if (db.content_is_new()) {
        vacuum_.content_replaced(db.id()); // first: what was queued was in the old content
    }
    for (const emptied_record& record : db.take_emptied()) {
        vacuum_.candidate(db.id(), record.key, record.header);
    }
}

bool node::is_inactive() const {
    return protocol::is_inactive(table_.own_flags());
}

std::vector<pnn> node::active_nodes() const {
    return table_.active();
}

std::size_t node::nodes_without_flags() const {
    const protocol::node_map map = table_.map();
    return static_cast<std::size_t>(std::count_if(
        map.nodes.begin(),
        map.nodes.end(),
        [](const protocol::node_and_flags& n) { return n.flags.none(); }
    ));
}

bool node::all_active_are_ours() const {
    return table_.all_active_are_ours();
}

void node::request_recovery(const std::string& reason) {
    if (epoch_.recovering()) {
        // Databases may be thawed already: the recovery under way does not heal what comes now.
        recovery_wanted_ = reason;
    } else {
        log_warning("recovery needed: {}", reason);
        epoch_.set_mode(protocol::recovery_mode::active);
    }
    leadership_->wake_leader();
}

void node::deliver_traverse(ctdb::srvid address, byte_view data) {
    router_.registry().deliver_exactly(address, data);
}

std::size_t node::queued_bytes(pnn to) const {
    return links_.queued_bytes(to);
}

std::size_t node::unread_bytes(ctdb::srvid address) const {
    std::size_t most = 0;
    for (const client_id listener : router_.registry().listeners_to(address)) {
        most = std::max(most, clients_.queued_bytes(listener));
    }
    return most;
}

template <class Body>
bool node::send_record(const protocol::packet_header& header, const Body& body) {
    const pnn to = header.destnode;
    if (!table_.is_connected(to)) {
        return false; // nothing may leave then: the engine keeps the record (record_outputs.hpp)
    }
    router_.send_packet(to, protocol::encode(header, body));
    return true;
}

bool node::send(const protocol::packet_header& header, const protocol::req_call& body) {
    return send_record(header, body);
}
bool node::send(const protocol::packet_header& header, const protocol::req_dmaster& body) {
    return send_record(header, body);
}
bool node::send(const protocol::packet_header& header, const protocol::reply_dmaster& body) {
    return send_record(header, body);
}
bool node::send(const protocol::packet_header& header, const protocol::reply_error& body) {
    return send_record(header, body);
}

bool node::send(const protocol::packet_header& header, const protocol::reply_call& body) {
    return send_record(header, body);
}

// Read-only copies end (databases.md 3.4). The database may be gone when the answer comes.
bool node::send_update(pnn to, ctdb::db_id db, std::uint64_t ticket, bytes record_buffer) {
    if (!table_.is_connected(to)) {
        return false;
    }
    client::control_call call;
    call.to = to;
    call.opcode = protocol::controls::update_record::opcode;
    call.data = std::move(record_buffer);
    const auto limit = std::chrono::seconds(std::max(1U, control_timeout_s()));
    router_.send_control(
        call,
        client_id{0},
        runtime_.now() + limit,
        [this, to, db, ticket](control_end how, const client::control_answer& said) {
            if (record_engine* engine = engine_of(db)) {
                engine->update_answered(
                    ticket, to, how == control_end::answered && said.status == 0
                );
            }
        }
    );
    return true;
}

void node::reply_to_client(
    client_id client, reqid id, std::int32_t status, byte_view head, byte_view data
) {
    if (client == daemon_itself) {
        vacuum_.fetch_answered(id);
        return;
    }
    if (head.empty()) {
        clients_.reply_to_call(client, id, status, data);
        return;
    }
    bytes both = to_bytes(head);
    both.insert(both.end(), data.begin(), data.end());
    clients_.reply_to_call(client, id, status, both);
}

void node::refuse_client(client_id client, reqid id, std::int32_t status, std::string_view text) {
    if (client == daemon_itself) {
        vacuum_.fetch_answered(id);
        return;
    }
    log_warning("call of client {} refused: {}", client, text);
    clients_.refuse_call(client, id, status, text);
}

void node::request_recovery(std::string_view reason) {
    request_recovery(std::string(reason));
}

} // namespace ctdb::ctdbd
