#include "ctdbd/recovery/recovery_run.hpp"

#include "common/base/log.hpp"
#include "common/protocol/srvids.hpp"
#include "ctdbd/recovery/database_recovery.hpp"

#include <algorithm>

namespace ctdb::ctdbd {
namespace {

namespace controls = protocol::controls;
constexpr std::size_t queued_bytes_max = 8'000'000; // to one node, before a push pauses
constexpr std::chrono::seconds sign_of_life_limit{3};

} // namespace

recovery_run::recovery_run(
    client::cluster_port& port,
    const recovery_request& request,
    std::uint64_t& next_address,
    const std::map<pnn, int>& held_up_before,
    record_disposal& disposal
)
    : port_(port), request_(request), next_address_(next_address), held_up_before_(held_up_before),
      disposal_(disposal), slot_freed_(port.runtime()) {}

async::time_point recovery_run::deadline() {
    const auto limit = tunables_[protocol::tunable_id::recover_timeout];
    return port_.runtime().now() + std::chrono::seconds{limit};
}

srvid recovery_run::fresh_address() {
    return srvid{protocol::srvids::recovery.value + next_address_++};
}

bool recovery_run::queues_are_long() const {
    return request_.queued_bytes != nullptr &&
           std::any_of(active().begin(), active().end(), [this](pnn node) {
               return request_.queued_bytes(node) > queued_bytes_max;
           });
}

recovery_report recovery_run::finish(result<> outcome) && {
    report_.outcome = std::move(outcome);
    report_.credits = credits_.all();
    return std::move(report_);
}

// ---- the steps of 6.4 ----

async::task<result<>> recovery_run::all_steps() {
    protocol::none nothing;
    const auto tunables =
        co_await client::call<controls::get_all_tunables>(port_, port_.self(), nothing, deadline());
    if (!tunables) {
        co_return pass(tunables);
    }
    tunables_ = *tunables;
    const result<> found = co_await find_active_nodes();
    if (!found) {
        co_return found;
    }
    const result<> capable = co_await read_capabilities();
    if (!capable) {
        co_return capable;
    }
    const auto before = co_await read_databases();
    if (!before) {
        co_return pass(before);
    }
    const result<> active_mode = co_await tell<controls::set_recovery_mode>(
        active(), protocol::recovery_mode::active, "set recovery mode ACTIVE"
    );
    if (!active_mode) {
        co_return active_mode;
    }
    co_return co_await change_epoch();
}

async::task<result<>> recovery_run::change_epoch() {
    report_.vnn_map.generation = report_.generation;
    report_.vnn_map.map = lmasters_of(capabilities_, port_.self());
    protocol::none nothing;
    const result<> started =
        co_await tell<controls::start_recovery>(active(), nothing, "start recovery");
    if (!started) {
        co_return started;
    }
    const result<> mapped =
        co_await tell<controls::set_vnn_map>(active(), report_.vnn_map, "set vnn map");
    if (!mapped) {
        co_return mapped;
    }
    auto plans = co_await read_copies();
    if (!plans) {
        co_return pass(plans);
    }
    const result<> recovered = co_await recover_databases(std::move(*plans));
    if (!recovered) {
        co_await ban_worst();
        note_who_is_to_blame();
        co_return recovered;
    }
    const result<> normal = co_await tell<controls::set_recovery_mode>(
        active(), protocol::recovery_mode::normal, "set recovery mode NORMAL"
    );
    if (!normal) {
        co_return normal;
    }
    co_return co_await tell<controls::end_recovery>(active(), nothing, "end recovery");
}

async::task<result<>> recovery_run::find_active_nodes() {
    protocol::none nothing;
    const auto own =
        co_await client::call<controls::get_node_map>(port_, port_.self(), nothing, deadline());
    if (!own) {
        co_return pass(own);
    }
    const auto views = co_await ask<controls::get_node_map>(connected_nodes(*own), nothing);
    const result<> judged = judge(views, "get node map");
    if (!judged) {
        co_return judged;
    }
    for (std::size_t i = 0; i < views.nodes.size(); ++i) {
        if (calls_itself_active(*views.values[i], views.nodes[i])) {
            report_.active.push_back(views.nodes[i]);
        }
    }
    if (std::find(active().begin(), active().end(), port_.self()) == active().end()) {
        co_return fail(ESHUTDOWN, "this node ({}) is not active", port_.self());
    }
    co_return result<>{};
}

async::task<result<>> recovery_run::read_capabilities() {
    protocol::none nothing;
    const auto answers = co_await ask<controls::get_capabilities>(active(), nothing);
    const result<> judged = judge(answers, "get capabilities");
    if (judged) {
        for (std::size_t i = 0; i < answers.nodes.size(); ++i) {
            capabilities_.push_back(node_capabilities{answers.nodes[i], *answers.values[i]});
        }
    }
    if (!judged) {
        co_return judged;
    }
    co_return co_await choose_generation();
}

async::task<result<>> recovery_run::choose_generation() {
    protocol::none nothing;
    const auto maps = co_await ask<controls::get_vnn_map>(active(), nothing);
    const result<> judged = judge(maps, "get vnn map");
    if (judged) {
        std::set<ctdb::generation> seen = request_.generations_seen;
        for (const auto& map : maps.values) {
            seen.insert(map->generation);
        }
        report_.generation = pick_generation(port_.runtime().random(), seen);
    }
    co_return judged;
}

// Once more, now that clients' attaches wait (I14) and no transaction of another generation is
// accepted any more. Messages and controls keep their order: a node that answers the control
// without having answered the question does not know it.
async::task<result<std::vector<database_plan>>> recovery_run::read_copies() {
    lineage_question question;
    question.asker = port_.self();
    question.answer_to = fresh_address();
    const auto take = [this](byte_view data) {
        if (auto answer = decode_lineage_answer(data)) {
            lineages_[answer->node] = std::move(*answer);
        } else {
            log_warning("recovery: {}", answer.error().what);
        }
    };
    const auto subscription = port_.subscribe(question.answer_to, take);
    if (all_ours()) {
        for (const pnn node : active()) {
            port_.message(node, lineage_question_address, encode(question));
        }
    }
    auto plans = co_await read_databases();
    if (plans && all_ours()) {
        number_epoch();
    }
    co_return plans;
}

void recovery_run::number_epoch() {
    std::uint64_t highest = 0;
    for (const auto& [node, answer] : lineages_) {
        highest = std::max(highest, answer.highest_epoch);
    }
    epoch_number number;
    number.generation = report_.generation;
    number.epoch = std::max(request_.wall_clock_us, highest + 1);
    number.members = active();
    report_.epoch = number.epoch;
    for (const pnn node : active()) {
        port_.message(node, epoch_address, encode(number));
    }
}

lineage_step recovery_run::step_from(std::uint64_t base) const {
    lineage_step step;
    step.epoch = report_.epoch;
    step.generation = report_.generation;
    step.base = base;
    step.standing =
        request_.under_lock ? lineage_step::whole : static_cast<std::uint32_t>(active().size());
    return step;
}

lineage recovery_run::history_of(pnn node, db_id id) const {
    const auto of_node = lineages_.find(node);
    if (of_node == lineages_.end()) {
        return {};
    }
    const auto copy = of_node->second.copies.find(id);
    return copy == of_node->second.copies.end() ? lineage{} : copy->second;
}

async::task<result<std::vector<database_plan>>> recovery_run::read_databases() {
    protocol::none nothing;
    const auto answers = co_await ask<controls::get_db_map>(active(), nothing);
    const result<> judged = judge(answers, "get database map");
    if (!judged) {
        co_return pass(judged);
    }
    std::vector<node_databases> maps;
    for (std::size_t i = 0; i < answers.nodes.size(); ++i) {
        maps.push_back(node_databases{answers.nodes[i], *answers.values[i]});
    }
    co_return unite_databases(maps);
}

// ---- step 9 ----

async::task<result<>> recovery_run::recover_databases(std::vector<database_plan> plans) {
    std::vector<result<>> outcomes(plans.size());
    std::vector<async::task<>> chains;
    for (std::size_t i = 0; i < plans.size(); ++i) {
        if (plans[i].kinds_differ) {
            report_.of_differing_kinds.push_back(plans[i].id);
        }
        chains.push_back(recover_one(std::move(plans[i]), outcomes[i]));
    }
    async::all_of everything(std::move(chains));
    co_await everything;
    result<> first_failure;
    for (const result<>& outcome : outcomes) {
        report_.databases += outcome ? 1 : 0;
        if (!outcome && first_failure) {
            first_failure = outcome;
        }
    }
    co_return first_failure;
}

async::task<> recovery_run::recover_one(database_plan plan, result<>& outcome) {
    async::runtime& rt = port().runtime();
    co_await async::sleep_until(rt, rt.now()); // there may be hundreds: not all in one turn
    for (int attempt = 1; attempt <= recovery::attempts_max; ++attempt) {
        database_recovery chain(*this, plan);
        auto attempt_task = chain.attempt();
        outcome = co_await std::move(attempt_task);
        if (outcome) {
            co_return;
        }
        log_error(
            "recovery: database {:#010x}, attempt {} of {}: {}",
            plan.id.value,
            attempt,
            recovery::attempts_max,
            outcome.error().what
        );
        if (!chain.may_be_repeated()) {
            co_return;
        }
    }
}

async::task<result<>> recovery_run::freeze(std::vector<pnn> nodes, db_id id, std::string what) {
    const auto answers = co_await ask<controls::db_freeze>(std::move(nodes), id);
    result<> outcome;
    for (std::size_t i = 0; i < answers.nodes.size(); ++i) {
        if (answers.values[i]) {
            continue;
        }
        const pnn node = answers.nodes[i];
        const error& why = answers.values[i].error();
        bool alive = false;
        if (why.code == ETIMEDOUT) {
            alive = co_await answers_otherwise(node);
        }
        const auto before = held_up_before_.find(node);
        const bool patience =
            before == held_up_before_.end() || before->second + 1 < recovery::held_up_max;
        if (alive) {
            report_.held_up.insert(node);
        }
        if (!alive || !patience) {
            credit(node);
        }
        if (outcome) {
            const char* cause = alive ? "a client there keeps a lock: " : "";
            outcome = fail(why.code, "node {}: {}: {}{}", node, what, cause, why.what);
        }
    }
    co_return outcome;
}

async::task<bool> recovery_run::answers_otherwise(pnn node) {
    protocol::none nothing;
    const auto limit = port_.runtime().now() + sign_of_life_limit;
    const auto mode =
        co_await client::call<controls::get_recovery_mode>(port_, node, nothing, limit);
    co_return mode.has_value();
}

async::task<> recovery_run::ban_worst() {
    for (const pnn node : credits_.over_limit()) {
        protocol::none nothing;
        const auto map =
            co_await client::call<controls::get_node_map>(port_, node, nothing, deadline());
        if (!map || !calls_itself_active(*map, node)) {
            continue;
        }
        protocol::ban_state ban;
        ban.pnn = node;
        ban.seconds = tunables_[protocol::tunable_id::recovery_ban_period];
        log_error(
            "recovery: node {} failed {} times, banning it for {} s",
            node,
            credits_.all().at(node),
            ban.seconds
        );
        const auto told =
            co_await client::call<controls::set_ban_state>(port_, node, ban, deadline());
        if (!told) {
            log_error("recovery: node {} cannot be banned: {}", node, told.error().what);
        }
        report_.banned.push_back(node);
        co_return;
    }
}

void recovery_run::note_who_is_to_blame() {
    const auto failed = [this](pnn node) { return credits_.all().contains(node); };
    if (std::all_of(active().begin(), active().end(), failed)) {
        return;
    }
    for (const auto& [node, credits] : credits_.all()) {
        const std::vector<pnn>& banned = report_.banned;
        if (std::find(banned.begin(), banned.end(), node) == banned.end()) {
            report_.to_blame.push_back(node);
        }
    }
}

// ---- slots ----

async::task<> recovery_run::slot_holder::acquire() {
    while (run_.slots_used_ == recovery::slots) {
        co_await run_.slot_freed_.wait();
    }
    ++run_.slots_used_;
    held_ = true;
}

void recovery_run::slot_holder::release() {
    if (std::exchange(held_, false)) {
        --run_.slots_used_;
        run_.slot_freed_.notify();
    }
}

} // namespace ctdb::ctdbd
