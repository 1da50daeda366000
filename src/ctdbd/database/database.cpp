#include "ctdbd/database/database.hpp"

#include "common/base/ensure.hpp"
#include "common/base/log.hpp"
#include "ctdbd/database/pull_stream.hpp"
#include "ctdbd/database/push_receiver.hpp"
#include "ctdbd/database/record/record_engine.hpp"
#include "ctdbd/database/seqnum_read.hpp"
#include "ctdbd/database/seqnum_watch.hpp"

#include <utility>

namespace ctdb::ctdbd {

database::database(
    node_context& node,
    store_factory& files,
    database_identity identity,
    std::unique_ptr<local_store> store
)
    : node_(node), files_(files), identity_(std::move(identity)),
      late_updates_(node.runtime(), [this] { refuse_late_updates(); }), store_(std::move(store)) {
    ensure(store_ != nullptr);
    store_->on_freeze_lost([this] { freeze_lost(); });
}

database::~database() {
    push_.reset(); // answers its confirm, which looks at push_
}

database_kind database::kind() const noexcept {
    if (is_persistent()) {
        return database_kind::persistent;
    }
    return is_volatile() ? database_kind::volatile_db : database_kind::replicated;
}

void database::set_engine(std::unique_ptr<record_engine> engine) {
    engine_ = std::move(engine);
    if (engine_) {
        engine_->set_readonly(flags().has(protocol::db_flag::readonly));
        engine_->set_sticky(flags().has(protocol::db_flag::sticky));
        engine_->set_vnn_map(node_.vnn_map());
        engine_->set_generation(generation_);
        if (is_frozen()) {
            engine_->frozen();
        }
    }
}

void database::set_generation(ctdb::generation generation) {
    generation_ = generation;
    commit_overtaken_ = true; // if there is one
    if (engine_) {
        engine_->set_generation(generation);
    }
}

void database::vnn_map_changed() {
    if (engine_) {
        engine_->set_vnn_map(node_.vnn_map());
    }
}

void database::detached() {
    const answer<> gone = refuse("database {} was detached", name());
    answer_waiters(gone);
    if (const auto done = std::exchange(committed_, nullptr)) {
        done(gone);
    }
    for (const received_update& update : std::exchange(parked_updates_, {})) {
        update.done(gone);
    }
    drop_streams();
    while (!pulls_.empty()) {
        pulls_.front()->break_off(); // which takes it from the list
    }
    while (!seqnum_reads_.empty()) {
        seqnum_reads_.front()->break_off();
    }
    if (engine_) {
        engine_->detached();
    }
}

// ---- freeze ----

void database::freeze(records after, answer_to<> done) {
    if (after == records::become_invalid && is_volatile()) {
        invalid_records_ = true; // D3
    }
    if (accepts_copies()) {
        done({});
        return;
    }
    freeze_waiters_.push_back(std::move(done));
    if (phase_ == freeze_phase::none) {
        phase_ = freeze_phase::pending;
        ask_for_lock_when_quiet();
    }
}

void database::ask_for_lock_when_quiet() {
    if (phase_ == freeze_phase::pending && !lock_asked_ && updates_running_ == 0) { // D1
        lock_asked_ = true;
        if (engine_) {
            engine_->freeze_asked();
        }
        store_->freeze([this](const result<>& outcome) { lock_answered(outcome); });
    }
}

void database::lock_answered(const result<>& outcome) {
    if (phase_ != freeze_phase::pending) {
        return; // lost meanwhile; thaw() has cancelled the store's freeze
    }
    lock_asked_ = false;
    if (!outcome) {
        log_error("database {}: freeze failed: {}", name(), outcome.error().what);
        phase_ = freeze_phase::none;
        if (engine_) {
            engine_->freeze_failed();
        }
        answer_waiters(refuse(outcome.error()));
        release_updates();
        return;
    }
    phase_ = freeze_phase::frozen;
    if (engine_) {
        engine_->frozen();
    }
    answer_waiters({});
}

void database::answer_waiters(const answer<>& outcome) {
    for (const auto& waiter : std::exchange(freeze_waiters_, {})) {
        waiter(outcome);
    }
}

void database::freeze_lost() {
    log_error("database {}: the process that held it frozen is gone", name());
    leave_freeze();
    node_.request_recovery(fmt::format("freeze of database {} was lost", name()));
}

void database::thaw() {
    if (phase_ == freeze_phase::none) {
        invalid_records_ = false;
        return;
    }
    if (phase_ == freeze_phase::frozen_txn) {
        log_warning("database {}: thawed with a transaction open, which is cancelled", name());
        store_->cancel_transaction();
    }
    if (phase_ != freeze_phase::pending || lock_asked_) {
        store_->thaw();
    }
    leave_freeze();
}

// The store is thawed already; everything that belonged to the freeze ends.
void database::leave_freeze() {
    phase_ = freeze_phase::none;
    transaction_.reset();
    lock_asked_ = false;
    invalid_records_ = false; // D3
    ++content_epoch_;
    drop_streams();
    answer_waiters(refuse("database {} was thawed before it froze", name()));
    if (const auto done = std::exchange(committed_, nullptr)) {
        done(refuse("database {} was thawed while it was committed", name()));
    }
    if (engine_) {
        engine_->thawed();
    }
    release_updates();
}

void database::drop_streams() {
    push_.reset();
}

// ---- transaction ----

answer<> database::begin(std::uint32_t transaction) {
    if (!accepts_copies()) {
        return refuse("database {} is not frozen, or committed just now", name());
    }
    cancel();
    if (const auto begun = store_->begin_transaction(); !begun) {
        return refuse(begun.error());
    }
    transaction_ = transaction;
    wiped_ = false;
    emptied_.clear();
    phase_ = freeze_phase::frozen_txn;
    return {};
}

void database::cancel() {
    if (phase_ == freeze_phase::frozen_txn) {
        store_->cancel_transaction();
        transaction_.reset();
        phase_ = freeze_phase::frozen;
        ++content_epoch_;
        drop_streams();
    }
}

void database::commit(std::uint32_t transaction, answer_to<> done) {
    if (phase_ != freeze_phase::frozen_txn || transaction_ != transaction) {
        done(refuse("database {} has no transaction {:#x}", name(), transaction));
        return;
    }
    if (push_ && push_->busy()) {
        done(refuse("database {}: a push is not finished", name()));
        return;
    }
    push_.reset();
    phase_ = freeze_phase::committing;
    commit_overtaken_ = false;
    ++content_epoch_;
    committed_ = std::move(done);
    store_->commit_transaction([this](const result<>& how) { commit_answered(how); });
}

void database::commit_answered(const result<>& how) {
    ensure(phase_ == freeze_phase::committing && transaction_.has_value());
    const std::uint32_t transaction = *std::exchange(transaction_, std::nullopt);
    phase_ = freeze_phase::frozen;
    ++content_epoch_;
    const answer<> outcome = conclude_commit(how, transaction);
    const auto done = std::exchange(committed_, nullptr);
    answer_waiters({});
    done(outcome);
}

answer<> database::conclude_commit(const result<>& how, std::uint32_t transaction) {
    if (!how) {
        log_error("database {}: commit failed: {}", name(), how.error().what);
        return refuse(how.error());
    }
    if (const auto healthy = review_health(); !healthy) {
        return refuse(healthy.error());
    }
    if (commit_overtaken_) {
        return refuse("database {}: transaction {:#x} came too late", name(), transaction);
    }
    set_generation(ctdb::generation{transaction}); // D2
    content_is_new_ = wiped_;
    if (wiped_ && engine_) {
        engine_->content_replaced(); // D4
    }
    return {};
}

answer<> database::wipe(std::uint32_t transaction) {
    if (phase_ != freeze_phase::frozen_txn || transaction_ != transaction) {
        return refuse("database {} has no transaction {:#x}", name(), transaction);
    }
    ++content_epoch_;
    drop_streams();
    if (const auto wiped = store_->wipe(); !wiped) {
        return refuse(wiped.error());
    }
    wiped_ = true;
    emptied_.clear();
    return {};
}

std::vector<emptied_record> database::take_emptied() {
    return std::exchange(emptied_, {});
}

} // namespace ctdb::ctdbd
