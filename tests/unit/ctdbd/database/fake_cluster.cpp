#include "tests/unit/ctdbd/database/fake_cluster.hpp"

#include "common/async/combinators.hpp"
#include "common/async/slot.hpp"
#include "common/protocol/control.hpp"
#include "common/protocol/hash.hpp"
#include "ctdbd/database/record/record_engine.hpp"

#include <algorithm>

namespace ctdb::testing {

namespace controls = protocol::controls;
using ctdbd::answer;
using ctdbd::asker;

// ---- node: what it is ----

fake_node::fake_node(fake_cluster& cluster, pnn self)
    : cluster_(cluster), self_(self), files(cluster.rt, fmt::format("/node{}/", self)),
      databases(*this, files, {}), commits(*this, databases), traverses(*this, databases),
      vacuum(*this, databases, vacuum_doors()) {
    serve_cluster_controls();
    serve_database_controls();
    serve_recovery_controls();
    serve_vacuum_controls();
    databases.on_detach([this](ctdbd::database& db) {
        commits.database_gone(db.id());
        traverses.database_gone(db.id());
        vacuum.database_gone(db.id());
    });
}

fake_node::~fake_node() = default;

async::runtime& fake_node::runtime() {
    return cluster_.rt;
}

std::vector<pnn> fake_node::active_nodes() const {
    return cluster_.expand(protocol::broadcast_active);
}

std::size_t fake_node::nodes_without_flags() const {
    return static_cast<std::size_t>(std::ranges::count_if(cluster_.nodes, [](const auto& n) {
        return n->flags.none();
    }));
}

bool fake_node::all_active_are_ours() const {
    return std::ranges::all_of(cluster_.nodes, [](const auto& n) {
        return n->is_inactive() || n->capabilities.has(protocol::capability::ours);
    });
}

bool fake_node::is_ours(pnn node) const {
    return cluster_[node.value].capabilities.has(protocol::capability::ours);
}

void fake_node::request_recovery(const std::string& reason) {
    recoveries_wanted.push_back(reason);
    mode = protocol::recovery_mode::active;
}

void fake_node::deliver_traverse(ctdb::srvid address, byte_view data) {
    delivered.emplace_back(address, to_bytes(data));
}

protocol::node_map fake_node::node_map() const {
    protocol::node_map nodes;
    for (const auto& n : cluster_.nodes) {
        protocol::node_and_flags node;
        node.pnn = n->self_;
        node.flags = n->flags;
        if (!cluster_.connected(n->self_)) {
            node.flags |= protocol::node_flag::disconnected;
        }
        nodes.nodes.push_back(node);
    }
    return nodes;
}

// ---- node: as a port ----

class fake_node::subscription final : public client::message_subscription {
public:
    using place = std::multimap<srvid, std::function<void(byte_view)>>::iterator;
    subscription(fake_node& node, place at) : node_(node), at_(at) {}
    ~subscription() override { node_.listeners_.erase(at_); }

private:
    fake_node& node_;
    place at_;
};

std::unique_ptr<client::message_subscription>
fake_node::subscribe(ctdb::srvid address, std::function<void(byte_view data)> handler) {
    return std::make_unique<subscription>(*this, listeners_.emplace(address, std::move(handler)));
}

void fake_node::hear(srvid address, byte_view data) {
    const auto [begin, end] = listeners_.equal_range(address);
    for (auto i = begin; i != end; ++i) {
        i->second(data);
    }
}

void fake_node::message(pnn to, ctdb::srvid address, byte_view data) {
    if (cluster_.connected(to)) {
        cluster_.deliver([this, to, address, copy = to_bytes(data)] {
            cluster_[to.value].hear(address, copy);
        });
    }
}

void fake_node::control_without_reply(client::control_call call) {
    for (const pnn to : cluster_.expand(call.to)) {
        client::control_call one = call;
        one.to = to;
        cluster_.send_control(self_, one, [](const client::control_answer&) {});
    }
}

namespace {

async::task<client::control_answer>
wait_for_answer(std::shared_ptr<async::slot<client::control_answer>> arrived) {
    co_return co_await arrived->take();
}

} // namespace

async::task<result<client::control_answer>>
fake_node::control(client::control_call call, async::time_point deadline) {
    if (!cluster_.connected(call.to)) {
        co_return fail(ENOTCONN, "node {} is not connected", call.to);
    }
    const auto arrived = std::make_shared<async::slot<client::control_answer>>(cluster_.rt);
    const auto keep = [arrived](client::control_answer a) { arrived->set(std::move(a)); };
    cluster_.send_control(self_, call, keep);
    auto waiting = wait_for_answer(arrived);
    async::before_deadline<client::control_answer> timed(cluster_.rt, std::move(waiting), deadline);
    auto got = co_await timed;
    if (!got) {
        co_return fail(ETIMEDOUT, "node {}: no answer", call.to);
    }
    co_return std::move(*got);
}

// ---- node: its controls ----

namespace {

template <class Reply>
client::control_answer as_answer(const answer<Reply>& outcome) {
    client::control_answer said;
    if (!outcome) {
        said.status = outcome.error().status;
        said.text = outcome.error().text;
        return said;
    }
    said.status = 0;
    if constexpr (!std::is_void_v<Reply>) {
        said.data = protocol::encode(*outcome);
    }
    return said;
}

client::control_answer malformed(const error& why) {
    client::control_answer said;
    said.text = why.what;
    return said;
}

} // namespace

template <class Control, class Handler>
void fake_node::on(Handler handler) {
    handlers_[Control::opcode] =
        [handler](const client::control_call& call, const asker& who, const control_reply& reply) {
            const auto request = protocol::decode_request<Control>(call.data);
            reply(request ? as_answer(handler(*request, who)) : malformed(request.error()));
        };
}

template <class Control, class Handler>
void fake_node::on_later(Handler handler) {
    using reply_type = std::conditional_t<
        std::is_same_v<typename Control::reply, protocol::none>,
        void,
        typename Control::reply>;
    handlers_[Control::opcode] =
        [handler](const client::control_call& call, const asker& who, const control_reply& reply) {
            const auto request = protocol::decode_request<Control>(call.data);
            if (!request) {
                reply(malformed(request.error()));
                return;
            }
            handler(*request, who, [reply](const answer<reply_type>& outcome) {
                reply(as_answer(outcome));
            });
        };
}

void fake_node::serve(const client::control_call& call, const asker& who, control_reply reply) {
    const auto found = handlers_.find(call.opcode);
    if (found == handlers_.end()) {
        reply(client::control_answer{});
        return;
    }
    found->second(call, who, reply);
}

answer<> fake_node::change_mode(protocol::recovery_mode wanted) {
    if (wanted == protocol::recovery_mode::normal && refuses_normal_mode) {
        return ctdbd::refuse("the cluster lock can be taken");
    }
    if (wanted == protocol::recovery_mode::normal && mode != wanted) {
        if (auto same = databases.check_generations(); !same) {
            return same;
        }
        databases.end_node_freeze();
        databases.attaches_may_go_on();
    }
    mode = wanted;
    return {};
}

void fake_node::serve_cluster_controls() {
    using protocol::none;
    on<controls::get_all_tunables>([this](none, const asker&) -> answer<protocol::tunable_list> {
        return tunable_values;
    });
    on<controls::get_node_map>([this](none, const asker&) -> answer<protocol::node_map> {
        return node_map();
    });
    on<controls::get_capabilities>([this](none, const asker&) -> answer<protocol::capabilities> {
        return capabilities;
    });
    on<controls::set_recovery_mode>([this](protocol::recovery_mode wanted, const asker&) {
        return change_mode(wanted);
    });
    on<controls::start_recovery>([](none, const asker&) -> answer<> { return {}; });
    on<controls::end_recovery>([this](none, const asker&) -> answer<> {
        commits.recovery_ended();
        return {};
    });
    on<controls::set_vnn_map>([this](const protocol::vnn_map& wanted, const asker&) -> answer<> {
        map = wanted;
        databases.vnn_map_changed();
        return {};
    });
    on<controls::get_vnn_map>([this](none, const asker&) -> answer<protocol::vnn_map> {
        return map;
    });
    on<controls::set_ban_state>([this](const protocol::ban_state& ban, const asker&) -> answer<> {
        ban_seconds = ban.seconds;
        return {};
    });
}

void fake_node::serve_database_controls() {
    using namespace protocol;
    const auto attach = [this](db_flags kind) {
        return [this, kind](const std::string& name, const asker& who, auto reply) {
            databases.attach(kind, name, who, reply);
        };
    };
    on_later<controls::db_attach>(attach(db_flags{}));
    on_later<controls::db_attach_persistent>(attach(db_flag::persistent));
    on_later<controls::db_attach_replicated>(attach(db_flag::replicated));
    on<controls::get_db_map>([this](none, const asker&) -> answer<dbid_map> {
        return databases.db_map();
    });
    on<controls::get_db_name>([this](db_id id, const asker&) { return databases.name(id); });
    on<controls::update_seqnum>([this](db_id id, const asker& who) {
        return databases.update_seqnum(id, who);
    });
    on<controls::traverse_node>([this](const traverse_all& t, const asker& who) {
        return traverses.walk({t.db_id, t.reqid, t.pnn, t.client_reqid, t.srvid, false}, who);
    });
    on<controls::traverse_node_ext>([this](const traverse_all_ext& t, const asker& who) {
        return traverses.walk(t, who);
    });
    on<controls::kill_traverse>([this](const traverse_start& t, const asker& who) {
        return traverses.kill(t, who);
    });
    handlers_[controls::traverse_data::opcode] =
        [this](const client::control_call& call, const asker& who, const control_reply& reply) {
            reply(as_answer(traverses.data(call.data, who)));
        };
    handlers_[controls::update_record::opcode] =
        [this](const client::control_call& call, const asker& who, const control_reply& reply) {
            databases.update_record(call.data, who, [reply](const answer<>& a) {
                reply(as_answer(a));
            });
        };
}

void fake_node::serve_recovery_controls() {
    using namespace protocol;
    on_later<controls::get_db_seqnum>([this](padded_db_id db, const asker&, auto reply) {
        databases.sequence_number(db.db_id, reply);
    });
    on_later<controls::db_freeze>([this](db_id id, const asker&, auto reply) {
        databases.freeze(id, reply);
    });
    on<controls::db_thaw>([this](db_id id, const asker&) { return databases.thaw(id); });
    on<controls::db_transaction_start>([this](const transdb& t, const asker&) {
        return databases.begin(t);
    });
    on_later<controls::db_transaction_commit>([this](const transdb& t, const asker&, auto reply) {
        databases.commit(t, reply);
    });
    on<controls::wipe_database>([this](const transdb& t, const asker&) { return databases.wipe(t); }
    );
    on_later<controls::db_pull>([this](const pulldb_ext& p, const asker& who, auto reply) {
        databases.pull(p, who, reply);
    });
    on<controls::db_push_start>([this](const pulldb_ext& p, const asker&) {
        return databases.push_start(p);
    });
    on_later<controls::db_push_confirm>([this](db_id id, const asker&, auto reply) {
        databases.push_confirm(id, reply);
    });
}

ctdbd::vacuum_service::doors fake_node::vacuum_doors() {
    ctdbd::vacuum_service::doors doors;
    doors.fetch = [this](ctdbd::database&, byte_view key, reqid id) {
        fetches.push_back({std::string(text_of(key)), id});
    };
    doors.forget = [this](ctdbd::database&) { ++fetches_forgotten; };
    return doors;
}

void fake_node::serve_vacuum_controls() {
    handlers_[controls::vacuum_fetch::opcode] =
        [this](const client::control_call& call, const asker& who, const control_reply& reply) {
            reply(as_answer(vacuum.fetch_wanted(call.data, who)));
        };
    handlers_[controls::try_delete_records::opcode] =
        [this](const client::control_call& call, const asker& who, const control_reply& reply) {
            vacuum.try_delete_records(
                call.data,
                who,
                [reply](const answer<protocol::record_buffer>& kept) {
                    client::control_answer said;
                    if (kept) {
                        said.status = 0;
                        said.data = protocol::encode_reply<controls::try_delete_records>(*kept);
                    }
                    reply(said);
                }
            );
        };
}

// ---- cluster ----

fake_cluster::fake_cluster(std::uint32_t count) : carry_(rt, [this] { carry(); }) {
    for (std::uint32_t i = 0; i < count; ++i) {
        nodes.push_back(std::make_unique<fake_node>(*this, pnn{i}));
    }
}

fake_cluster::~fake_cluster() = default;

void fake_cluster::deliver(std::function<void()> packet) {
    packets_.push_back(std::move(packet));
    carry_.schedule();
}

void fake_cluster::carry() {
    const auto next = std::move(packets_.front());
    packets_.pop_front();
    if (!packets_.empty()) {
        carry_.schedule();
    }
    next();
}

std::vector<pnn> fake_cluster::expand(pnn to) const {
    if (!protocol::is_broadcast(to)) {
        return {to};
    }
    std::vector<pnn> all;
    for (std::uint32_t i = 0; i < nodes.size(); ++i) {
        const bool left_out =
            to == protocol::broadcast_active && protocol::is_inactive(nodes[i]->flags);
        if (connected(pnn{i}) && !left_out) {
            all.push_back(pnn{i});
        }
    }
    return all;
}

void fake_cluster::send_control(
    pnn from, const client::control_call& call, fake_node::control_reply reply
) {
    if (!connected(call.to)) {
        return;
    }
    const generation g = nodes[from.value]->map.generation;
    deliver([this, from, call, g, reply] { serve_at(from, call.to, call, g, reply); });
}

void fake_cluster::serve_at(
    pnn from,
    pnn to,
    const client::control_call& call,
    generation g,
    const fake_node::control_reply& reply
) {
    const auto planned = faults_.find({to, call.opcode});
    if (planned != faults_.end() && planned->second.left > 0) {
        --planned->second.left;
        if (planned->second.what == fault::refuses) {
            deliver([reply] { reply(client::control_answer{}); });
        }
        return;
    }
    trace.push_back(fmt::format("{} {}", to, protocol::opcode_name(call.opcode)));
    last_payload[call.opcode] = call.data;
    asker who;
    who.node = from;
    who.generation = g;
    who.flags = call.flags;
    const auto lie = lies_.find({to, call.opcode});
    const auto instead = lie == lies_.end() ? std::nullopt : std::optional(lie->second);
    nodes[to.value]->serve(call, who, [this, reply, instead](client::control_answer said) {
        said.data = instead.value_or(said.data);
        deliver([reply, said] { reply(said); });
    });
}

void fake_cluster::inject(pnn node, std::uint32_t opcode, fault what, int times) {
    faults_[{node, opcode}] = {what, times};
}

void fake_cluster::falsify(pnn node, std::uint32_t opcode, bytes answer) {
    lies_[{node, opcode}] = std::move(answer);
}

void fake_cluster::disconnect(pnn node) {
    disconnected_.insert(node);
}

std::ptrdiff_t fake_cluster::last_in_trace(std::string_view line) const {
    const auto found = std::find(trace.rbegin(), trace.rend(), line);
    return found == trace.rend() ? -1 : trace.rend() - found - 1;
}

std::ptrdiff_t fake_cluster::first_in_trace(std::string_view line) const {
    const auto found = std::find(trace.begin(), trace.end(), line);
    return found == trace.end() ? -1 : found - trace.begin();
}

void fake_cluster::make_normal(generation g) {
    for (const auto& node : nodes) {
        node->map.generation = g;
        node->map.map = expand(protocol::broadcast_active);
        node->mode = protocol::recovery_mode::normal;
        for (const auto& db : node->databases.all()) {
            db->set_generation(g);
            db->thaw();
        }
        node->databases.vnn_map_changed();
    }
}

} // namespace ctdb::testing
