#include "ctdbd/database/vacuum/vacuum_service.hpp"

#include "common/base/log.hpp"
#include "common/protocol/record_buffer.hpp"
#include "ctdbd/database/database_set.hpp"
#include "ctdbd/database/vacuum/try_delete_job.hpp"

#include <algorithm>
#include <utility>

namespace ctdb::ctdbd {

using protocol::tunable_id;

namespace {
constexpr std::chrono::milliseconds watch_interval{200};
constexpr std::chrono::milliseconds soon{100};
} // namespace

// What is kept per volatile database.
struct vacuum_service::database_state {
    database_state(async::runtime& rt, db_id which, std::function<void()> look)
        : id(which), ended_at(rt.now()), watch(rt, std::move(look)), tasks(rt) {}
    db_id id;
    std::string name;
    delete_queue deletions;
    fetch_queue fetches;
    vacuum_calls calls;
    async::time_point ended_at; // the last run
    std::uint32_t fast_runs = 0;
    bool full_next = false;
    protocol::latency_counter latency;
    async::time_point began_at;
    answer_to<> done;                // DB_VACUUM
    async::timer watch;              // while a run is under way
    std::unique_ptr<vacuum_run> run; // before the task that works in it goes
    async::task_set tasks;
    [[nodiscard]] bool running() const noexcept { return run != nullptr; }
    [[nodiscard]] bool idle() const noexcept { return deletions.empty() && fetches.empty(); }
};

vacuum_service::vacuum_service(node_context& node, database_set& databases, doors to_engine)
    : node_(node), databases_(databases), doors_(std::move(to_engine)),
      timer_(node.runtime(), [this] { look(); }), deletions_for_others_(node.runtime()) {}

vacuum_service::~vacuum_service() = default;

// ---- when ----

void vacuum_service::start() {
    look_soon();
}

void vacuum_service::look_soon() {
    timer_.arm_in(soon);
}

async::time_point vacuum_service::due_at(const database_state& state) const {
    return state.ended_at + std::chrono::seconds{node_.tunable(tunable_id::vacuum_interval)};
}

void vacuum_service::look() {
    const auto interval = node_.tunable(tunable_id::vacuum_interval);
    if (interval == 0) {
        return; // never; a change of the tunable looks again
    }
    auto next = node_.runtime().now() + std::chrono::seconds{interval};
    for (const auto& db : databases_.all()) {
        if (db->is_volatile()) {
            look_at(*db);
            const database_state& state = state_of(*db);
            if (!state.running()) { // else its end arms
                next = std::min(next, due_at(state));
            }
        }
    }
    timer_.arm(next);
}

void vacuum_service::look_at(database& db) {
    database_state& state = state_of(db);
    const auto now = node_.runtime().now();
    if (state.running() || due_at(state) > now) {
        return;
    }
    state.ended_at = now;
    if (!may_run(db)) {
        return;
    }
    const auto fast_max = node_.tunable(tunable_id::vacuum_fast_path_count);
    const bool full = state.full_next || (fast_max != 0 && state.fast_runs >= fast_max);
    if (full) {
        begin(db, vacuum_depth::full, vacuum_cause::timer, {});
    } else if (state.idle()) {
        ++state.fast_runs; // it would have had nothing to do
    } else {
        begin(db, vacuum_depth::queues, vacuum_cause::timer, {});
    }
}

bool vacuum_service::may_run(database& db) const {
    return !node_.recovering() && !node_.is_inactive() &&
           db.phase() == database::freeze_phase::none && db.generation() != invalid_generation &&
           db.generation() == node_.vnn_map().generation;
}

// ---- runs ----

vacuum_service::database_state& vacuum_service::state_of(const database& db) {
    auto& place = states_[db.id()];
    if (!place) {
        place = std::make_unique<database_state>(node_.runtime(), db.id(), [this, id = db.id()] {
            watch(*states_.at(id));
        });
        place->name = db.name();
        place->calls.fetch = [this](database& in, byte_view key) {
            const reqid id{next_fetch_++};
            fetches_.emplace(id, in.id());
            doors_.fetch(in, key, id);
        };
    }
    return *place;
}

void vacuum_service::begin(database& db, vacuum_depth depth, vacuum_cause cause, answer_to<> done) {
    database_state& state = state_of(db);
    const auto now = node_.runtime().now();
    const auto limit = std::chrono::seconds{node_.tunable(tunable_id::vacuum_max_run_time)};
    const vacuum_frame frame{
        node_,
        databases_,
        state.deletions,
        state.fetches,
        state.calls,
        db.id(),
        db.generation(),
        now + limit};
    state.fast_runs = depth == vacuum_depth::full ? 0 : state.fast_runs + 1;
    state.full_next = depth == vacuum_depth::full ? false : state.full_next;
    state.began_at = now;
    state.done = std::move(done);
    state.run = std::make_unique<vacuum_run>(frame, depth, cause);
    state.watch.arm_in(watch_interval);
    state.tasks.spawn(carry_out(state));
}

// A run that waits for another node does not notice by itself that its time has passed.
void vacuum_service::watch(database_state& state) {
    const auto usable = state.run->usable();
    if (usable) {
        state.watch.arm_in(watch_interval);
        return;
    }
    state.tasks.cancel_all();
    ended(state, usable);
}

async::task<> vacuum_service::carry_out(database_state& state) {
    const result<> outcome = co_await state.run->carry_out();
    ended(state, outcome);
}

void vacuum_service::ended(database_state& state, const result<>& outcome) {
    const auto now = node_.runtime().now();
    state.latency.add(std::chrono::duration<double>(now - state.began_at).count());
    state.ended_at = now;
    if (!outcome) {
        state.run->break_off();
    }
    state.full_next = state.full_next || state.deletions.take_overflow();
    const std::size_t deleted = state.run->deleted();
    state.run.reset();
    state.watch.cancel();
    const bool fetching = std::erase_if(fetches_, [&state](const auto& fetch) {
                              return fetch.second == state.id;
                          }) > 0;
    if (database* db = databases_.find(state.id); db != nullptr && fetching) {
        doors_.forget(*db);
    }
    if (!outcome) {
        log_info("vacuum of {} ends early: {}", state.name, outcome.error().what);
    } else if (deleted > 0) {
        log_debug("vacuum of {}: {} records deleted", state.name, deleted);
    }
    look_soon();
    if (const auto done = std::exchange(state.done, nullptr)) {
        done(outcome ? answer<>() : refuse(outcome.error()));
    }
}

void vacuum_service::fetch_answered(reqid id) {
    const auto fetch = fetches_.extract(id);
    if (fetch.empty()) {
        return;
    }
    const auto state = states_.find(fetch.mapped());
    if (state != states_.end() && state->second->running()) {
        state->second->run->fetch_answered();
    }
}

void vacuum_service::database_gone(db_id id) {
    std::erase_if(fetches_, [id](const auto& fetch) { return fetch.second == id; });
    const auto gone = states_.extract(id);
    if (!gone.empty() && gone.mapped()->done) {
        gone.mapped()->tasks.cancel_all();
        gone.mapped()->done(refuse("the database was detached"));
    }
}

void vacuum_service::content_replaced(db_id id) {
    const auto found = states_.find(id);
    if (found == states_.end()) {
        return;
    }
    database_state& state = *found->second;
    if (state.running()) { // the freeze before has not been noticed yet
        state.tasks.cancel_all();
        ended(state, fail(ESTALE, "the database got another content"));
    }
    state.deletions = delete_queue();
    state.fetches = fetch_queue();
}

// ---- what comes in ----

answer<database*> vacuum_service::get(db_id id) {
    database* db = databases_.find(id);
    if (db == nullptr) {
        return refuse("unknown database {:#010x}", id.value);
    }
    if (!db->is_volatile()) {
        return refuse("database {} is not volatile", db->name());
    }
    return db;
}

void vacuum_service::candidate(db_id id, byte_view key, const protocol::record_header& stored) {
    if (const auto db = get(id)) {
        state_of(**db).deletions.schedule(key, stored);
    }
}

void vacuum_service::not_candidate(db_id id, byte_view key) {
    if (const auto state = states_.find(id); state != states_.end()) {
        state->second->deletions.forget(key);
    }
}

answer<> vacuum_service::schedule(const protocol::key_data& request, const asker& who) {
    if (who.node != node_.self()) {
        return refuse("only for clients of this node");
    }
    const auto db = get(request.db_id);
    if (!db) {
        return tl::unexpected(db.error());
    }
    state_of(**db).deletions.schedule(request.key, request.header);
    return {};
}

answer<> vacuum_service::fetch_wanted(byte_view record_buffer, const asker& who) {
    const auto view = protocol::view_record_buffer(record_buffer);
    if (!view || !protocol::entries_valid(*view)) {
        return refuse("malformed record buffer");
    }
    const auto db = get(view->db_id);
    if (!db) {
        return tl::unexpected(db.error());
    }
    if (who.node != node_.self() && who.generation != node_.vnn_map().generation) {
        return refuse("request of generation {:#x}", who.generation.value);
    }
    database_state& state = state_of(**db);
    if (const auto added = state.fetches.add(record_buffer); !added) {
        return refuse(added.error());
    }
    return {};
}

void vacuum_service::try_delete_records(
    byte_view record_buffer, const asker& who, answer_to<protocol::record_buffer> done
) {
    const auto work = [](async::task<answer<protocol::record_buffer>> deleting,
                         answer_to<protocol::record_buffer> tell) -> async::task<> {
        const answer<protocol::record_buffer> kept = co_await std::move(deleting);
        tell(kept);
    };
    deletions_for_others_.spawn(
        work(try_delete(node_, databases_, to_bytes(record_buffer), who), std::move(done))
    );
}

void vacuum_service::vacuum(const protocol::db_vacuum& request, answer_to<> done) {
    const auto db = get(request.db_id);
    if (!db) {
        done(tl::unexpected(db.error()));
        return;
    }
    if (state_of(**db).running()) {
        done(refuse("vacuuming of {} is running already", (*db)->name()));
        return;
    }
    if (!may_run(**db)) {
        done(refuse("database {} cannot be vacuumed now", (*db)->name()));
        return;
    }
    const auto depth = request.full_vacuum_run ? vacuum_depth::full : vacuum_depth::queues;
    begin(**db, depth, vacuum_cause::control, std::move(done));
}

// ---- figures ----

protocol::latency_counter vacuum_service::latency(db_id id) const {
    const auto state = states_.find(id);
    return state == states_.end() ? protocol::latency_counter{} : state->second->latency;
}

void vacuum_service::reset_statistics() {
    for (const auto& [id, state] : states_) {
        state->latency = {};
    }
}

std::size_t vacuum_service::waiting(db_id id) const {
    const auto state = states_.find(id);
    return state == states_.end() ? 0 : state->second->deletions.size();
}

std::size_t vacuum_service::running() const noexcept {
    return static_cast<std::size_t>(std::count_if(
        states_.begin(), states_.end(), [](const auto& s) { return s.second->running(); }
    ));
}

} // namespace ctdb::ctdbd
