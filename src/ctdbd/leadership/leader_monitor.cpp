// The leader's passes and the frame around a recovery (cluster.md 5.1, 5.3).
#include "common/async/combinators.hpp"
#include "common/base/ensure.hpp"
#include "common/base/log.hpp"
#include "common/protocol/controls.hpp"
#include "ctdbd/leadership/leader_logic.hpp"

#include <fmt/ranges.h>

namespace ctdb::ctdbd {

namespace {

namespace controls = protocol::controls;
using async::time_point;
using protocol::tunable_id;

// One answer into its place in a report; what fails stays empty.
template <class Control>
async::task<void> fetch(
    client::cluster_port& port,
    pnn node,
    time_point deadline,
    std::optional<typename Control::reply>& into
) {
    auto reply = co_await client::call<Control>(port, node, protocol::none(), deadline);
    if (reply) {
        into = std::move(*reply);
    } else {
        log_info("{} from node {}: {}", Control::name, node, reply.error().what);
    }
}

std::string names(const std::vector<mesh_gap>& gaps) {
    std::vector<std::string> pairs;
    for (const mesh_gap& gap : gaps) {
        pairs.push_back(fmt::format("{}-{}", gap.a, gap.b));
    }
    return fmt::format("{}", fmt::join(pairs, ", "));
}

// True as long as the frame that runs a recovery lives, whatever ends it (W43).
class while_true {
public:
    explicit while_true(bool& flag) : flag_(flag) { flag_ = true; }
    while_true(const while_true&) = delete;
    while_true& operator=(const while_true&) = delete;
    ~while_true() { flag_ = false; }

private:
    bool& flag_;
};

} // namespace

// LL1: whatever was under way belongs to another leadership.
void leader_logic::restart_monitor() {
    monitor_.cancel_all();
    if (!leading()) {
        need_recovery_ = false;
        mesh_.clear();
        absence_.clear();
    }
    monitor_.spawn(watch());
}

async::task<void> leader_logic::watch() {
    for (;;) {
        const time_point started = runtime_.now();
        pass_began_ = started;
        kicked_ = false;
        look_again_at_.reset();
        co_await own_pass();
        if (leading()) {
            co_await leader_pass();
        }
        co_await wait_for_next_pass(started);
    }
}

// LL3
async::task<void> leader_logic::wait_for_next_pass(time_point started) {
    const async::duration interval = tunable_seconds(tunable_id::recover_interval);
    time_point next = interval > interval.zero() ? async::beat_after(started, interval) : started;
    if (look_again_at_) {
        next = std::min(next, *look_again_at_);
    }
    const time_point soonest = runtime_.now() + least_gap;
    next = std::max(next, soonest);
    bool time_is_up = false;
    async::timer limit(runtime_, [this, &time_is_up] {
        time_is_up = true;
        wake_.notify();
    });
    limit.arm_between(std::max(soonest, next - interval / 10), next);
    while (!kicked_ && !time_is_up) {
        co_await wake_.wait();
    }
    if (runtime_.now() < soonest) {
        async::sleep_until gap(runtime_, soonest);
        co_await gap;
    }
}

// 5.1 row 9: a recovery that had not heard of our stop may have set us NORMAL.
async::task<void> leader_logic::own_pass() {
    if (!protocol::is_inactive(table_.own_flags())) {
        co_return;
    }
    const pnn self = table_.self();
    const time_point deadline = runtime_.now() + peer_limit;
    const auto mode =
        co_await client::call<controls::get_recovery_mode>(port_, self, protocol::none(), deadline);
    if (mode && mode->value == 0) {
        log_notice("this node is inactive: recovery mode back to ACTIVE, databases frozen");
        client::send<controls::set_recovery_mode>(port_, self, protocol::recovery_mode::active);
        client::send<controls::freeze>(port_, self, protocol::none());
    }
}

async::task<void> leader_logic::leader_pass() {
    const bool self_banned = co_await ban_offenders();
    if (self_banned) {
        co_return;
    }
    const time_point asked = runtime_.now();
    survey s = co_await take_survey();
    learn_from(s);
    forget_outdated_words(s, asked);
    std::vector<protocol::node_flag_change> pushes = reconcile_flags(s);
    if (!pushes.empty()) {
        co_await push_flags(std::move(pushes));
    }
    mesh_report mesh =
        mesh_.look(mesh_gaps(s), table_.self(), settings_.leader_timeout, runtime_.now());
    co_await look_at_mesh(std::move(mesh));
    look_for_missing_nodes();
    std::optional<recovery_need> need = need_of_recovery(s);
    co_await recover_if_needed(std::move(need));
}

// ---- Questions ----

async::task<survey> leader_logic::take_survey() {
    const time_point deadline = runtime_.now() + peer_limit; // LL2
    std::vector<async::task<node_report>> asked;
    asked.push_back(ask(table_.self(), deadline));
    for (const pnn node : table_.connected()) {
        if (node != table_.self()) {
            asked.push_back(ask(node, deadline));
        }
    }
    survey s;
    s.reports = co_await async::gather(std::move(asked));
    s.leader = table_.self();
    s.nodes = table_.map();
    co_return s;
}

async::task<node_report> leader_logic::ask(pnn node, time_point deadline) {
    node_report report;
    report.node = node;
    std::optional<protocol::status_value> mode;
    std::vector<async::task<void>> asked;
    asked.push_back(fetch<controls::get_node_map>(port_, node, deadline, report.map));
    asked.push_back(fetch<controls::get_capabilities>(port_, node, deadline, report.capabilities));
    asked.push_back(fetch<controls::get_recovery_mode>(port_, node, deadline, mode));
    asked.push_back(fetch<controls::get_vnn_map>(port_, node, deadline, report.vnn_map));
    async::all_of everything(std::move(asked));
    co_await everything;
    if (mode) {
        report.mode =
            mode->value == 0 ? protocol::recovery_mode::normal : protocol::recovery_mode::active;
    }
    co_return report;
}

void leader_logic::learn_from(const survey& s) {
    for (const node_report& r : s.reports) {
        if (r.capabilities && r.node != table_.self() &&
            table_.capabilities(r.node) != r.capabilities) {
            table_.set_capabilities(r.node, *r.capabilities);
            view_later_.schedule();
        }
        if (!r.complete() && table_.is_connected(r.node)) { // W41
            credit(r.node, 1, "does not answer the leader in time");
        }
    }
}

// What a node said of itself before its flags changed here (it has told us, or its link came or
// went) must not be pushed to everybody as news (W40). The change has asked for another pass.
void leader_logic::forget_outdated_words(survey& s, time_point asked) {
    for (node_report& r : s.reports) {
        const auto changed = flags_changed_at_.find(r.node);
        if (changed != flags_changed_at_.end() && changed->second >= asked) {
            r.map.reset();
        }
    }
}

// ---- Flags and bans ----

async::task<void> leader_logic::push_flags(std::vector<protocol::node_flag_change> changes) {
    for (const auto& change : changes) {
        log_notice("node {} is {}: telling everybody", change.pnn, flag_names(change.new_flags));
    }
    std::vector<async::task<void>> pushing;
    for (const pnn node : table_.connected()) {
        pushing.push_back(push_to(node, changes));
    }
    async::all_of everybody(std::move(pushing));
    co_await everybody;
}

async::task<void> leader_logic::push_to(pnn node, std::vector<protocol::node_flag_change> changes) {
    const time_point deadline = runtime_.now() + peer_limit;
    for (const protocol::node_flag_change& change : changes) {
        const auto done =
            co_await client::call<controls::modify_flags>(port_, node, change, deadline);
        if (!done) { // the next pass sees that it still thinks otherwise
            log_warning("flags of node {} not pushed: {}", change.pnn, done.error().what);
            co_return;
        }
    }
}

async::task<bool> leader_logic::ban_offenders() {
    bool self_banned = false;
    for (const pnn node : credits_.take_offenders(credit_limit())) {
        std::string why = fmt::format("to blame too often ({} credits)", credit_limit());
        co_await ban(node, std::move(why));
        self_banned = self_banned || node == table_.self();
    }
    co_return self_banned;
}

async::task<void> leader_logic::ban(pnn node, std::string why) {
    const protocol::ban_state wanted{node, tunables_[tunable_id::recovery_ban_period]};
    log_error("node {} is to be banned for {} s: {}", node, wanted.seconds, why);
    const time_point deadline = runtime_.now() + peer_limit;
    const auto done = co_await client::call<controls::set_ban_state>(port_, node, wanted, deadline);
    if (!done) {
        log_error("ban of node {} failed: {}", node, done.error().what);
    }
}

async::task<void> leader_logic::look_at_mesh(mesh_report report) {
    if (!report.opened.empty()) {
        log_error("nodes that cannot talk to each other: {}", names(report.opened));
    }
    if (!report.closed.empty()) {
        log_notice("nodes that can talk to each other again: {}", names(report.closed));
    }
    // Upstream peers live with it; among our own nodes one has to go (design: full mesh).
    if (report.victim && table_.all_active_are_ours()) {
        std::string why = "it cannot talk to another active node for three leader timeouts";
        co_await ban(*report.victim, std::move(why));
    }
}

void leader_logic::look_for_missing_nodes() {
    std::vector<pnn> missing;
    for (const pnn node : table_.known()) {
        if (!table_.is_connected(node)) {
            missing.push_back(node);
        }
    }
    const time_point now = runtime_.now();
    switch (absence_.look(missing.empty(), now)) {
    case absence_step::say_missing:
        log_warning(
            "the cluster has been incomplete for {} min, missing node(s): {}",
            absence_.missing_for(now).count(),
            fmt::join(missing, ", ")
        );
        break;
    case absence_step::say_complete:
        log_notice("the cluster is complete again");
        break;
    case absence_step::nothing:
        break;
    }
}

// ---- Recovery ----

bool leader_logic::recoveries_disabled() const {
    return recoveries_disabled_until_ && runtime_.now() < *recoveries_disabled_until_;
}

async::task<void> leader_logic::recover_if_needed(std::optional<recovery_need> found) {
    if (need_recovery_ && last_need_ && !found) {
        found = recovery_need{recovery_cause::unfinished, std::nullopt, last_need_->why};
    }
    if (!found) {
        co_return;
    }
    if (recoveries_disabled()) {
        log_info("recovery put off, recoveries are disabled: {}", found->why);
        look_again_at_ = recoveries_disabled_until_;
        co_return;
    }
    pace_.set_limit(tunable_seconds(tunable_id::rerecovery_timeout));
    if (!pace_.may_start(*found, runtime_.now())) {
        log_info("recovery put off, the last one for this reason was just now: {}", found->why);
        look_again_at_ = pace_.earliest(*found);
        co_return;
    }
    if (found->culprit) {
        credit(*found->culprit, 1, found->why);
    }
    const bool self_banned = co_await ban_offenders();
    if (!self_banned && leading()) { // W8
        co_await run_recovery(std::move(*found));
    }
}

async::task<void> leader_logic::run_recovery(recovery_need need) {
    const while_true recovering(recovering_);
    need_recovery_ = true;
    if (need.cause != recovery_cause::unfinished) {
        last_need_ = need;
    }
    log_notice("recovery starts: {}", need.why);
    const std::uint64_t term = term_;
    recovery_order order;
    order.reason = need.why;
    order.still_valid = [this, term] { return leading() && term_ == term; };
    const recovery_outcome outcome = co_await hooks_.recover(std::move(order));
    pace_.finished(need, outcome.done.has_value(), runtime_.now());
    if (!outcome.done) {
        log_error("recovery failed: {}", outcome.done.error().what);
        blame_for_failure(outcome.to_blame);
        co_return;
    }
    if (hooks_.takeover_run) {
        co_await hooks_.takeover_run();
    }
    recovery_succeeded();
}

// 3.6, databases.md 12.1 #19: whoever makes one recovery after another fail is banned in the end.
void leader_logic::blame_for_failure(const std::vector<pnn>& nodes) {
    if (!leading()) { // they may have refused what another leader has overtaken
        return;
    }
    const auto grace = tunable_seconds(tunable_id::recovery_grace_period);
    for (const pnn node : nodes) {
        if (credits_.add_failed_recovery(node, pass_began_, runtime_.now(), grace)) {
            log_credits(node, 1, "the recovery failed there");
        }
    }
}

void leader_logic::recovery_succeeded() {
    port_.message(protocol::broadcast_connected, protocol::srvids::reconfigure, {});
    need_recovery_ = false;
    credits_.clear();
    ++recoveries_done_;
    kick("a recovery has finished");
}

} // namespace ctdb::ctdbd
