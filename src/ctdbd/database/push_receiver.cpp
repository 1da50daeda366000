#include "ctdbd/database/push_receiver.hpp"

#include "common/base/log.hpp"
#include "common/protocol/hash.hpp"
#include "ctdbd/database/database.hpp"
#include "ctdbd/database/record/store_rule.hpp"

namespace ctdb::ctdbd {

push_receiver::push_receiver(node_context& node, database& db, srvid from)
    : node_(node), db_(db), job_(node.runtime(), [this] { return turn(); }) {
    subscription_ = node.port().subscribe(from, [this](byte_view data) { receive(data); });
}

push_receiver::~push_receiver() {
    if (confirmed_) {
        const auto done = std::move(confirmed_);
        done(refuse("push of database {} was broken off", db_.name()));
    }
}

// The address names the database: upstream's restoredb sends whatever id its file happens to hold.
void push_receiver::receive(byte_view data) {
    const auto buffer = protocol::view_record_buffer(data);
    if (!buffer) {
        poison(buffer.error().what);
    } else if (!poisoned_ && buffer->count > 0) {
        waiting_.push_back({to_bytes(buffer->entries), 0, buffer->count});
        job_.start();
    }
}

next_turn push_receiver::turn() {
    turn_budget budget(node_.runtime());
    while (!waiting_.empty()) {
        if (!store_from(waiting_.front(), budget)) {
            return next_turn::soon;
        }
        if (!waiting_.empty()) { // poison() empties it
            waiting_.pop_front();
        }
    }
    answer_if_done(); // may destroy *this
    return next_turn::never;
}

// True when the buffer is done with.
bool push_receiver::store_from(arrived& buffer, turn_budget& budget) {
    bool may_go_on = true;
    while (buffer.records > 0 && may_go_on) {
        const byte_view rest = byte_view{buffer.buffer}.subspan(buffer.offset);
        reader in(rest);
        const protocol::record_view record = protocol::read_record(in);
        if (!in.ok()) {
            poison("malformed record");
            return true;
        }
        if (const auto done = store(record.key, record.data); !done) {
            poison(done.error().what);
            return true;
        }
        ++stored_;
        --buffer.records;
        buffer.offset += rest.size() - in.remaining();
        may_go_on = budget.spend(1);
    }
    return buffer.records == 0;
}

result<> push_receiver::store(byte_view key, byte_view data) {
    if (!db_.is_frozen()) {
        return fail(EINVAL, "not frozen");
    }
    auto header = protocol::header_of(data);
    if (!header) {
        return pass(header);
    }
    header->flags.clear(protocol::readonly_mask);
    const byte_view value = protocol::data_after_header(data);
    if (db_.is_volatile() && !value.empty()) {
        // Every node gets a copy, so a deletion has to look for it everywhere (I7). A recovery sets
        // it; the records of restoredb are as they once were in a file.
        header->flags.set(protocol::record_flag::migrated_with_data);
    }
    store_place place;
    place.me = node_.self();
    place.lmaster = protocol::lmaster_of(node_.vnn_map(), key).value_or(node_.self());
    place.kind = db_.kind();
    const store_decision decision = decide_store(place, *header, value.empty());
    if (!decision.keep) {
        return db_.store().erase(key);
    }
    if (decision.note == vacuum_note::candidate && emptied_.size() < emptied_max) {
        emptied_.push_back({to_bytes(key), decision.header});
    }
    return db_.store().write(key, protocol::encode(decision.header), value);
}

void push_receiver::poison(const std::string& why) {
    if (!poisoned_) {
        poisoned_ = true;
        log_error("database {}: push is given up after {} records: {}", db_.name(), stored_, why);
    }
    waiting_.clear();
}

void push_receiver::confirm(answer_to<std::uint32_t> done) {
    confirmed_ = std::move(done);
    job_.start(); // also when nothing waits: the answer comes from the loop
}

void push_receiver::answer_if_done() {
    if (confirmed_) {
        const auto done = std::move(confirmed_);
        confirmed_ = nullptr;
        done(stored_);
    }
}

} // namespace ctdb::ctdbd
