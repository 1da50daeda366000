#include "ctdbd/database/lineage_service.hpp"

#include "common/base/log.hpp"
#include "common/protocol/hash.hpp"
#include "ctdbd/database/database.hpp"

#include <algorithm>

namespace ctdb::ctdbd {

lineage_service::lineage_service(node_context& node, store_factory& files, const databases& all)
    : node_(node), files_(files), databases_(all) {
    auto& port = node.port();
    questions_ = port.subscribe(lineage_question_address, [this](byte_view m) { answer(m); });
    epochs_ = port.subscribe(epoch_address, [this](byte_view m) { learn_epoch(m); });
    decisions_ = port.subscribe(verdict_address, [this](byte_view m) { learn_verdict(m); });
}

void lineage_service::seen(std::uint64_t epoch) {
    highest_epoch_ = std::max(highest_epoch_, epoch);
}

// ---- what happens to the databases ----

void lineage_service::attached(database& db) {
    lineage& copy = copies_[db.id()];
    copy = lineage{};
    const bytes saved = db.is_persistent() ? files_.saved_lineage(db.name()) : bytes{};
    if (saved.empty()) {
        if (!node_.recovering() && is_new(db)) {
            copy = born_now(db.generation());
            if (db.is_persistent() && copy.known()) {
                save(); // before anything is committed to it
            }
        }
        return;
    }
    reader in(saved);
    copy = get_lineage(in);
    if (!in.ok() || in.remaining() != 0) {
        log_error("database {}: its saved lineage is malformed and ignored", db.name());
        copy = lineage{};
    }
    seen(copy.epoch());
}

// A persistent file may be older than what is known of it.
bool lineage_service::is_new(database& db) {
    if (!db.is_persistent()) {
        return true;
    }
    const byte_view key = protocol::sequence_number_key();
    const auto locked = db.store().try_lock(key);
    if (!locked || *locked == lock_state::busy) {
        return false;
    }
    const auto there = db.store().read(key, [](byte_view) {});
    db.store().unlock(key);
    return there && !*there;
}

// All nodes attach a new database in one epoch: what comes into it is of that epoch.
lineage lineage_service::born_now(ctdb::generation generation) const {
    lineage copy;
    if (now_ && now_->generation == generation) {
        lineage_step step;
        step.epoch = now_->epoch;
        step.generation = generation;
        copy.add(step);
    }
    return copy;
}

void lineage_service::committed(const database& db, ctdb::generation generation) {
    lineage& copy = copies_[db.id()];
    const auto verdict = verdicts_.find(db.id());
    if (now_ && now_->generation == generation && verdict != verdicts_.end()) {
        copy = verdict->second;
    } else if (!copy.known() || copy.steps.back().generation != generation) {
        copy = lineage{}; // L3; a tool's transaction within the epoch changes nothing
    }
}

void lineage_service::save() {
    std::map<std::string, bytes> all;
    for (const auto& db : databases_) {
        const auto copy = copies_.find(db->id());
        if (db->is_persistent() && copy != copies_.end() && copy->second.known()) {
            writer out;
            put(out, copy->second);
            all[db->name()] = out.take();
        }
    }
    if (const auto saved = files_.save_lineages(all); !saved) {
        // The old ones would be too old after a restart, and only then: sequence numbers decide.
        log_error("lineages of persistent databases are not saved: {}", saved.error().what);
    }
}

bool lineage_service::must_keep_aside(db_id id, ctdb::generation generation) const {
    return now_ && now_->generation == generation && to_keep_.contains(id);
}

// What an inactive node holds counts for nothing, nor does a part of a copy, so its lineage may not
// shut out others.
lineage lineage_service::of(const database& db) const {
    const auto copy = copies_.find(db.id());
    return copy == copies_.end() || !db.has_whole_content() ? lineage{} : copy->second;
}

std::vector<pnn> lineage_service::members_of(ctdb::generation generation) const {
    return now_ && now_->generation == generation ? now_->members : std::vector<pnn>{};
}

// ---- messages ----

void lineage_service::answer(byte_view data) {
    const auto question = decode_lineage_question(data);
    if (!question) {
        log_warning("{}", question.error().what);
        return;
    }
    lineage_answer answer;
    answer.node = node_.self();
    answer.highest_epoch = highest_epoch_;
    for (const auto& db : databases_) {
        answer.copies[db->id()] = of(*db);
    }
    node_.port().message(question->asker, question->answer_to, encode(answer));
}

void lineage_service::learn_epoch(byte_view data) {
    const auto number = decode_epoch_number(data);
    if (!number) {
        log_warning("{}", number.error().what);
        return;
    }
    seen(number->epoch);
    now_ = *number;
    verdicts_.clear();
    to_keep_.clear();
}

void lineage_service::learn_verdict(byte_view data) {
    auto verdict = decode_lineage_verdict(data);
    if (!verdict) {
        log_warning("{}", verdict.error().what);
        return;
    }
    if (!now_ || now_->generation != verdict->generation) {
        return; // of a recovery that another one has replaced
    }
    const auto& diverged = verdict->diverged;
    if (std::find(diverged.begin(), diverged.end(), node_.self()) != diverged.end() &&
        !verdicts_.contains(verdict->database)) { // a second attempt: kept already, or still to be
        to_keep_.insert(verdict->database);
    }
    verdicts_[verdict->database] = std::move(verdict->content);
}

} // namespace ctdb::ctdbd
