#include "ctdbd/database/tdb_store/tdb_store.hpp"

#include "common/base/ensure.hpp"
#include "common/base/log.hpp"
#include "ctdbd/database/tdb_store/set_aside.hpp"

#include <algorithm>
#include <array>

namespace ctdb::ctdbd {

namespace {

using namespace std::chrono_literals;
constexpr std::array<async::duration, 2> retry_after{50us, 100us};
// Of records: written again in some milliseconds.
constexpr std::uint64_t small_file_max = std::uint64_t{4} << 20U;

} // namespace

// A wait for one chain. States: retrying (the timer is armed), with an agent (job), or resting
// until the thaw (neither).
struct tdb_store::chain_wait {
    chain_wait(async::runtime& rt, std::function<void()> again) : timer(rt, std::move(again)) {}
    bytes key;
    std::uint32_t chain = 0;
    std::function<void(result<>)> locked;
    std::size_t tries = 0;
    async::timer timer;
    tdb::lock_agents::job_ptr job;
};

// Tells whether the store still exists after it has called out to its owner.
class tdb_store::call_out {
public:
    explicit call_out(const tdb_store& store) : store_(store.exists_) {}
    [[nodiscard]] bool store_is_gone() const noexcept { return store_.expired(); }

private:
    const std::weak_ptr<const existence> store_;
};

tdb_store::tdb_store(
    tdb::lock_agents& agents,
    std::unique_ptr<tdb::file> opened,
    std::string name,
    std::function<void()> closed
)
    : agents_(agents), file_(std::move(opened)),
      agent_file_(agents.opened(std::move(name), file_.raw().path(), file_.raw().flags())),
      closed_(std::move(closed)), late_updates_(agents.loop(), [this] { give_up_late_updates(); }),
      tell_ended_(agents.loop(), [this] { tell_ended(); }) {}

tdb_store::~tdb_store() {
    exists_.reset();
    waits_.clear();
    serving_.reset();
    update_job_.reset();
    tidy_job_.reset();
    sync_job_.reset();
    file_.thawed();
    freeze_job_.reset();
    agents_.closed(agent_file_.number);
    if (closed_) {
        closed_();
    }
}

std::string tdb_store::path() const {
    return file_.raw().path();
}

int tdb_store::open_flags() const {
    return file_.raw().flags();
}

std::uint32_t tdb_store::chain_of(byte_view key) const {
    return file_.raw().chain_of(key);
}

// ---- record locks ----

result<lock_state> tdb_store::try_lock(byte_view key) {
    if (file_.frozen()) {
        return lock_state::busy; // L3
    }
    return file_.try_lock(key).map([](bool locked) {
        return locked ? lock_state::locked : lock_state::busy;
    });
}

void tdb_store::unlock(byte_view key) {
    file_.unlock(key);
}

void tdb_store::lock_when_free(byte_view key, std::function<void(result<>)> locked) {
    const std::uint32_t chain = chain_of(key);
    ensure(locked != nullptr && !waits_.contains(chain));
    auto wait = std::make_unique<chain_wait>(agents_.loop(), [this, chain] { retry(chain); });
    wait->key = to_bytes(key);
    wait->chain = chain;
    wait->locked = std::move(locked);
    if (!file_.frozen()) {
        wait->timer.arm_in(retry_after.front());
    }
    waits_.emplace(chain, std::move(wait));
}

void tdb_store::cancel_wait(byte_view key) {
    waits_.erase(chain_of(key));
}

void tdb_store::retry(std::uint32_t chain) {
    chain_wait& wait = *waits_.at(chain);
    if (file_.frozen()) {
        return; // rests until the thaw
    }
    const auto locked = file_.try_lock(wait.key);
    if (locked && !*locked) {
        if (++wait.tries < retry_after.size()) {
            wait.timer.arm_in(retry_after.at(wait.tries));
        } else {
            ask_agent(wait);
        }
        return;
    }
    const std::unique_ptr<chain_wait> done = std::move(waits_.extract(chain).mapped());
    const call_out out(*this);
    done->locked(locked ? result<>() : pass(locked));
    if (locked && !out.store_is_gone()) {
        file_.unlock(done->key);
    }
}

void tdb_store::ask_agent(chain_wait& wait) {
    tdb::agent_job::events events;
    events.on_done = [this, chain = wait.chain](const result<>& how) {
        agent_answered(chain, how);
    };
    wait.job = agents_.lock_chain(agent_file_, wait.key, std::move(events));
}

void tdb_store::agent_answered(std::uint32_t chain, result<> how) {
    if (how && file_.frozen() && !check_freeze_holds()) {
        const call_out out(*this);
        lose_freeze(); // its agent died first: ours could not have got the chain otherwise
        if (out.store_is_gone() || !waits_.contains(chain)) {
            return;
        }
    }
    chain_wait& wait = *waits_.at(chain);
    if (how && file_.frozen()) {
        log_error("database {}: an agent got a chain although frozen", agent_file_.name);
        wait.job.reset(); // rests until the thaw
        return;
    }
    if (how && !wait.job->really_holds()) {
        ask_agent(wait); // killed after it had answered
        return;
    }
    const std::unique_ptr<chain_wait> done = std::move(waits_.extract(chain).mapped());
    if (!how) {
        done->locked(std::move(how));
        return;
    }
    serve_marked(*done);
}

void tdb_store::serve_marked(chain_wait& wait) {
    if (auto marked = file_.begin_marked(wait.key); !marked) {
        wait.job.reset();
        wait.locked(std::move(marked));
        return;
    }
    ensure(serving_ == nullptr);
    serving_ = std::move(wait.job);
    const call_out out(*this);
    wait.locked({});
    if (out.store_is_gone()) {
        return;
    }
    file_.end_marked(wait.key);
    serving_.reset(); // the agent lets go
}

void tdb_store::wake_resting_waits() {
    for (const auto& [chain, wait] : waits_) {
        if (wait->job == nullptr && !wait->timer.armed()) {
            wait->timer.arm_in(async::duration::zero());
        }
    }
}

// ---- records ----

result<bool> tdb_store::read(byte_view key, const std::function<void(byte_view value)>& use) const {
    const auto unchanged = check_unchanged();
    return unchanged ? file_.read(key, use) : pass(unchanged);
}

result<> tdb_store::write(byte_view key, byte_view value) {
    return journal_ ? journal_->store(key, value, {}) : file_.write(key, value);
}

result<> tdb_store::write(byte_view key, byte_view header, byte_view data) {
    return journal_ ? journal_->store(key, header, data) : file_.write(key, header, data);
}

result<> tdb_store::erase(byte_view key) {
    return journal_ ? journal_->erase(key) : file_.erase(key);
}

result<> tdb_store::wipe() {
    ensure(journal_.has_value());
    return journal_->wipe();
}

// A transaction is in memory until its commit: the file holds what was committed last.
result<std::string> tdb_store::keep_copy() {
    ensure(file_.frozen());
    return copy_diverged_aside(path());
}

// ---- freeze and transaction ----

void tdb_store::freeze(std::function<void(result<>)> frozen) {
    ensure(frozen != nullptr && freeze_job_ == nullptr);
    frozen_ = std::move(frozen);
    tdb::agent_job::events events;
    events.on_done = [this](result<> how) { freeze_answered(std::move(how)); };
    events.on_lost = [this] { lose_freeze(); };
    freeze_job_ = agents_.lock_all(agent_file_, how_to_freeze(), std::move(events));
}

tdb::freezing tdb_store::how_to_freeze() const {
    if (file_.raw().room_for_records() > small_file_max) {
        return tdb::freezing::takes_long;
    }
    return commit_mode() == tdb::rewrite_mode::in_place ? tdb::freezing::quick
                                                        : tdb::freezing::waits_for_disk;
}

void tdb_store::freeze_answered(result<> how) {
    const auto frozen = std::move(frozen_);
    frozen_ = nullptr;
    if (how) {
        file_.frozen_by_agent();
        frozen({});
        return;
    }
    freeze_job_.reset();
    const call_out out(*this);
    frozen(std::move(how));
    if (!out.store_is_gone()) {
        after_thaw();
    }
}

void tdb_store::thaw() {
    if (freeze_job_ == nullptr) {
        return;
    }
    file_.thawed();
    frozen_ = nullptr;
    committed_ = nullptr; // the agent ends a commit before it lets go
    journal_.reset();
    freeze_job_.reset(); // released, or the wait for it is over
    after_thaw();
}

void tdb_store::lose_freeze() {
    log_error("database {}: the agent that held it frozen is gone", agent_file_.name);
    file_.thawed();
    freeze_job_.reset();
    journal_.reset();
    const call_out out(*this);
    if (committed_) {
        commit_answered(fail(ECANCELED, "database {}: freeze lost", agent_file_.name));
    }
    if (out.store_is_gone()) {
        return;
    }
    after_thaw();
    if (freeze_lost_) {
        const auto lost = freeze_lost_; // the call may destroy the store
        lost();
    }
}

void tdb_store::after_thaw() {
    wake_resting_waits();
    start_update();
}

result<> tdb_store::check_freeze_holds() const {
    if (freeze_job_ == nullptr || !freeze_job_->really_holds()) {
        return fail(ECANCELED, "database {}: freeze lost", agent_file_.name);
    }
    return {};
}

result<> tdb_store::check_unchanged() const {
    if (committed_ || (journal_ && journal_->changes_anything())) {
        return fail(EBUSY, "database {}: changed in a transaction", agent_file_.name);
    }
    return {};
}

result<> tdb_store::begin_transaction() {
    ensure(!journal_ && !committed_);
    if (auto held = check_freeze_holds(); !held) {
        return held;
    }
    auto journal = tdb::rewrite_journal::begin();
    if (!journal) {
        return pass(journal);
    }
    journal_.emplace(std::move(*journal));
    return {};
}

tdb::rewrite_mode tdb_store::commit_mode() const {
    const bool outlives_us = (open_flags() & tdb::open_flag::clear_if_first) == 0;
    return outlives_us ? tdb::rewrite_mode::transaction : tdb::rewrite_mode::in_place;
}

void tdb_store::commit_transaction(std::function<void(result<>)> committed) {
    ensure(journal_.has_value() && !committed_);
    tdb::rewrite_journal journal = std::move(*journal_);
    journal_.reset();
    const auto order = journal.finish(commit_mode());
    result<> handed = order ? check_freeze_holds() : pass(order);
    if (handed) {
        handed = freeze_job_->rewrite(journal.fd(), *order, [this](result<> how) {
            commit_answered(std::move(how));
        });
    }
    if (!handed) {
        committed(std::move(handed));
        return;
    }
    committed_ = std::move(committed);
}

void tdb_store::commit_answered(result<> how) {
    const auto committed = std::exchange(committed_, nullptr);
    if (how) {
        holds_a_part_ = false;
        cancel_updates();
    } else if (commit_mode() == tdb::rewrite_mode::in_place && how.error().code != ENOSPC) {
        holds_a_part_ = true;
        log_error("database {}: only a part of it is in its file now", agent_file_.name);
    }
    committed(std::move(how));
}

void tdb_store::cancel_transaction() {
    journal_.reset();
}

// ---- updates ----

void tdb_store::apply_update(
    bytes record_buffer,
    bool volatile_rule,
    async::time_point deadline,
    std::function<void(result<>)> done
) {
    ensure(done != nullptr);
    updates_.push_back({std::move(record_buffer), volatile_rule, deadline, std::move(done)});
    watch_updates();
    start_update();
}

void tdb_store::start_update() {
    if (update_job_ != nullptr || updates_.empty() || freeze_job_ != nullptr) {
        return;
    }
    update& next = updates_.front();
    tdb::agent_job::events events;
    events.on_done = [this](result<> how) { update_answered(std::move(how)); };
    update_job_ =
        agents_.apply(agent_file_, std::move(next.buffer), next.volatile_rule, std::move(events));
}

void tdb_store::update_answered(result<> how) {
    update_job_.reset();
    const update done = std::move(updates_.front());
    updates_.pop_front();
    watch_updates();
    start_update();
    done.done(std::move(how));
}

void tdb_store::watch_updates() {
    const auto first = std::ranges::min_element(updates_, {}, &update::deadline);
    if (first == updates_.end()) {
        late_updates_.cancel();
    } else {
        late_updates_.arm(first->deadline);
    }
}

void tdb_store::give_up_late_updates() {
    const auto now = agents_.loop().now();
    if (update_job_ != nullptr && updates_.front().deadline <= now) {
        update_job_.reset();
    }
    std::erase_if(updates_, [&](update& late) {
        if (late.deadline > now) {
            return false;
        }
        ended_.push_back({std::move(late.done), error{ETIMEDOUT, "not updated in time"}});
        return true;
    });
    tell_ended_.schedule();
    watch_updates();
    start_update();
}

// What the frozen transaction replaced, no update made before it may touch. The agent of one sleeps
// for its first lock: inside its transaction it would have kept the freeze from coming.
void tdb_store::cancel_updates() {
    update_job_.reset();
    for (update& old : updates_) {
        ended_.push_back({std::move(old.done), error{ECANCELED, "replaced before the update"}});
    }
    updates_.clear();
    watch_updates();
    if (!ended_.empty()) {
        tell_ended_.schedule();
    }
}

void tdb_store::tell_ended() {
    const call_out out(*this);
    while (!out.store_is_gone() && !ended_.empty()) {
        const ended_update ended = std::move(ended_.front());
        ended_.pop_front();
        ended.done(fail(ended.why.code, "database {}: {}", agent_file_.name, ended.why.what));
    }
}

// ---- free space ----

// Killed with the store only: libtdb undoes what a dead process has left half done.
void tdb_store::tidy(std::uint32_t pieces_max) {
    if (tidy_job_ != nullptr || freeze_job_ != nullptr) {
        return;
    }
    tdb::agent_job::events events;
    events.on_done = [this](const result<>& how) {
        if (!how) {
            log_warning("database {}: repack: {}", agent_file_.name, how.error().what);
        }
        tidy_job_.reset();
    };
    tidy_job_ = agents_.tidy(agent_file_, pieces_max, std::move(events));
}

// ---- disk ----

// Those that come while one runs share the next.
void tdb_store::sync(std::function<void(result<>)> synced) {
    sync_next_.push_back(std::move(synced));
    if (sync_job_ == nullptr) {
        start_sync();
    }
}

void tdb_store::start_sync() {
    syncing_ = std::exchange(sync_next_, {});
    tdb::agent_job::events events;
    events.on_done = [this](const result<>& how) { sync_answered(how); };
    sync_job_ = agents_.sync(agent_file_, std::move(events));
}

void tdb_store::sync_answered(const result<>& how) {
    sync_job_.reset();
    const auto answered = std::exchange(syncing_, {});
    if (!sync_next_.empty()) {
        start_sync();
    }
    const call_out out(*this);
    for (const auto& synced : answered) {
        if (!out.store_is_gone()) {
            synced(how);
        }
    }
}

// ---- sequence number ----

void tdb_store::enable_sequence_number() {
    file_.raw().enable_sequence_number();
    agent_file_.flags = file_.raw().flags();
}

std::uint32_t tdb_store::sequence_number() const {
    return file_.raw().sequence_number();
}

void tdb_store::raise_sequence_number() {
    file_.raw().raise_sequence_number();
}

} // namespace ctdb::ctdbd
