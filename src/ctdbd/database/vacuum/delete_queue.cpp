#include "ctdbd/database/vacuum/delete_queue.hpp"

#include <utility>

namespace ctdb::ctdbd {

void delete_queue::schedule(byte_view key, const protocol::record_header& header) {
    put(waiting_, key, header);
}

void delete_queue::put(table& into, byte_view key, const protocol::record_header& header) {
    const std::string_view text = text_of(key);
    if (const auto known = into.find(text); known != into.end()) {
        known->second = header;
    } else if (size() < limit_) {
        into.emplace(text, header);
    } else {
        overflow_ = true;
    }
}

void delete_queue::drop(table& from, std::string_view key) {
    if (from.empty()) {
        return; // the usual case, on the path of every migration
    }
    if (const auto known = from.find(key); known != from.end()) {
        from.erase(known);
    }
}

void delete_queue::forget(byte_view key) {
    const std::string_view text = text_of(key);
    drop(waiting_, text);
    drop(run_, text);
    drop(locked_, text);
    drop(locked_run_, text);
}

// The rest of a run that was broken off comes first, in bounded time.
void delete_queue::begin_run(locked_ones what) {
    if (run_.empty()) {
        std::swap(run_, waiting_);
    }
    if (what == locked_ones::take_up && locked_run_.empty()) {
        std::swap(locked_run_, locked_);
    }
}

void delete_queue::add_to_run(byte_view key, const protocol::record_header& header) {
    put(run_, key, header);
}

std::optional<deletion> delete_queue::next() {
    table& from = run_.empty() ? locked_run_ : run_;
    if (from.empty()) {
        return {};
    }
    const auto first = from.begin();
    deletion entry{to_bytes(first->first), first->second};
    from.erase(first);
    return entry;
}

void delete_queue::locked(deletion entry) {
    const std::string_view text = text_of(entry.key);
    if (!waiting_.contains(text)) { // else scheduled anew meanwhile
        put(locked_, entry.key, entry.header);
    }
}

bool delete_queue::take_overflow() noexcept {
    return std::exchange(overflow_, false);
}

} // namespace ctdb::ctdbd
