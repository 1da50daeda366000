// The records' part of database: copying, updates, sequence numbers, health.
#include "common/base/log.hpp"
#include "ctdbd/database/database.hpp"
#include "ctdbd/database/pull_stream.hpp"
#include "ctdbd/database/push_receiver.hpp"
#include "ctdbd/database/record/planted_bug.hpp"
#include "ctdbd/database/record/record_engine.hpp"
#include "ctdbd/database/seqnum_read.hpp"
#include "ctdbd/database/seqnum_watch.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace ctdb::ctdbd {
namespace {

constexpr std::string_view no_healthy_nodes = "NO-HEALTHY-NODES - "; // databases.md 1.3

} // namespace

// ---- copying ----

void database::pull(srvid to, pnn requester, answer_to<std::uint32_t> done) {
    if (!accepts_copies()) {
        done(refuse("database {} is not frozen, or committed just now", name()));
        return;
    }
    if (!has_whole_content() && !planted(planted_bug::inactive_nodes_pulled)) {
        done(0U); // what an inactive node holds is stale (databases.md 5.2), a part says nothing
        return;
    }
    const pull_stream::destination destination{requester, to};
    pulls_.push_back(std::make_unique<pull_stream>(
        node_,
        *this,
        destination,
        std::move(done),
        [this](pull_stream* finished) {
            pulls_.remove_if([finished](const auto& pull) { return pull.get() == finished; });
        }
    ));
}

answer<> database::push_start(srvid from) {
    if (!accepts_copies()) {
        return refuse("database {} is not frozen, or committed just now", name());
    }
    push_.reset(); // an earlier push is discarded
    push_ = std::make_unique<push_receiver>(node_, *this, from);
    return {};
}

void database::push_confirm(answer_to<std::uint32_t> done) {
    if (!is_frozen() || !push_ || push_->confirming()) {
        done(refuse("database {} is not receiving a push", name()));
        return;
    }
    push_->confirm([this, done = std::move(done)](const answer<std::uint32_t>& stored) {
        const auto reply = done;
        const answer<std::uint32_t> kept = stored;
        if (push_) { // null: it was broken off and is being destroyed
            std::ranges::move(push_->take_emptied(), std::back_inserter(emptied_));
            push_.reset(); // with the function that runs here
        }
        reply(kept);
    });
}

// ---- records ----

void database::read_sequence_number(answer_to<std::uint64_t> done) {
    if (phase_ == freeze_phase::pending || phase_ == freeze_phase::frozen) {
        done(refuse("database {} is frozen", name()));
        return;
    }
    seqnum_reads_.push_back(std::make_unique<seqnum_read>(
        node_.runtime(),
        *this,
        std::move(done),
        [this](seqnum_read* finished) {
            seqnum_reads_.remove_if([finished](const auto& r) { return r.get() == finished; });
        }
    ));
}

// A volatile database's records are updated in the order in which their packets came, one by one
// (I8): a copy that is still on its way into the file must not outlive its end.
void database::update(bytes record_buffer, ctdb::generation received_in, answer_to<> done) {
    const std::chrono::seconds limit{node_.tunable(protocol::tunable_id::control_timeout)};
    const auto deadline = node_.runtime().now() + limit;
    if (engine_ && is_volatile()) {
        const auto ended = [this, done = std::move(done)](update_end how) {
            const bool applied = how != update_end::refused;
            done(applied ? answer<>{} : refuse_with(1, "database {}: update refused", name()));
        };
        engine_->update(record_buffer, received_in, deadline, ended);
        return;
    }
    submit_or_park({std::move(record_buffer), received_in, deadline, std::move(done)});
}

void database::submit_or_park(received_update update) {
    if (phase_ == freeze_phase::none) {
        submit(std::move(update));
        return;
    }
    if (!late_updates_.armed()) {
        late_updates_.arm(update.deadline);
    }
    parked_updates_.push_back(std::move(update));
}

void database::submit(received_update update) {
    ++updates_running_;
    const auto done = [this, done = std::move(update.done)](const result<>& outcome) {
        --updates_running_;
        done(outcome ? answer<>{} : refuse_with(1, "{}", outcome.error().what));
        ask_for_lock_when_quiet();
    };
    store_->apply_update(std::move(update.buffer), is_volatile(), update.deadline, done);
}

void database::refuse_late_updates() {
    const auto now = node_.runtime().now();
    std::deque<received_update> waiting;
    std::deque<received_update> late;
    for (received_update& update : parked_updates_) {
        (update.deadline <= now ? late : waiting).push_back(std::move(update));
    }
    parked_updates_ = std::move(waiting);
    if (!parked_updates_.empty()) {
        late_updates_.arm(parked_updates_.front().deadline);
    }
    for (const received_update& update : late) {
        update.done(refuse_with(1, "database {}: frozen for too long for an update", name()));
    }
}

void database::release_updates() {
    for (received_update& update : std::exchange(parked_updates_, {})) {
        if (update.received_in == generation_ && generation_ != invalid_generation) {
            submit_or_park(std::move(update));
        } else {
            update.done(refuse(
                "database {}: update of generation {:#x}, now {:#x}",
                name(),
                update.received_in.value,
                generation_.value
            )); // D1
        }
    }
}

// ---- attributes ----

answer<> database::set_attribute(protocol::db_flag which) {
    const bool readonly = which == protocol::db_flag::readonly;
    const char* const word = readonly ? "READONLY" : "STICKY";
    if (!is_volatile()) {
        return refuse("database {}: only volatile databases can be {}", name(), word);
    }
    if (identity_.flags.has(which)) {
        return {};
    }
    identity_.flags.set(which);
    log_notice("database {}: is {} now", name(), word);
    if (engine_) {
        engine_->set_readonly(identity_.flags.has(protocol::db_flag::readonly));
        engine_->set_sticky(identity_.flags.has(protocol::db_flag::sticky));
    }
    return {};
}

// ---- tdb sequence number ----

void database::enable_seqnum() {
    if (!seqnum_) {
        store_->enable_sequence_number();
        seqnum_ = std::make_unique<seqnum_watch>(node_, *this);
    }
}

void database::seqnum_raised_elsewhere() {
    if (seqnum_) {
        seqnum_->raised_elsewhere();
    } else {
        store_->raise_sequence_number();
    }
}

// ---- health ----

result<> database::review_health() {
    if (!is_persistent()) {
        return {};
    }
    const std::string reason = health();
    if (reason.empty()) {
        return {};
    }
    if (node_.nodes_without_flags() > 0) {
        log_notice("database {}: healthy again, was: {}", name(), reason);
        return files_.set_health(name(), "");
    }
    if (!reason.starts_with(no_healthy_nodes)) {
        return files_.set_health(name(), std::string(no_healthy_nodes) + reason);
    }
    return {};
}

answer<> database::set_healthy() {
    const bool was_unhealthy = !health().empty();
    if (is_persistent() && was_unhealthy) {
        if (const auto set = files_.set_health(name(), ""); !set) {
            return refuse(set.error());
        }
        log_notice("database {}: set healthy by hand", name());
    }
    if (was_unhealthy && node_.run_state() == protocol::run_state::startup) {
        node_.request_recovery(fmt::format("database {} was set healthy", name()));
    }
    return {};
}

} // namespace ctdb::ctdbd
