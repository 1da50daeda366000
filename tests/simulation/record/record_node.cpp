#include "tests/simulation/record/record_node.hpp"

#include "common/base/log.hpp"
#include "common/protocol/controls.hpp"
#include "common/protocol/hash.hpp"
#include "tests/simulation/record/record_cluster.hpp"

#include <utility>

namespace ctdb::simulation {

constexpr db_id simulated_db{0x51};

record_node::record_node(record_cluster& cluster, pnn me, std::uint64_t life)
    : cluster_(cluster), me_(me), life_(life), runtime_(cluster.world()),
      file_(std::make_shared<memory_file>(cluster.plan().chains)),
      store_(std::make_unique<memory_store>(file_, runtime_, "memory:record")), ids_(life * 100000),
      routes_(ids_), turn_(runtime_, [this] { turn(); }) {
    ctdbd::record_settings settings;
    settings.me = me;
    settings.db = simulated_db;
    settings.name = fmt::format("simulated.tdb on node {}", me);
    settings.tunables.fetch_collapse = cluster.plan().fetch_collapse;
    settings.tunables.hopcount_make_sticky = 2;
    settings.tunables.sticky_pindown = std::chrono::milliseconds(5);
    settings.resend_after = cluster.plan().resend_after;
    settings.writers_turn_max = cluster.plan().after_revoke;
    settings.writers_turn_min = std::min(settings.writers_turn_min, settings.writers_turn_max);
    settings.after_failed_revoke = cluster.plan().after_revoke;
    engine_ =
        std::make_unique<ctdbd::record_engine>(*store_, runtime_, *this, *this, routes_, settings);
    engine_->set_readonly(cluster.plan().readonly);
    engine_->set_sticky(cluster.plan().sticky);
    file_->on_change = [this](byte_view key, const bytes*, const bytes* after) {
        const auto h = after == nullptr ? protocol::record_header{} : *protocol::header_of(*after);
        cluster_.trace(fmt::format(
            "node {} file: '{}' {} rsn {} dmaster {} flags {:x} write {}",
            me_,
            text_of(key),
            after == nullptr ? "erased" : "is",
            h.rsn,
            h.dmaster,
            h.flags.value,
            after == nullptr ? 0 : decode_value(protocol::data_after_header(*after)).stamp
        ));
        cluster_.model().changed(me_, key, after);
    };
    file_->on_replaced = [this] { cluster_.model().wiped(me_); };
    cluster_.model().wiped(me_);
    cluster_.network().attach(me_, *this, runtime_);
}

record_node::~record_node() {
    cluster_.network().detach(me_);
    file_->on_change = nullptr;
    file_->on_replaced = nullptr;
}

std::optional<copy> record_node::copy_of(byte_view key) const {
    const bytes* value = file_->find(key);
    if (value == nullptr) {
        return std::nullopt;
    }
    const auto header = protocol::header_of(*value);
    if (!header) {
        return std::nullopt;
    }
    return copy{
        me_, engine_->generation(), *header, decode_value(protocol::data_after_header(*value))};
}

std::string record_node::describe() const {
    return fmt::format(
        "node {}: generation {}{}{}{}, {} pending, {} parked",
        me_,
        engine_->generation(),
        engine_->serving() ? "" : " not serving",
        store_->is_frozen() ? " frozen" : "",
        runtime_.paused() ? " paused" : "",
        engine_->pending_calls(),
        engine_->parked()
    );
}

void record_node::turn() {
    for (std::size_t left = inbox_.size(); left > 0; --left) {
        const auto next = std::move(inbox_.front());
        inbox_.pop_front();
        next();
    }
    if (!inbox_.empty()) {
        turn_.schedule();
    }
}

void record_node::client_sends(
    client_id client,
    record_socket& socket,
    protocol::call_id call,
    byte_view key,
    protocol::call_flags flags
) {
    sockets_[client] = &socket;
    inbox_.push_back([this, client, call, flags, name = to_bytes(key)] {
        protocol::req_call body;
        body.db_id = simulated_db;
        body.call_id = call;
        body.key = name;
        body.flags = flags;
        engine_->client_call(client, reqid{++last_call_}, body);
    });
    turn_.schedule();
}

void record_node::client_closes(client_id client) {
    sockets_.erase(client);
    inbox_.push_back([this, client] {
        engine_->client_gone(client);
        gone_.insert(client);
    });
    turn_.schedule();
}

void record_node::later(std::chrono::microseconds delay, std::function<void()> what) {
    jobs_.remove_if([](const async::timer& job) { return !job.armed(); });
    jobs_.emplace_back(runtime_, std::move(what)).arm_in(delay);
}

void record_node::set_map(const protocol::vnn_map& map) {
    cluster_.trace(fmt::format("node {} gets map {}", me_, map.generation));
    map_ = map;
    engine_->set_vnn_map(map);
}

void record_node::freeze(std::function<void()> done) {
    freeze_waiters_.push_back(std::move(done));
    if (store_->is_frozen()) {
        tell_frozen();
    } else if (!std::exchange(freezing_, true)) {
        store_->freeze([this](result<>) {
            freezing_ = false;
            engine_->frozen();
            tell_frozen();
        });
    }
}

void record_node::tell_frozen() {
    for (const auto& waiter : std::exchange(freeze_waiters_, {})) {
        waiter();
    }
}

// WIPE and PUSH: receivers store through the normal rule inside the transaction.
void record_node::begin(const record_map& records, const protocol::vnn_map& map) {
    static_cast<void>(store_->begin_transaction());
    static_cast<void>(store_->wipe());
    for (const auto& [key, value] : records) {
        auto header = *protocol::header_of(value);
        const byte_view data = protocol::data_after_header(value);
        const ctdbd::store_place place{
            ctdbd::database_kind::volatile_db, me_, *protocol::lmaster_of(map, key)};
        const auto decision = ctdbd::decide_store(place, header, data.empty());
        if (decision.keep) {
            static_cast<void>(store_->write(key, protocol::join_header(decision.header, data)));
        }
    }
}

void record_node::commit(ctdb::generation generation) {
    cluster_.trace(fmt::format("node {} commits {}", me_, generation));
    store_->commit_transaction([](const result<>&) {});
    engine_->set_generation(generation);
}

void record_node::thaw() {
    cluster_.trace(fmt::format("node {} thaws", me_));
    store_->thaw();
    valid_data_ = true;
    engine_->thawed();
}

void record_node::stop() {
    cluster_.trace(fmt::format("node {} stops", me_));
    inactive_ = true;
    valid_data_ = false;
    map_.generation = invalid_generation;
    engine_->set_vnn_map(map_);
    engine_->set_generation(invalid_generation);
    freeze([] {});
}

void record_node::deliver(pnn from, byte_view packet) {
    receive(from, packet);
}

void record_node::connection_made(pnn /*to*/) {}

void record_node::connection_lost(pnn to) {
    std::vector<reqid> lost;
    for (const auto& [id, sent] : updates_) {
        if (sent.to == to) {
            lost.push_back(id);
        }
    }
    for (const reqid id : lost) {
        update_answered(id, false);
    }
    cluster_.connection_lost();
}

void record_node::update_answered(reqid id, bool ok) {
    const auto sent = updates_.extract(id);
    if (!sent.empty()) {
        engine_->update_answered(sent.mapped().ticket, sent.mapped().to, ok);
    }
}

// Like every control, not filtered by generation: the daemon refuses what is of another one
// (databases.md 12.1 #3).
void record_node::receive_update(const protocol::packet_header& header, byte_view record_buffer) {
    protocol::packet_header answer;
    answer.generation = map_.generation;
    answer.srcnode = me_;
    answer.destnode = header.srcnode;
    answer.reqid = header.reqid;
    const auto done = [this, answer](ctdbd::update_end how) {
        protocol::reply_control body;
        body.status = how == ctdbd::update_end::refused ? 1 : 0;
        transmit(answer, body);
    };
    const auto deadline = runtime_.now() + std::chrono::seconds(60); // ControlTimeout
    engine_->update(record_buffer, header.generation, deadline, done);
}

void record_node::receive(pnn from, byte_view packet) {
    const auto p = protocol::decode_packet(packet);
    if (!p) {
        cluster_.model().fail("packet does not decode: " + p.error().what);
        return;
    }
    if (const auto* control = std::get_if<protocol::req_control>(&p->body)) {
        receive_update(p->header, control->data);
        return;
    }
    if (const auto* answer = std::get_if<protocol::reply_control>(&p->body)) {
        update_answered(p->header.reqid, answer->status == 0);
        return;
    }
    const auto* error = std::get_if<protocol::reply_error>(&p->body);
    if (error == nullptr && p->header.generation != map_.generation) {
        return; // databases.md 0.5
    }
    if (const auto* call = std::get_if<protocol::req_call>(&p->body)) {
        cluster_.model().call_arrived(
            call->key, p->header.srcnode, p->header.reqid, call->hopcount
        );
        engine_->receive(from, p->header, *call);
    } else if (const auto* handover = std::get_if<protocol::req_dmaster>(&p->body)) {
        engine_->receive(p->header, *handover);
    } else if (const auto* arrival = std::get_if<protocol::reply_dmaster>(&p->body)) {
        engine_->receive(p->header, *arrival);
    } else if (const auto* reply = std::get_if<protocol::reply_call>(&p->body)) {
        engine_->receive(p->header, *reply);
    } else if (error != nullptr) {
        engine_->receive(p->header, *error);
    }
}

template <class Body>
bool record_node::transmit(const protocol::packet_header& header, const Body& body) {
    cluster_.trace(fmt::format(
        "node {} sends op {} id {} of node {} to node {} generation {}",
        me_,
        static_cast<int>(protocol::operation_of(body)),
        header.reqid,
        header.srcnode,
        header.destnode,
        header.generation
    ));
    bytes packet = protocol::encode(header, body);
    if (header.destnode != me_) {
        return cluster_.network().send(me_, header.destnode, std::move(packet));
    }
    inbox_.push_back([this, own = std::move(packet)] { receive(me_, own); });
    turn_.schedule();
    return true;
}

bool record_node::send(const protocol::packet_header& h, const protocol::req_call& b) {
    if (b.hopcount == 0) {
        cluster_.model().call_sent(b.key, h.srcnode, h.reqid);
    }
    return transmit(h, b);
}

bool record_node::send(const protocol::packet_header& h, const protocol::req_dmaster& b) {
    cluster_.model().role_sent(b.key, b.rsn, cluster_.copies(b.key, h.generation));
    return transmit(h, b);
}

bool record_node::send(const protocol::packet_header& h, const protocol::reply_dmaster& b) {
    cluster_.model().role_sent(b.key, b.rsn, cluster_.copies(b.key, h.generation));
    return transmit(h, b);
}

bool record_node::send(const protocol::packet_header& h, const protocol::reply_error& b) {
    return transmit(h, b);
}

bool record_node::send(const protocol::packet_header& h, const protocol::reply_call& b) {
    return transmit(h, b);
}

bool record_node::send_update(pnn to, db_id db, std::uint64_t ticket, bytes record_buffer) {
    static_cast<void>(db);
    protocol::packet_header header;
    header.generation = map_.generation;
    header.srcnode = me_;
    header.destnode = to;
    header.reqid = ids_.allocate();
    protocol::req_control body;
    body.opcode = protocol::controls::update_record::opcode;
    body.data = record_buffer;
    updates_[header.reqid] = {to, ticket};
    if (transmit(header, body)) {
        return true;
    }
    updates_.erase(header.reqid);
    return false;
}

void record_node::reply_to_client(
    client_id client, reqid /*id*/, std::int32_t status, byte_view head, byte_view data
) {
    if (gone_.contains(client)) {
        cluster_.model().fail(fmt::format("I29: client {} is answered after its death", client));
    }
    const auto socket = sockets_.find(client);
    if (socket != sockets_.end()) {
        bytes all = to_bytes(head);
        all.insert(all.end(), data.begin(), data.end());
        socket->second->replied(status, std::move(all));
    }
}

void record_node::refuse_client(
    client_id /*client*/, reqid /*id*/, std::int32_t /*status*/, std::string_view text
) {
    cluster_.model().fail(fmt::format("I9: a client is refused: {}", text));
}

void record_node::request_recovery(std::string_view reason) {
    cluster_.recovery_requested(reason);
}

void record_node::taken_up(byte_view key, std::uint64_t arrival, bool from_node) {
    if (from_node) {
        cluster_.model().taken_up(me_, life_, key, arrival);
    }
}

} // namespace ctdb::simulation
