#include "ctdbd/database/record/record_request.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace ctdb::ctdbd {

update_job::update_job(
    async::runtime& rt, async::time_point deadline, std::function<void(update_end)> answer
)
    : answer_(std::move(answer)), limit_(rt, [this] { tell(update_end::refused); }) {
    limit_.arm(deadline);
}

void update_job::finish(update_end how) {
    worst_ = std::max(worst_, how);
    if (--missing_ == 0) {
        tell(worst_);
    }
}

void update_job::tell(update_end how) {
    limit_.cancel();
    if (const auto answer = std::exchange(answer_, nullptr)) {
        answer(how);
    }
}

// A pushed copy of another generation is ignored (databases.md 10.1).
void record_request::abandoned() const {
    if (job) {
        job->finish(kind == request_kind::pushed ? update_end::not_needed : update_end::refused);
    }
}

void record_request::own() {
    if (!storage.empty()) {
        return;
    }
    storage.reserve(key.size() + data.size());
    storage.insert(storage.end(), key.begin(), key.end());
    storage.insert(storage.end(), data.begin(), data.end());
    const std::size_t key_size = key.size();
    key = byte_view(storage).first(key_size);
    data = byte_view(storage).subspan(key_size);
}

bool same_bytes(byte_view a, byte_view b) noexcept {
    return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size()) == 0);
}

} // namespace ctdb::ctdbd
