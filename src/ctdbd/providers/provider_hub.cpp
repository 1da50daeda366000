#include "ctdbd/providers/provider_hub.hpp"

#include "common/async/combinators.hpp"
#include "common/base/log.hpp"
#include "common/protocol/controls.hpp"

#include <algorithm>

namespace ctdb::ctdbd {

namespace {

std::string_view owner_name(std::uint32_t opcode) {
    return protocol::owner_of(opcode) == protocol::owner::contrackd ? "contrackd" : "failoverd";
}

} // namespace

struct provider_hub::provider_state {
    std::unique_ptr<provider_link> link;
    std::int32_t pid = 0;
    std::string name; // empty: not registered yet
    std::set<std::uint32_t> opcodes;
    std::vector<registration_id> messages;
    std::set<client_id> clients; // P3
    async::time_point heard;
};

// A control that a provider has or will get.
struct provider_hub::waiting_request {
    provider::request request;
    std::function<void(client::control_answer)> reply;
    provider_number with = 0; // 0: held until somebody registers
    std::unique_ptr<async::timer> limit;
};

struct provider_hub::waiting_event {
    explicit waiting_event(async::runtime& rt) : all_in(rt) {}
    std::vector<event_outcome> outcomes;
    std::map<std::uint32_t, std::size_t> open; // number -> index of the outcome
    std::map<std::uint32_t, provider_number> who;
    async::slot<bool> all_in;
    void settle(std::uint32_t number, std::int32_t status, std::string text) {
        const auto found = open.find(number);
        outcomes[found->second].status = status;
        outcomes[found->second].text = std::move(text);
        open.erase(found);
        if (open.empty()) {
            all_in.set(true);
        }
    }
};

provider_hub::provider_hub(router& r, provider_events events)
    : router_(r), events_(std::move(events)), heartbeat_(r.runtime(), [this] { beat(); }) {}

provider_hub::~provider_hub() = default;

// ---- connections ----

provider_number provider_hub::connected(std::unique_ptr<provider_link> link, std::int32_t pid) {
    auto state = std::make_unique<provider_state>();
    state->link = std::move(link);
    state->pid = pid;
    state->heard = router_.runtime().now();
    if (!heartbeat_.armed()) {
        last_beat_ = state->heard;
    }
    const provider_number number = next_provider_++;
    providers_.emplace(number, std::move(state));
    if (!heartbeat_.armed()) {
        heartbeat_.arm_about(heartbeat_every);
    }
    return number;
}

void provider_hub::packet(provider_number from, byte_view raw) {
    const auto found = providers_.find(from);
    if (found == providers_.end()) {
        return;
    }
    const result<provider::packet> decoded = provider::decode(raw);
    if (!decoded) {
        drop(from, decoded.error().what);
        return;
    }
    found->second->heard = router_.runtime().now();
    take(*found->second, *decoded);
}

void provider_hub::take(provider_state& from, const provider::packet& p) {
    if (const auto* wanted = std::get_if<provider::register_provider>(&p.message)) {
        take_registration(from, *wanted);
    } else if (const auto* answer = std::get_if<provider::answer>(&p.message)) {
        take_answer(from, p.number, *answer);
    } else if (const auto* ack = std::get_if<provider::acknowledge>(&p.message)) {
        take_acknowledge(p.number, *ack);
    } else if (const auto* health = std::get_if<provider::set_health>(&p.message)) {
        if (from.name == "serviced") {
            events_.health(health->healthy, health->reason);
        }
    } else if (const auto* published = std::get_if<provider::publish_answer>(&p.message)) {
        if (from.opcodes.contains(published->opcode)) {
            published_[published->opcode] = published->data;
        }
    } else if (const auto* holding = std::get_if<provider::set_holding>(&p.message)) {
        events_.holding(holding->count);
    }
    // A heartbeat has done its work by arriving.
}

std::string provider_hub::refusal_of(const provider::register_provider& wanted) const {
    if (wanted.version != provider::protocol_version) {
        return fmt::format(
            "provider protocol {}, ctdbd speaks {}: restart the older of the two",
            wanted.version,
            provider::protocol_version
        );
    }
    if (wanted.name.empty()) {
        return "a provider needs a name";
    }
    for (const auto& [number, state] : providers_) {
        for (const std::uint32_t opcode : wanted.opcodes) {
            if (state->name != wanted.name && state->opcodes.contains(opcode)) {
                return fmt::format("control {} is served by {}", opcode, state->name);
            }
        }
    }
    return {};
}

void provider_hub::take_registration(
    provider_state& from, const provider::register_provider& wanted
) {
    provider::registered reply;
    reply.self = router_.self();
    reply.heartbeat_ms = static_cast<std::uint32_t>(heartbeat_every.count());
    reply.silence_limit_ms =
        static_cast<std::uint32_t>(std::chrono::milliseconds(silence_limit).count());
    reply.text = refusal_of(wanted);
    if (!reply.text.empty()) {
        reply.status = EINVAL;
        log_error("provider {} (pid {}) refused: {}", wanted.name, from.pid, reply.text);
        send(from, 0, reply);
        from.link->close();
        return;
    }
    for (const auto& [number, state] : providers_) {
        if (state.get() != &from && state->name == wanted.name) { // P1
            drop(number, "replaced by a new registration");
            break;
        }
    }
    from.name = wanted.name;
    from.opcodes.insert(wanted.opcodes.begin(), wanted.opcodes.end());
    subscribe_messages(from, wanted);
    send(from, 0, reply);
    log_notice("{} (pid {}) serves {} controls", from.name, from.pid, from.opcodes.size());
    events_.registered(from.name);
    hand_over_held(from);
}

void provider_hub::subscribe_messages(
    provider_state& from, const provider::register_provider& wanted
) {
    provider_state* to = &from; // lives until forget(), which takes the registrations back
    for (const srvid address : wanted.srvids) {
        from.messages.push_back(router_.registry().add(
            address,
            client_id{0},
            [this, to](srvid id, byte_view data) {
                send(*to, 0, provider::deliver{id, unknown_pnn, to_bytes(data)});
            }
        ));
    }
}

void provider_hub::drop(provider_number which, std::string_view why) {
    const auto found = providers_.find(which);
    if (found != providers_.end()) {
        log_warning("connection of {} ended: {}", found->second->name, why);
        found->second->link->close();
        forget(which);
    }
}

void provider_hub::provider_gone(provider_number which) {
    const auto found = providers_.find(which);
    if (found != providers_.end()) {
        log_warning("{} (pid {}) has gone", found->second->name, found->second->pid);
        forget(which);
    }
}

void provider_hub::forget(provider_number which) {
    const auto node = providers_.extract(which);
    const provider_state& gone = *node.mapped();
    for (const registration_id id : gone.messages) {
        router_.registry().remove(id);
    }
    std::vector<std::uint32_t> lost;
    for (const auto& [number, waiting] : requests_) {
        if (waiting->with == which) {
            lost.push_back(number);
        }
    }
    std::for_each(lost.begin(), lost.end(), [this](std::uint32_t number) { give_up(number); });
    std::vector<std::uint32_t> unacknowledged;
    for (const auto& [number, event] : event_acks_) {
        if (event->who.at(number) == which) {
            unacknowledged.push_back(number);
        }
    }
    for (const std::uint32_t number : unacknowledged) {
        const auto ack = event_acks_.extract(number);
        ack.mapped()->settle(number, ENOTCONN, "provider has gone");
    }
    if (!gone.name.empty()) {
        events_.lost(gone.name);
    }
}

// ---- requests ----

bool provider_hub::is_provided(std::uint32_t opcode) {
    return protocol::is_live(opcode) && protocol::owner_of(opcode) != protocol::owner::ctdbd;
}

provider_hub::provider_state* provider_hub::by_name(const std::string& name) {
    for (const auto& [number, state] : providers_) {
        if (state->name == name) {
            return state.get();
        }
    }
    return nullptr;
}

bool provider_hub::present(const std::string& name) const {
    return std::any_of(providers_.begin(), providers_.end(), [&name](const auto& entry) {
        return entry.second->name == name;
    });
}

void provider_hub::request(
    const control_request& request, std::function<void(client::control_answer)> reply
) {
    auto waiting = std::make_unique<waiting_request>();
    waiting->request.from = {request.origin.client, 0, request.origin.node};
    if (request.origin.is_local_client()) {
        waiting->request.from.pid = events_.pid_of(request.origin.client);
    }
    waiting->request.flags = request.flags;
    waiting->request.opcode = request.opcode;
    waiting->request.srvid = request.srvid;
    waiting->request.data = to_bytes(request.data);
    waiting->reply = std::move(reply);
    const std::uint32_t number = next_number_++;
    waiting_request& added = *requests_.emplace(number, std::move(waiting)).first->second;
    for (const auto& [id, state] : providers_) {
        if (state->opcodes.contains(request.opcode)) {
            added.with = id;
            hand_over(*state, number, added);
            return;
        }
    }
    added.limit =
        std::make_unique<async::timer>(router_.runtime(), [this, number] { give_up(number); });
    added.limit->arm_in(absence_limit);
}

void provider_hub::hand_over(provider_state& to, std::uint32_t number, waiting_request& waiting) {
    if (waiting.request.from.client.value != 0) {
        to.clients.insert(waiting.request.from.client);
    }
    waiting.limit.reset(); // ControlTimeout is whoever's who asked
    send(to, number, waiting.request);
}

void provider_hub::hand_over_held(provider_state& to) {
    for (const auto& [id, state] : providers_) {
        if (state.get() != &to) {
            continue;
        }
        for (const auto& [number, waiting] : requests_) {
            if (waiting->with == 0 && to.opcodes.contains(waiting->request.opcode)) {
                waiting->with = id;
                hand_over(to, number, *waiting);
            }
        }
    }
}

void provider_hub::take_answer(
    provider_state& from, std::uint32_t number, const provider::answer& a
) {
    auto found = requests_.find(number);
    if (found == requests_.end()) {
        log_info("{}: answer {} to no request", from.name, number);
        return;
    }
    const auto reply = std::move(found->second->reply);
    requests_.erase(found);
    client::control_answer answer;
    answer.status = a.status;
    answer.data = a.data;
    answer.text = a.text;
    reply(std::move(answer));
}

// P2
void provider_hub::give_up(std::uint32_t number) {
    auto node = requests_.extract(number);
    if (node.empty()) {
        return;
    }
    const std::uint32_t opcode = node.mapped()->request.opcode;
    client::control_answer answer;
    const auto published = published_.find(opcode);
    if (published != published_.end()) {
        answer.status = protocol::status::ok;
        answer.data = published->second;
    } else if (opcode == protocol::controls::get_public_ips::opcode) {
        // A leader must be able to go on: this node knows no addresses and can host none.
        answer.status = protocol::status::ok;
        answer.data = protocol::encode(protocol::public_ip_list{});
    } else if (opcode == protocol::controls::get_ifaces::opcode) {
        answer.status = protocol::status::ok;
        answer.data = protocol::encode(protocol::iface_list{});
    } else {
        answer.text = fmt::format("{} not available", owner_name(opcode));
    }
    node.mapped()->reply(std::move(answer));
}

void provider_hub::client_ended(client_id client) {
    for (const auto& [number, state] : providers_) {
        if (state->clients.erase(client) != 0) {
            send(*state, 0, provider::client_gone{client, events_.pid_of(client)});
        }
    }
}

// ---- events ----

void provider_hub::send(provider_state& to, std::uint32_t number, const provider::message& m) {
    to.link->send(provider::encode(number, m));
}

void provider_hub::tell_all(const provider::message& event) {
    for (const auto& [number, state] : providers_) {
        if (!state->name.empty()) {
            send(*state, 0, event);
        }
    }
}

void provider_hub::tell(const std::string& name, const provider::message& event) {
    if (provider_state* to = by_name(name)) {
        send(*to, 0, event);
    }
}

async::task<std::vector<event_outcome>>
provider_hub::ask(std::string name, provider::message event, async::time_point deadline) {
    waiting_event waiting(router_.runtime());
    for (const auto& [id, state] : providers_) {
        if (state->name.empty() || (!name.empty() && state->name != name)) {
            continue;
        }
        const std::uint32_t number = next_number_++;
        waiting.open.emplace(number, waiting.outcomes.size());
        waiting.who.emplace(number, id);
        waiting.outcomes.push_back(event_outcome{state->name, ETIMEDOUT, "no acknowledgement"});
        event_acks_.emplace(number, &waiting);
        send(*state, number, event);
    }
    if (waiting.open.empty()) {
        co_return std::move(waiting.outcomes);
    }
    async::timer limit(router_.runtime(), [&waiting] { waiting.all_in.set(false); });
    limit.arm(deadline);
    struct unregister {
        std::map<std::uint32_t, waiting_event*>& acks;
        const waiting_event& own;
        unregister(std::map<std::uint32_t, waiting_event*>& a, const waiting_event& w)
            : acks(a), own(w) {}
        ~unregister() {
            std::erase_if(acks, [this](const auto& entry) { return entry.second == &own; });
        }
    } const guard(event_acks_, waiting);
    co_await waiting.all_in.take();
    co_return std::move(waiting.outcomes);
}

void provider_hub::take_acknowledge(std::uint32_t number, const provider::acknowledge& a) {
    const auto ack = event_acks_.extract(number);
    if (!ack.empty()) {
        ack.mapped()->settle(number, a.status, a.text);
    }
}

// P5
void provider_hub::beat() {
    const async::time_point now = router_.runtime().now();
    const bool we_paused = now - std::exchange(last_beat_, now) > 2 * heartbeat_every;
    std::vector<provider_number> silent;
    for (const auto& [number, state] : providers_) {
        if (we_paused) {
            state->heard = now;
        }
        if (now - state->heard > silence_limit) {
            silent.push_back(number);
            continue;
        }
        send(*state, 0, provider::heartbeat{events_.lock_verified_ms()});
    }
    for (const provider_number number : silent) {
        log_error(
            "{} (pid {}) has been silent for {} s: it is ended",
            providers_.at(number)->name,
            providers_.at(number)->pid,
            silence_limit.count()
        );
        providers_.at(number)->link->end_process();
        drop(number, "silent for too long");
    }
    if (!providers_.empty()) {
        heartbeat_.arm_about(heartbeat_every);
    }
}

} // namespace ctdb::ctdbd
