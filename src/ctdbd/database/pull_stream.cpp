#include "ctdbd/database/pull_stream.hpp"

#include "common/protocol/record_slice.hpp"
#include "ctdbd/database/database.hpp"

namespace ctdb::ctdbd {

pull_stream::pull_stream(
    node_context& node,
    database& db,
    destination to,
    answer_to<std::uint32_t> done,
    std::function<void(pull_stream*)> finished
)
    : node_(node), db_(db), to_(to), done_(std::move(done)), finished_(std::move(finished)),
      content_epoch_(db.content_epoch()),
      buffer_size_max_(
          protocol::record_buffer_limit(node.tunable(protocol::tunable_id::rec_buffer_size_limit))
      ),
      buffer_(db.id()), job_(node.runtime(), [this] { return turn(); }) {
    job_.start();
}

next_turn pull_stream::turn() {
    if (db_.content_epoch() != content_epoch_) {
        return end(refuse("database {} changed while it was pulled", db_.name()));
    }
    if (node_.queued_bytes(to_.node) > queued_bytes_max) {
        return next_turn::after_pause;
    }
    const auto state = walk_one_turn(
        node_.runtime(),
        db_.store(),
        position_,
        [this](byte_view key, byte_view value) { append(key, value); }
    );
    if (!state) {
        return end(refuse(state.error()));
    }
    if (*state == walk_state::more) {
        return next_turn::soon;
    }
    flush();
    return end(sent_);
}

void pull_stream::append(byte_view key, byte_view value) {
    if (value.size() < protocol::record_header_size) {
        return; // no record (databases.md 0.1)
    }
    buffer_.append(key, value);
    ++sent_;
    if (buffer_.size() >= buffer_size_max_) {
        flush();
    }
}

void pull_stream::flush() {
    if (!buffer_.empty()) {
        node_.port().message(to_.node, to_.address, buffer_.view());
        static_cast<void>(buffer_.take());
    }
}

void pull_stream::break_off() {
    end(refuse("database {} was detached", db_.name()));
}

next_turn pull_stream::end(const answer<std::uint32_t>& outcome) {
    const auto done = std::move(done_);
    const auto finished = std::move(finished_);
    finished(this); // *this is gone
    done(outcome);
    return next_turn::never;
}

} // namespace ctdb::ctdbd
