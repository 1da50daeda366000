// Election, cluster lock, fencing and what the node table says. Passes are in leader_monitor.cpp,
// messages in leader_messages.cpp.
#include "ctdbd/leadership/leader_logic.hpp"

#include "common/async/combinators.hpp"
#include "common/base/ensure.hpp"
#include "common/base/log.hpp"
#include "common/protocol/controls.hpp"

namespace ctdb::ctdbd {

namespace {

namespace controls = protocol::controls;
using protocol::tunable_id;

// A wall clock before this is not set: such a node must not win by age (W15).
constexpr std::int64_t sane_clock_from = 1577836800;   // 2020-01-01
constexpr std::int64_t age_without_clock = 4102444800; // 2100-01-01: the youngest of all

constexpr std::chrono::milliseconds capability_retry{1000};

election_settings
election_settings_of(const leader_settings& settings, const protocol::tunable_list& tunables) {
    election_settings e;
    e.has_lock = settings.lock_configured;
    e.leader_timeout = settings.leader_timeout;
    e.election_timeout = std::chrono::seconds(std::max(tunables[tunable_id::election_timeout], 1U));
    return e;
}

} // namespace

leader_logic::leader_logic(
    client::cluster_port& port,
    node_table& table,
    const protocol::tunable_list& tunables,
    cluster_lock* lock,
    leader_settings settings,
    leader_hooks hooks
)
    : port_(port), runtime_(port.runtime()), table_(table), tunables_(tunables), lock_(lock),
      settings_(settings), hooks_(std::move(hooks)),
      election_(port.self(), election_settings_of(settings, tunables)), fencing_(settings.fencing),
      active_since_(runtime_.now()),
      election_timer_(runtime_, [this] { feed(election_event::time_passed{}); }),
      fencing_timer_(runtime_, [this] { look_at_fencing(); }),
      stop_timer_(runtime_, [this] { finish_stop(); }),
      view_later_(runtime_, [this] { refresh_view(); }),
      restart_later_(runtime_, [this] { restart_monitor(); }), wake_(runtime_), tasks_(runtime_),
      monitor_(runtime_) {
    ensure(settings.lock_configured == (lock != nullptr));
    ensure(hooks_.recover != nullptr);
    ensure(hooks_.wall_clock != nullptr);
    fencing_.set(settings.fencing, settings.leader_timeout);
    if (lock_ != nullptr) {
        listen_to_lock();
    }
    table_subscription_ =
        table_.subscribe([this](const flag_change& change) { node_changed(change); });
    subscribe_all();
    view_later_.schedule();
}

leader_logic::~leader_logic() = default;

void leader_logic::set_settings(leader_settings settings) {
    ensure(settings.lock_configured == settings_.lock_configured);
    settings_ = settings;
    election_.set_settings(election_settings_of(settings_, tunables_));
    fencing_.set(settings_.fencing, settings_.leader_timeout);
    look_at_fencing();
}

void leader_logic::start() {
    ensure(!started_);
    started_ = true;
    refresh_view();
    feed(election_event::start{});
    look_at_fencing();
    restart_later_.schedule();
}

void leader_logic::stop(std::function<void()> done) {
    ensure(done != nullptr);
    stopped_ = std::move(done);
    stop_timer_.arm_in(stop_limit);
    refresh_view(); // not eligible any more: resigns
    if (election_.lock_free() && !election_.in_progress()) {
        stop_timer_.arm_in(std::chrono::milliseconds(0));
    }
}

void leader_logic::finish_stop() {
    if (const auto done = std::exchange(stopped_, [] {})) {
        done();
    }
}

// ---- Election ----

void leader_logic::feed(const election_input& event) {
    events_.push_back(event);
    if (!handling_) {
        drain_events();
    }
}

void leader_logic::drain_events() {
    handling_ = true;
    while (!events_.empty()) {
        const election_input event = std::move(events_.front());
        events_.pop_front();
        refresh_priority_time();
        for (const election_output& action : election_.handle(event, runtime_.now())) {
            perform(action);
        }
    }
    handling_ = false;
    arm_election_timer();
    if (stopped_ && stop_timer_.armed() && election_.lock_free() &&
        election_.state() != election_state::resigning) {
        stop_timer_.arm_in(std::chrono::milliseconds(0));
    }
}

void leader_logic::perform(const election_output& action) {
    namespace act = election_action;
    if (const auto* leader = std::get_if<act::say_leader>(&action)) {
        const bytes data = protocol::encode_message<protocol::messages::leader>(leader->who);
        port_.message(
            leader->only_to.value_or(protocol::broadcast_connected), protocol::srvids::leader, data
        );
    } else if (const auto* election = std::get_if<act::say_election>(&action)) {
        say_election(*election);
    } else if (std::holds_alternative<act::prepare>(action)) {
        tasks_.spawn(prepare());
    } else if (std::holds_alternative<act::take_lock>(action)) {
        lock_->take();
    } else if (std::holds_alternative<act::release_lock>(action)) {
        lock_->release();
    } else if (const auto* change = std::get_if<act::leader_changed>(&action)) {
        leader_now(*change);
    } else if (const auto* note = std::get_if<act::note>(&action)) {
        log(note->warning ? log_level::warning : log_level::info, "election: {}", note->text);
    }
}

void leader_logic::say_election(const election_action::say_election& action) {
    protocol::election_message message = action.message;
    if (message.num_connected == 0) {
        message.priority_time = hooks_.wall_clock(); // 4.5: whoever cannot lead is the youngest
    }
    port_.message(
        action.only_to.value_or(protocol::broadcast_all),
        protocol::srvids::election,
        protocol::encode_message<protocol::messages::election>(message)
    );
}

void leader_logic::leader_now(const election_action::leader_changed& change) {
    const auto text = [](pnn node) {
        return node == unknown_pnn ? std::string("none") : fmt::format("{}", node);
    };
    log_notice("leader: {} -> {} ({})", text(change.before), text(change.now), change.why);
    ++term_;
    restart_later_.schedule();
    look_at_fencing();
    if (hooks_.leader_changed) {
        hooks_.leader_changed(change.now);
    }
}

void leader_logic::refresh_view() {
    cluster_view view;
    view.own_flags = table_.own_flags();
    view.listed = table_.known().size();
    const auto own = table_.capabilities(table_.self());
    const bool capable = !own || own->has(protocol::capability::recmaster);
    // Without a lock a minority that has fenced itself must not lead itself; with a lock whoever
    // gets it may.
    const bool fenced = fencing_.fenced() && lock_ == nullptr;
    view.eligible = capable && !protocol::is_inactive(view.own_flags) && !fenced && !stopped_;
    for (const pnn node : table_.connected()) {
        if (node != table_.self()) {
            view.connected.push_back({node, table_.is_active(node), table_.is_ours(node)});
        }
    }
    if (view != view_) {
        view_ = view;
        feed(election_event::view_changed{std::move(view)});
        look_at_fencing();
        kick("membership changed");
    }
}

// From the monotonic clock, so that a step of the wall clock after the start does not make us older
// or younger than we are (W15). Fixed during a vote: both sides must compare the same numbers.
void leader_logic::refresh_priority_time() {
    if (election_.state() == election_state::voting) {
        return;
    }
    protocol::time_value since = hooks_.wall_clock();
    if (since.seconds < sane_clock_from) {
        since = {age_without_clock, 0};
    } else {
        const auto age =
            std::chrono::duration_cast<std::chrono::seconds>(runtime_.now() - active_since_);
        since.seconds -= age.count();
    }
    election_.set_priority_time(since);
}

void leader_logic::arm_election_timer() {
    if (const auto at = election_.deadline()) {
        election_timer_.arm(*at);
    } else {
        election_timer_.cancel();
    }
}

void leader_logic::listen_to_lock() {
    cluster_lock_events events;
    events.held = [this](async::duration latency) {
        if (hooks_.lock_latency) {
            hooks_.lock_latency(latency);
        }
        feed(election_event::lock_held{});
    };
    events.refused = [this](lock_refusal kind, const std::string& why) {
        if (kind == lock_refusal::contention) {
            log_info("cluster lock: {}", why);
        } else {
            log_warning("cluster lock not taken: {}", why);
        }
        feed(election_event::lock_refused{why});
    };
    events.lost = [this](const std::string& why) {
        if (leading() && hooks_.lock_lost) {
            hooks_.lock_lost(why);
        }
        feed(election_event::lock_lost{why});
    };
    events.released = [this] { feed(election_event::lock_released{}); };
    lock_->listen(std::move(events));
}

async::task<void> leader_logic::prepare() {
    const async::time_point deadline = runtime_.now() + prepare_limit;
    std::vector<async::task<void>> asked;
    for (const pnn node : table_.active()) {
        asked.push_back(set_active(node, deadline));
    }
    async::all_of everybody(std::move(asked));
    co_await everybody;
    feed(election_event::prepared{});
}

async::task<void> leader_logic::set_active(pnn node, async::time_point deadline) {
    const auto answer = co_await client::call<controls::set_recovery_mode>(
        port_, node, protocol::recovery_mode::active, deadline
    );
    if (!answer) {
        log_notice("election goes on without an answer: {}", answer.error().what);
    }
}

void leader_logic::look_at_fencing() {
    if (!started_) {
        return;
    }
    const fencing_facts facts{
        .has_lock = lock_ != nullptr,
        .leader_known = election_.leader() != unknown_pnn,
        .nodes = table_.known().size(),
        .connected = table_.connected().size()};
    const fencing_step step = fencing_.look(facts, runtime_.now());
    if (const auto at = fencing_.deadline()) {
        fencing_timer_.arm(*at);
    } else {
        fencing_timer_.cancel();
    }
    if (step == fencing_step::none) {
        return;
    }
    const bool fence = step == fencing_step::fence;
    if (fence) {
        log_error("this node fences itself: {}", fencing_.reason());
    } else {
        log_notice("this node ends its own fencing");
    }
    if (hooks_.fence) {
        hooks_.fence(fence, fence ? fencing_.reason() : "the reason for fencing has gone");
    }
    view_later_.schedule();
}

// ---- Membership ----

void leader_logic::node_changed(const flag_change& change) {
    view_later_.schedule(); // the table is being changed: only record and wake
    flags_changed_at_[change.node] = runtime_.now();
    if (change.node == table_.self()) {
        if (protocol::is_inactive(change.before) && !protocol::is_inactive(change.now)) {
            active_since_ = runtime_.now();
        }
        wake_leader();
        kick("own flags changed");
    } else if (!protocol::is_connected(change.before) && protocol::is_connected(change.now)) {
        tasks_.spawn(learn_capabilities(change.node));
    } else {
        kick("flags changed");
    }
}

async::task<void> leader_logic::learn_capabilities(pnn node) {
    co_await async::next_turn(runtime_); // the link is being announced to everybody
    while (table_.is_connected(node) && !table_.capabilities(node)) {
        const auto announced = co_await client::call<controls::get_capabilities>(
            port_, node, protocol::none(), runtime_.now() + peer_limit
        );
        if (announced) {
            table_.set_capabilities(node, *announced);
            refresh_view();
            co_await compare_lock_setting(node);
        } else {
            log_info("capabilities of node {} not known yet: {}", node, announced.error().what);
            co_await async::sleep_for(runtime_, capability_retry);
        }
    }
}

// Two nodes with different locks would lead side by side: said while it can be put right, not in
// the middle of a recovery.
async::task<void> leader_logic::compare_lock_setting(pnn node) {
    const async::time_point deadline = runtime_.now() + peer_limit;
    const auto own = co_await client::call<controls::get_lock_setting>(
        port_, table_.self(), protocol::none(), deadline
    );
    const auto theirs =
        co_await client::call<controls::get_lock_setting>(port_, node, protocol::none(), deadline);
    if (own && theirs && *own != *theirs) {
        log_error(
            "[cluster] cluster lock is \"{}\" here and \"{}\" on node {}: make them equal, the two "
            "nodes cannot be in one cluster",
            own->value_or(""),
            theirs->value_or(""),
            node
        );
    }
}

void leader_logic::own_capabilities_changed() {
    view_later_.schedule();
    wake_leader();
}

void leader_logic::kick(std::string_view why) {
    if (!kicked_) {
        log_debug("leader logic looks again: {}", why);
        kicked_ = true;
        wake_.notify();
    }
}

void leader_logic::wake_leader() {
    if (leading()) {
        kick("asked to look");
    } else if (leader() != unknown_pnn && table_.is_ours(leader())) {
        port_.message(leader(), wake_leader_address, protocol::encode(table_.self()));
    }
}

void leader_logic::push_own_flags(const protocol::node_flag_change& change) {
    client::send<controls::modify_flags>(port_, protocol::broadcast_connected, change);
    wake_leader();
}

// ---- Small tools ----

std::chrono::seconds leader_logic::tunable_seconds(protocol::tunable_id id) const {
    return std::chrono::seconds(std::max(tunables_[id], 1U)); // W66
}

std::uint32_t leader_logic::credit_limit() const {
    return 2 * static_cast<std::uint32_t>(table_.size());
}

void leader_logic::credit(pnn node, std::uint32_t amount, std::string_view why) {
    credits_.add(node, amount, runtime_.now(), tunable_seconds(tunable_id::recovery_grace_period));
    log_credits(node, amount, why);
}

void leader_logic::log_credits(pnn node, std::uint32_t amount, std::string_view why) const {
    log_notice(
        "node {} gets {} credit(s), has {} of {}: {}",
        node,
        amount,
        credits_.count(node),
        credit_limit(),
        why
    );
}

} // namespace ctdb::ctdbd
