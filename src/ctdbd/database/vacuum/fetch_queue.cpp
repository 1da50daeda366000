#include "ctdbd/database/vacuum/fetch_queue.hpp"

#include "common/protocol/record_buffer.hpp"

namespace ctdb::ctdbd {

result<> fetch_queue::add(byte_view record_buffer) {
    const auto view = protocol::view_record_buffer(record_buffer);
    if (!view) {
        return pass(view);
    }
    if (view->count == 0) {
        return {};
    }
    if (size_ + view->entries.size() > limit_) {
        return fail(ENOBUFS, "{} bytes of keys wait already", size_);
    }
    size_ += view->entries.size();
    buffers_.push_back({to_bytes(view->entries), 0, view->count});
    return {};
}

std::optional<bytes> fetch_queue::next() {
    while (run_ > 0) {
        keys& front = buffers_.front();
        const byte_view rest = byte_view{front.buffer}.subspan(front.offset);
        reader in(rest);
        const protocol::record_view record = protocol::read_record(in);
        if (front.left == 0 || !in.ok()) {
            drop_front();
            continue;
        }
        bytes key = to_bytes(record.key);
        --front.left;
        front.offset += rest.size() - in.remaining();
        if (front.left == 0) {
            drop_front();
        }
        return key;
    }
    return {};
}

void fetch_queue::drop_front() {
    size_ -= buffers_.front().buffer.size();
    buffers_.pop_front();
    --run_;
}

} // namespace ctdb::ctdbd
