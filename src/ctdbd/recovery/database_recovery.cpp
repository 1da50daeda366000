#include "ctdbd/recovery/database_recovery.hpp"

#include "common/base/log.hpp"
#include "common/protocol/hash.hpp"
#include "common/protocol/record_slice.hpp"

#include <algorithm>
#include <chrono>

namespace ctdb::ctdbd {
namespace {

namespace controls = protocol::controls;
constexpr std::size_t records_at_a_time = 64; // between two looks at the clock

// What the leader does at a stretch: a millisecond, or so many records where time stands still.
class recovery_turn {
public:
    explicit recovery_turn(async::runtime& rt)
        : rt_(rt), end_(rt.now() + std::chrono::milliseconds{1}) {}
    [[nodiscard]] bool spend(std::size_t records) {
        spent_ += records;
        return spent_ < records_max && rt_.now() < end_;
    }

private:
    static constexpr std::size_t records_max = 4096;
    async::runtime& rt_;
    async::time_point end_;
    std::size_t spent_ = 0;
};

} // namespace

database_recovery::database_recovery(recovery_run& run, const database_plan& plan)
    : run_(run), plan_(plan), nodes_(plan.kinds_differ ? plan.having : run.active()),
      name_(fmt::format("{:#010x}", plan.id.value)), merge_(run.port().self(), nodes_),
      buffer_(plan.id), buffer_size_max_(protocol::record_buffer_limit(run.tunables(
                        )[protocol::tunable_id::rec_buffer_size_limit])),
      step_began_(run.port().runtime().now()) {}

database_recovery::~database_recovery() {
    run_.disposal().take(std::move(merge_));
}

void database_recovery::note_step(std::string_view finished) {
    const auto now = run_.port().runtime().now();
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(now - step_began_);
    steps_ += fmt::format("{}{} {} ms", steps_.empty() ? "" : ", ", finished, took.count());
    step_began_ = now;
}

void database_recovery::log_steps() const {
    log_info("recovery: database {}: {} records pushed; {}", name_, sent_, steps_);
}

std::string database_recovery::step(std::string_view what) const {
    return fmt::format("database {}: {}", name_, what);
}

protocol::transdb database_recovery::transaction() const {
    return protocol::transdb{plan_.id, run_.vnn_map().generation.value};
}

async::task<result<>> database_recovery::attempt() {
    const result<> exists = co_await make_it_exist_everywhere();
    if (!exists) {
        co_return exists;
    }
    const result<> frozen = co_await run_.freeze(nodes_, plan_.id, step("freeze"));
    if (!frozen) {
        co_return frozen;
    }
    note_step("freeze");
    recovery_run::slot_holder slot(run_);
    co_await slot.acquire();
    note_step("wait for a slot");
    const result<> begun = co_await run_.tell<controls::db_transaction_start>(
        nodes_, transaction(), step("start transaction")
    );
    if (!begun) {
        co_return begun;
    }
    if (!plan_.kinds_differ) {
        const result<> changed = co_await change_content();
        if (!changed) {
            co_return changed;
        }
    }
    committing_ = true;
    const result<> committed = co_await run_.tell<controls::db_transaction_commit>(
        nodes_, transaction(), step("commit transaction")
    );
    slot.release();
    if (!committed) {
        co_return committed;
    }
    note_step("commit");
    log_steps();
    co_return co_await run_.tell<controls::db_thaw>(nodes_, plan_.id, step("thaw"));
}

// ---- steps 1 and 2 ----

async::task<result<>> database_recovery::make_it_exist_everywhere() {
    const result<> named = co_await agree_on_name();
    if (!named) {
        co_return named;
    }
    if (plan_.kinds_differ) {
        log_error(
            "recovery: database {} is of different kinds on different nodes: it is left as it is "
            "on each; detach or remove it where it is wrong",
            name_
        );
        co_return result<>{};
    }
    co_return co_await attach_where_lacking();
}

async::task<result<>> database_recovery::agree_on_name() {
    const auto names = co_await run_.ask<controls::get_db_name>(plan_.having, plan_.id);
    const result<> judged = run_.judge(names, step("get name"));
    if (!judged) {
        co_return judged;
    }
    for (std::size_t i = 0; i < names.nodes.size(); ++i) {
        const std::string& name = *names.values[i];
        if (protocol::db_id_of(name) != plan_.id || (i > 0 && name != name_)) { // 12.1 #10
            run_.credit(names.nodes[i]);
            co_return fail(
                EPROTO, "node {}: {}: it says \"{}\"", names.nodes[i], step("get name"), name
            );
        }
        name_ = name;
    }
    co_return result<>{};
}

async::task<result<>> database_recovery::attach_where_lacking() {
    const protocol::control_flags flags = protocol::control_flag::attach_recovery;
    replies<db_id> attached;
    if (is_persistent()) {
        attached = co_await run_.ask<controls::db_attach_persistent>(plan_.lacking, name_, flags);
    } else if (plan_.kind.has(protocol::db_flag::replicated)) {
        attached = co_await run_.ask<controls::db_attach_replicated>(plan_.lacking, name_, flags);
    } else {
        attached = co_await run_.ask<controls::db_attach>(plan_.lacking, name_, flags);
    }
    const result<> judged = run_.judge(attached, step("attach"));
    if (!judged) {
        co_return judged;
    }
    for (std::size_t i = 0; i < attached.nodes.size(); ++i) {
        if (*attached.values[i] != plan_.id) {
            run_.credit(attached.nodes[i]);
            co_return fail(EPROTO, "node {}: {}: other id", attached.nodes[i], step("attach"));
        }
    }
    co_return result<>{};
}

// ---- steps 6 to 8 ----

async::task<result<>> database_recovery::change_content() {
    const result<> collected = co_await collect();
    if (!collected) {
        co_return collected;
    }
    note_step("collect");
    const result<> wiped =
        co_await run_.tell<controls::wipe_database>(nodes_, transaction(), step("wipe"));
    if (!wiped) {
        co_return wiped;
    }
    note_step("wipe");
    const result<> pushed = co_await push();
    note_step("push");
    co_return pushed;
}

async::task<result<>> database_recovery::collect() {
    if (protocol::is_volatile(plan_.kind)) {
        co_return co_await collect_from_all();
    }
    co_return co_await collect_from_newest();
}

async::task<result<>> database_recovery::collect_from_all() {
    std::vector<lineage> histories;
    for (const pnn node : nodes_) {
        histories.push_back(run_.history_of(node, plan_.id));
    }
    std::vector<async::task<result<>>> pulls;
    volatile_choice choice = counting_copies(histories);
    for (const std::size_t position : choice.counting) {
        pulls.push_back(pull(nodes_[position], static_cast<std::uint32_t>(position)));
    }
    if (pulls.size() < nodes_.size()) {
        log_notice(
            "recovery: database {}: {} of {} copies are of an older epoch and do not count",
            name_,
            nodes_.size() - pulls.size(),
            nodes_.size()
        );
    }
    tell_verdict(std::move(choice.history), 0, {});
    const auto outcomes = co_await async::gather(std::move(pulls));
    for (const result<>& outcome : outcomes) {
        if (!outcome) {
            co_return outcome;
        }
    }
    co_return result<>{};
}

async::task<result<>> database_recovery::collect_from_newest() {
    protocol::padded_db_id which;
    which.db_id = plan_.id;
    const auto numbers = co_await run_.ask<controls::get_db_seqnum>(nodes_, which);
    const result<> judged = run_.judge(numbers, step("get sequence number"));
    if (!judged) {
        co_return judged;
    }
    std::vector<copy_state> copies;
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
        const pnn node = numbers.nodes[i];
        copies.push_back({node, run_.history_of(node, plan_.id), *numbers.values[i]});
    }
    const std::size_t winner = winning_copy(copies);
    std::vector<pnn> diverged = find_diverged(copies, copies[winner]);
    if (!diverged.empty()) {
        new_number_ = number_after_divergence(copies);
    }
    const std::uint64_t base = new_number_.value_or(copies[winner].sequence_number);
    tell_verdict(copies[winner].history, base, std::move(diverged));
    co_return co_await pull(nodes_[winner], static_cast<std::uint32_t>(winner));
}

std::vector<pnn> database_recovery::find_diverged(
    const std::vector<copy_state>& copies, const copy_state& winner
) const {
    std::vector<pnn> diverged;
    for (const copy_state& copy : copies) {
        if (copy.node != winner.node && has_diverged(copy, winner)) {
            log_error(
                "recovery: database {}: node {} has another history (sequence number {}) than node "
                "{} ({}), whose copy counts",
                name_,
                copy.node,
                copy.sequence_number,
                winner.node,
                winner.sequence_number
            );
            diverged.push_back(copy.node);
        }
    }
    return diverged;
}

// Before the wipe: who holds what nobody else has keeps it aside first.
void database_recovery::tell_verdict(
    lineage history, std::uint64_t base, std::vector<pnn> diverged
) {
    if (run_.epoch() == 0) {
        return;
    }
    lineage_verdict verdict;
    verdict.generation = run_.vnn_map().generation;
    verdict.database = plan_.id;
    verdict.content = std::move(history);
    verdict.content.add(run_.step_from(base));
    verdict.diverged = std::move(diverged);
    for (const pnn node : nodes_) {
        run_.port().message(node, verdict_address, encode(verdict));
    }
}

async::task<result<>> database_recovery::pull(pnn node, std::uint32_t order) {
    protocol::pulldb_ext what;
    what.db_id = plan_.id;
    what.srvid = run_.fresh_address();
    std::uint32_t received = 0;
    result<> readable;
    const auto take = [&](byte_view data) {
        if (const auto count = merge_.add(data, order)) {
            received += *count;
        } else if (readable) {
            readable = pass(count);
        }
    };
    const auto subscription = run_.port().subscribe(what.srvid, take);
    const auto sent =
        co_await client::call<controls::db_pull>(run_.port(), node, what, run_.deadline());
    if (sent && readable && *sent == received) {
        co_return result<>{};
    }
    run_.credit(node);
    if (!sent) {
        co_return fail(sent.error().code, "node {}: {}: {}", node, step("pull"), sent.error().what);
    }
    if (!readable) {
        co_return fail(EBADMSG, "node {}: {}: {}", node, step("pull"), readable.error().what);
    }
    co_return fail(
        EBADMSG, "node {}: {}: {} records came, {} were sent", node, step("pull"), received, *sent
    );
}

push_rules database_recovery::rules() const {
    push_rules rules;
    rules.rewrite_dmaster = !is_persistent();
    rules.keep_dmaster = run_.all_ours();
    rules.leader = merge_.leader();
    rules.nodes = nodes_;
    rules.map = run_.vnn_map();
    return rules;
}

async::task<result<>> database_recovery::push() {
    protocol::pulldb_ext what;
    what.db_id = plan_.id;
    what.srvid = run_.fresh_address();
    const result<> ready =
        co_await run_.tell<controls::db_push_start>(nodes_, what, step("start push"));
    if (!ready) {
        co_return ready;
    }
    const std::uint32_t sent = co_await send_records(what.srvid);
    run_.disposal().take(std::move(merge_));
    const auto stored = co_await run_.ask<controls::db_push_confirm>(nodes_, plan_.id);
    const result<> judged = run_.judge(stored, step("confirm push"));
    if (!judged) {
        co_return judged;
    }
    for (std::size_t i = 0; i < stored.nodes.size(); ++i) {
        if (*stored.values[i] != sent) {
            run_.credit(stored.nodes[i]);
            co_return fail(
                EBADMSG,
                "node {}: {}: {} of {} records stored",
                stored.nodes[i],
                step("push"),
                *stored.values[i],
                sent
            );
        }
    }
    co_return result<>{};
}

async::task<std::uint32_t> database_recovery::send_records(srvid address) {
    async::runtime& rt = run_.port().runtime();
    const push_rules how = rules();
    const auto use = [&](const record_merge::record& winner) { append(winner, how, address); };
    record_merge::position position;
    bool more = true;
    while (more) {
        recovery_turn budget(rt);
        do {
            more = merge_.visit(position, records_at_a_time, use);
        } while (more && budget.spend(records_at_a_time) && !run_.queues_are_long());
        co_await async::sleep_until(rt, rt.now() + pause_for_queues()); // others are served
    }
    append_missing_number(how, address);
    flush(address);
    co_return sent_;
}

async::duration database_recovery::pause_for_queues() const {
    constexpr std::chrono::milliseconds pause{2};
    return run_.queues_are_long() ? pause : async::duration::zero();
}

void database_recovery::append(
    const record_merge::record& winner, const push_rules& rules, srvid address
) {
    const auto header = pushed_header(winner, rules);
    if (!header) {
        return;
    }
    const bool numbers =
        new_number_ && text_of(winner.key) == text_of(protocol::sequence_number_key());
    const bytes number = numbers ? protocol::encode(*new_number_) : bytes{};
    append(winner.key, *header, numbers ? byte_view{number} : winner.value, address);
    new_number_sent_ = new_number_sent_ || numbers;
}

void database_recovery::append(
    byte_view key, const protocol::record_header& header, byte_view value, srvid address
) {
    buffer_.append(key, header, value);
    ++sent_;
    if (buffer_.size() >= buffer_size_max_) {
        flush(address);
    }
}

// The winning copy has no number: nothing was ever committed to it.
void database_recovery::append_missing_number(const push_rules& rules, srvid address) {
    if (new_number_ && !new_number_sent_) {
        protocol::record_header header;
        header.rsn = rsn{*new_number_};
        header.dmaster = rules.leader;
        append(protocol::sequence_number_key(), header, protocol::encode(*new_number_), address);
    }
}

void database_recovery::flush(srvid address) {
    if (!buffer_.empty()) {
        for (const pnn node : nodes_) {
            run_.port().message(node, address, buffer_.view());
        }
        static_cast<void>(buffer_.take());
    }
}

} // namespace ctdb::ctdbd
