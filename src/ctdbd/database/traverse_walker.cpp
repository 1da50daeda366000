#include "ctdbd/database/traverse_walker.hpp"

#include "common/base/log.hpp"
#include "common/protocol/controls.hpp"
#include "common/protocol/record_buffer.hpp"
#include "ctdbd/database/database_set.hpp"

namespace ctdb::ctdbd {

traverse_walker::traverse_walker(
    node_context& node,
    database_set& databases,
    const protocol::traverse_all_ext& request,
    std::function<void(traverse_walker*)> finished
)
    : node_(node), databases_(databases), request_(request), finished_(std::move(finished)),
      job_(node.runtime(), [this] { return turn(); }) {
    job_.start();
}

void traverse_walker::go_on() {
    paused_ = false;
    job_.start();
}

next_turn traverse_walker::turn() {
    if (paused_) {
        return next_turn::never; // go_on() or the end of the traverse
    }
    database* db = databases_.find(request_.db_id);
    if (db == nullptr) {
        return end(); // nothing here: say so at once instead of letting the collector wait
    }
    if (must_wait(*db)) {
        return next_turn::after_pause;
    }
    const bool is_volatile = db->is_volatile();
    const auto state =
        walk_one_turn(node_.runtime(), db->store(), position_, [&](byte_view key, byte_view value) {
            visit(is_volatile, key, value);
        });
    if (!state) {
        log_error("traverse of database {} ends early: {}", db->name(), state.error().what);
        return end();
    }
    if (*state == walk_state::finished) {
        return end();
    }
    return position_.blocked ? next_turn::after_pause : next_turn::soon;
}

bool traverse_walker::must_wait(const database& db) {
    if (request_.pnn == node_.self()) {
        return db.is_frozen() || node_.unread_bytes(request_.srvid) > queued_bytes_max;
    }
    return db.is_frozen() || node_.queued_bytes(request_.pnn) > link_bytes_max;
}

void traverse_walker::visit(bool is_volatile, byte_view key, byte_view value) {
    const auto header = protocol::header_of(value);
    if (!header) {
        return;
    }
    const bool empty = value.size() == protocol::record_header_size;
    const bool not_mine = header->dmaster != node_.self();
    if (is_volatile && (not_mine || (empty && !request_.with_empty_records))) {
        return;
    }
    send(key, value);
}

void traverse_walker::send(byte_view key, byte_view value) {
    client::control_call call;
    call.to = request_.pnn;
    call.opcode = protocol::controls::traverse_data::opcode;
    call.flags = protocol::control_flag::noreply;
    call.data = protocol::encode_record(request_.reqid, key, value);
    node_.port().control_without_reply(std::move(call));
}

next_turn traverse_walker::end() {
    send({}, {});
    const auto finished = std::move(finished_);
    finished(this); // *this is gone
    return next_turn::never;
}

} // namespace ctdb::ctdbd
