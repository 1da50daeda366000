#include "tests/simulation/cluster/cluster_client.hpp"

#include "common/base/log.hpp"
#include "common/protocol/controls.hpp"
#include "common/protocol/hash.hpp"
#include "common/protocol/record_buffer.hpp"

#include <utility>

namespace ctdb::simulation {

using namespace std::chrono_literals;
using std::chrono::microseconds;
namespace controls = protocol::controls;

namespace {
constexpr srvid everybody{0x00000000000000A0};
constexpr int turn_tries_max = 40;
const bytes turn_key = to_bytes(view_of("g_lock"));
} // namespace

class cluster_client::link final : public ctdbd::client_link {
public:
    explicit link(std::shared_ptr<mailbox> to) : to_(std::move(to)) {}
    void send(bytes packet) override {
        if (to_->owner != nullptr) {
            to_->owner->received(std::move(packet));
        }
    }
    [[nodiscard]] std::size_t queued_packets() const override { return 0; }
    void close(std::string_view why) override {
        if (to_->owner != nullptr) {
            to_->owner->around_.model.fail(fmt::format("a client is thrown out: {}", why));
        }
    }

private:
    std::shared_ptr<mailbox> to_;
};

cluster_client::cluster_client(
    client_surroundings& around, cluster_node& node, std::uint32_t operations
)
    : around_(around), node_(&node), process_(++around.last_process),
      mailbox_(std::make_shared<mailbox>()), left_(operations),
      reading_(around.runtime, [this] { read_answers(); }), tasks_(around.runtime) {
    mailbox_->owner = this;
    around_.alive.insert(process_);
    id_ = node_->daemon().clients().connected(
        std::make_unique<link>(mailbox_), static_cast<pid_t>(10000 + process_)
    );
    tasks_.spawn(work());
}

cluster_client::~cluster_client() {
    mailbox_->owner = nullptr;
    around_.alive.erase(process_);
    tasks_.cancel_all();
    lock_wait_.reset();
    if (held_) {
        unlock();
    }
}

void cluster_client::die() {
    log_debug("CLIENT {} of node {} dies {}", process_, node(), doing_);
    node_->client_closes(id_);
}

std::string cluster_client::describe() const {
    return fmt::format("client {} of node {}: {} left, {}", process_, node_->self(), left_, doing_);
}

// ---- talking ----

protocol::packet_header cluster_client::header(pnn to, reqid id) const {
    protocol::packet_header h;
    h.destnode = to;
    h.reqid = id;
    return h;
}

void cluster_client::received(bytes packet) {
    inbox_.push_back(std::move(packet));
    reading_.schedule();
}

void cluster_client::read_answers() {
    for (; !inbox_.empty(); inbox_.pop_front()) {
        const auto packet = protocol::decode_packet(inbox_.front());
        if (!packet) {
            around_.model.fail("a packet to a client does not decode");
            continue;
        }
        answer a;
        if (const auto* call = std::get_if<protocol::reply_call>(&packet->body)) {
            a.status = call->status;
            a.data = to_bytes(call->data);
        } else if (const auto* said = std::get_if<protocol::reply_control>(&packet->body)) {
            a.status = said->status;
            a.data = to_bytes(said->data);
            a.text = text_of(said->error_text);
        } else if (const auto* error = std::get_if<protocol::reply_error>(&packet->body)) {
            a.status = error->status;
            a.text = text_of(error->message);
            a.refused = true;
        } else {
            ++messages_;
            continue;
        }
        const auto waiting = waiting_.extract(packet->header.reqid);
        if (waiting.empty()) {
            around_.model.fail("a client is answered what it did not ask: " + describe());
        } else {
            waiting.mapped()->set(std::move(a));
        }
    }
}

async::task<cluster_client::answer> cluster_client::ask(reqid id, bytes packet) {
    async::slot<answer> arrived(around_.runtime);
    waiting_[id] = &arrived;
    node_->client_sends(id_, std::move(packet));
    co_return co_await arrived.take();
}

async::task<cluster_client::answer> cluster_client::control(std::uint32_t opcode, bytes data) {
    const reqid id{++last_request_};
    protocol::req_control body;
    body.opcode = opcode;
    body.data = data;
    bytes packet = protocol::encode(header(protocol::current_node, id), body);
    co_return co_await ask(id, std::move(packet));
}

async::task<> cluster_client::pause(microseconds least, microseconds most) {
    co_await async::sleep_for(around_.runtime, around_.world.between(least, most));
}

// ---- life ----

async::task<> cluster_client::work() {
    co_await attach(controls::db_attach::opcode, volatile_name);
    counters_ = node_->file(std::string(volatile_name));
    co_await attach(controls::db_attach_persistent::opcode, persistent_name);
    ledger_ = node_->file(std::string(persistent_name));
    while (left_ > 0) {
        doing_ = "resting";
        const std::chrono::microseconds rest = around_.world.chance(30) ? 5ms : 1200ms;
        co_await pause(1ms, rest);
        const auto dice = around_.world.below(11);
        if (dice < 5) {
            co_await increment();
        } else if (dice < 6) {
            co_await remove();
        } else if (dice < 7) {
            co_await fetch();
        } else if (dice < 8) {
            co_await linger();
        } else {
            co_await transaction();
        }
        left_ = around_.closing ? 0 : left_ - 1;
    }
    doing_ = "done";
}

async::task<> cluster_client::attach(std::uint32_t opcode, std::string_view name) {
    doing_ = fmt::format("attaching {}", name);
    for (;;) {
        writer request;
        request.put_bytes(view_of(name));
        request.put_zeros(1);
        const answer said = co_await control(opcode, request.take());
        if (said.status == 0) {
            co_return;
        }
        co_await pause(100ms, 200ms);
    }
}

// ---- volatile records ----

async::task<> cluster_client::lock_chain(std::uint32_t chain) {
    if (counters_->try_lock(chain, owner_)) {
        held_ = chain;
        co_return;
    }
    async::slot<bool> locked(around_.runtime);
    const auto mine = [this, chain, &locked] {
        held_ = chain;
        locked.set(true);
    };
    lock_wait_ =
        std::make_unique<memory_file::wait>(counters_, chain, owner_, around_.runtime, mine);
    co_await locked.take();
    lock_wait_.reset();
}

async::task<> cluster_client::lock_record(bytes key) {
    const std::uint32_t chain = counters_->chain_of(key);
    for (;;) {
        doing_ = fmt::format("waiting for the lock of '{}'", text_of(key));
        co_await lock_chain(chain);
        const bytes* value = counters_->find(key);
        const bool here = value != nullptr && value->size() >= protocol::record_header_size &&
                          protocol::header_of(*value)->dmaster == node_->self();
        if (here) {
            co_return;
        }
        unlock();
        doing_ = fmt::format("asking for '{}'", text_of(key));
        protocol::req_call body;
        body.db_id = protocol::db_id_of(volatile_name);
        body.key = key;
        body.flags = protocol::call_flag::immediate_migration;
        const reqid id{++last_request_};
        bytes packet = protocol::encode(header(protocol::current_node, id), body);
        const answer said = co_await ask(id, std::move(packet));
        if (said.status != 0 || said.refused) {
            around_.model.fail(
                fmt::format("I9: {}: status {} {}", describe(), said.status, said.text)
            );
        }
    }
}

void cluster_client::unlock() {
    counters_->unlock(*held_, owner_);
    held_.reset();
}

void cluster_client::write_record(const bytes& key, byte_view data) {
    const auto head = *protocol::header_of(*counters_->find(key)); // as it was read
    counters_->write(key, protocol::join_header(head, data));
}

async::task<> cluster_client::increment() {
    const auto number = static_cast<std::uint32_t>(around_.world.below(counter_keys));
    const bytes key = counter_key(number);
    co_await lock_record(key);
    doing_ = fmt::format("incrementing '{}'", text_of(key));
    const auto now = [this, &key] {
        return decode_counter(protocol::data_after_header(*counters_->find(key)));
    };
    around_.model.saw(*node_, number, now());
    const std::chrono::microseconds holds = around_.world.chance(5) ? 300ms : 300us;
    co_await pause(0us, holds);
    const counter_value next = around_.model.increment(*node_, number, now());
    write_record(key, encode_counter(next));
    log_debug("CLIENT {} writes {} as {} on node {}", process_, text_of(key), next.stamp, node());
    unlock();
}

// As Samba deletes: the value goes, the header stays, the daemon is told.
async::task<> cluster_client::remove() {
    const auto number = static_cast<std::uint32_t>(around_.world.below(counter_keys));
    const bytes key = counter_key(number);
    co_await lock_record(key);
    doing_ = fmt::format("deleting '{}'", text_of(key));
    const auto now = [this, &key] {
        return decode_counter(protocol::data_after_header(*counters_->find(key)));
    };
    const rsn at = protocol::header_of(*counters_->find(key))->rsn;
    around_.model.remove(*node_, number, now(), at);
    write_record(key, {});
    log_debug("CLIENT {} deletes {} on node {}", process_, text_of(key), node());
    schedule_for_deletion(key);
    unlock();
}

// It comes to a halt with the lock of a record, wherever that lives: vacuuming must leave this
// node's copy alone, and a recovery wait for it.
async::task<> cluster_client::linger() {
    const bytes key = counter_key(static_cast<std::uint32_t>(around_.world.below(counter_keys)));
    doing_ = fmt::format("lingering over '{}'", text_of(key));
    co_await lock_chain(counters_->chain_of(key));
    co_await pause(100ms, 2500ms);
    unlock();
}

void cluster_client::schedule_for_deletion(const bytes& key) {
    const protocol::key_data what{
        protocol::db_id_of(volatile_name), *protocol::header_of(*counters_->find(key)), key};
    const bytes data = protocol::encode_request<controls::schedule_for_deletion>(what);
    protocol::req_control body;
    body.opcode = controls::schedule_for_deletion::opcode;
    body.flags = protocol::control_flag::noreply;
    body.data = data;
    node_->client_sends(id_, protocol::encode(header(protocol::current_node, reqid{0}), body));
}

// A read without a lock: only that it is answered counts.
async::task<> cluster_client::fetch() {
    const auto number = static_cast<std::uint32_t>(around_.world.below(counter_keys));
    const bytes key = counter_key(number);
    doing_ = fmt::format("fetching '{}'", text_of(key));
    protocol::req_call body;
    body.db_id = protocol::db_id_of(volatile_name);
    body.call_id = protocol::call_id::fetch;
    body.key = key;
    const reqid id{++last_request_};
    bytes packet = protocol::encode(header(protocol::current_node, id), body);
    const answer said = co_await ask(id, std::move(packet));
    if (said.status != 0 || said.refused) {
        around_.model.fail(fmt::format("I9: {}: status {} {}", describe(), said.status, said.text));
    }
}

// ---- transactions ----

async::task<bool> cluster_client::take_turn() {
    for (int tries = 0; tries < turn_tries_max; ++tries) {
        co_await lock_record(turn_key);
        const auto holder =
            decode_counter(protocol::data_after_header(*counters_->find(turn_key))).counter;
        const bool free = holder == 0 || holder == process_ || !around_.alive.contains(holder);
        if (free) {
            write_record(turn_key, encode_counter({process_, 1}));
        }
        unlock();
        if (free) {
            co_return true;
        }
        co_await pause(10ms, 100ms);
    }
    co_return false;
}

async::task<> cluster_client::end_turn() {
    co_await lock_record(turn_key);
    const auto holder =
        decode_counter(protocol::data_after_header(*counters_->find(turn_key))).counter;
    if (holder == process_) {
        write_record(turn_key, encode_counter({0, 1}));
    }
    unlock();
}

async::task<ledger> cluster_client::read_when_thawed() {
    while (ledger_->all_locked()) {
        co_await pause(1ms, 10ms);
    }
    co_return read_ledger(*ledger_);
}

bytes cluster_client::change(const ledger& before, std::uint64_t transaction) const {
    std::vector<std::uint64_t> list = before.first;
    list.push_back(transaction);
    protocol::record_buffer_writer buffer(protocol::db_id_of(persistent_name));
    const auto append = [&](byte_view key, byte_view data) {
        const bytes* old = ledger_->find(key);
        protocol::record_header head =
            old == nullptr ? protocol::record_header{} : *protocol::header_of(*old);
        ++head.rsn.value;
        head.dmaster = node_->self();
        buffer.append(key, head, data);
    };
    const bytes data = encode_list(list);
    append(ledger_key(1), data);
    append(ledger_key(2), data);
    append(protocol::sequence_number_key(), encode_list({before.sequence_number + 1}));
    return buffer.take();
}

async::task<> cluster_client::transaction() {
    doing_ = "waiting for its turn";
    const bool mine = co_await take_turn();
    if (!mine) {
        co_return;
    }
    doing_ = "reading the ledger";
    const ledger before = co_await read_when_thawed();
    const std::uint64_t number = ++around_.last_transaction;
    co_await commit(number, before, change(before, number));
    co_await end_turn();
}

// databases.md 7.1 point 4: the sequence number tells what became of a refused commit (I20).
async::task<> cluster_client::commit(std::uint64_t number, ledger before, bytes buffer) {
    for (;;) {
        doing_ = fmt::format("committing transaction {}", number);
        const answer said = co_await control(controls::trans3_commit::opcode, buffer);
        if (said.status == 0) {
            around_.acknowledged.insert(number);
            around_.model.acknowledged(*node_, number);
            co_return;
        }
        doing_ = fmt::format("looking for transaction {}: {}", number, said.text);
        co_await pause(10ms, 50ms);
        const ledger now = co_await read_when_thawed();
        if (now.sequence_number == before.sequence_number + 1 && now.has(number)) {
            around_.acknowledged.insert(number);
            around_.model.acknowledged(*node_, number);
            co_return;
        }
        if (now.sequence_number != before.sequence_number) {
            ++around_.turns_lost; // somebody else had the turn as well
            co_return;
        }
    }
}

// ---- messages ----

void cluster_client::listen() {
    protocol::req_control body;
    body.opcode = controls::register_srvid::opcode;
    body.srvid = everybody;
    const reqid id{++last_request_};
    const auto registered = [](cluster_client* self, reqid with) -> async::task<> {
        async::slot<answer> arrived(self->around_.runtime);
        self->waiting_[with] = &arrived;
        const answer said = co_await arrived.take();
        if (said.status != 0) {
            self->around_.model.fail("an address is not registered: " + self->describe());
        }
    };
    tasks_.spawn(registered(this, id));
    node_->client_sends(id_, protocol::encode(header(protocol::current_node, id), body));
}

void cluster_client::shout() {
    const bytes text = to_bytes(view_of("hello"));
    const protocol::req_message body{everybody, text};
    ++around_.messages_sent;
    node_->client_sends(
        id_, protocol::encode(header(protocol::broadcast_connected, reqid{0}), body)
    );
}

} // namespace ctdb::simulation
