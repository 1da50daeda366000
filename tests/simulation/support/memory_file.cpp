#include "tests/simulation/support/memory_file.hpp"

#include "common/base/ensure.hpp"
#include "common/protocol/hash.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace ctdb::simulation {

bool view_order::operator()(byte_view a, byte_view b) const noexcept {
    const std::size_t common = std::min(a.size(), b.size());
    const int order = common == 0 ? 0 : std::memcmp(a.data(), b.data(), common);
    return order != 0 ? order < 0 : a.size() < b.size();
}

memory_file::memory_file(std::uint32_t chains) : records_(chains), chain_owner_(chains) {
    ensure(chains > 0);
}

std::uint32_t memory_file::chain_of(byte_view key) const {
    return protocol::hash(key) % chains();
}

std::uint32_t memory_file::chains() const noexcept {
    return static_cast<std::uint32_t>(records_.size());
}

const bytes* memory_file::find(byte_view key) const {
    const record_map& records = records_[chain_of(key)];
    const auto found = records.find(key);
    return found == records.end() ? nullptr : &found->second;
}

void memory_file::write(byte_view key, byte_view value) {
    record_map& records = records_[chain_of(key)];
    const auto found = records.find(key);
    if (found == records.end()) {
        const auto placed = records.emplace(to_bytes(key), to_bytes(value)).first;
        changed(key, nullptr, &placed->second);
        return;
    }
    const bytes before = std::exchange(found->second, to_bytes(value));
    changed(key, &before, &found->second);
}

void memory_file::erase(byte_view key) {
    record_map& records = records_[chain_of(key)];
    const auto found = records.find(key);
    if (found != records.end()) {
        const auto gone = records.extract(found);
        changed(key, &gone.mapped(), nullptr);
    }
}

void memory_file::changed(byte_view key, const bytes* before, const bytes* after) {
    if (counts_writes) {
        ++sequence_number;
    }
    if (on_change) {
        on_change(key, before, after);
    }
}

void memory_file::replace_all(std::vector<record_map> records) {
    ensure(records.size() == records_.size());
    records_ = std::move(records);
    if (counts_writes) {
        ++sequence_number;
    }
    if (on_replaced) {
        on_replaced();
    }
}

lock_owner memory_file::new_owner() noexcept {
    static lock_owner last = 0; // identity only: no run depends on the value
    return ++last;
}

bool memory_file::try_lock(std::uint32_t chain, lock_owner owner) {
    const bool whole_wanted = std::any_of(waiting_.begin(), waiting_.end(), [](const wait* w) {
        return w->chain_ == wait::everything && !w->granted_;
    });
    if (whole_ != 0 || whole_wanted || chain_owner_[chain] != 0) {
        return false;
    }
    chain_owner_[chain] = owner;
    ++locked_;
    return true;
}

bool memory_file::holds(std::uint32_t chain, lock_owner owner) const {
    return whole_ == owner || chain_owner_[chain] == owner;
}

void memory_file::unlock(std::uint32_t chain, lock_owner owner) {
    ensure(chain_owner_[chain] == owner);
    chain_owner_[chain] = 0;
    --locked_;
    grant();
}

void memory_file::unlock_all(lock_owner owner) {
    ensure(whole_ == owner);
    whole_ = 0;
    grant();
}

memory_file::wait* memory_file::choose(std::uint32_t chain) {
    std::vector<wait*> candidates;
    for (wait* w : waiting_) {
        if (w->chain_ == chain && !w->granted_) {
            candidates.push_back(w);
        }
    }
    if (candidates.empty()) {
        return nullptr;
    }
    return candidates[candidates.front()->runtime_.random() % candidates.size()];
}

// Gives away what is free. Whoever wants everything comes first.
void memory_file::grant() {
    if (whole_ != 0 || waiting_.empty()) {
        return;
    }
    if (wait* whole = choose(wait::everything); whole != nullptr) {
        if (locked_ == 0) {
            whole_ = whole->owner_;
            whole->granted_ = true;
            whole->told_.schedule();
        }
        return;
    }
    for (std::uint32_t chain = 0; chain < chains(); ++chain) {
        if (chain_owner_[chain] != 0) {
            continue;
        }
        if (wait* next = choose(chain); next != nullptr) {
            chain_owner_[chain] = next->owner_;
            ++locked_;
            next->granted_ = true;
            next->told_.schedule();
        }
    }
}

memory_file::wait::wait(
    std::shared_ptr<memory_file> file,
    std::uint32_t chain,
    lock_owner owner,
    async::runtime& rt,
    std::function<void()> locked
)
    : file_(std::move(file)), chain_(chain), owner_(owner), locked_(std::move(locked)),
      told_(rt, [this] { tell(); }), runtime_(rt) {
    file_->waiting_.push_back(this);
    file_->grant();
}

memory_file::wait::~wait() {
    if (done_) {
        return;
    }
    const auto file = file_;
    std::erase(file->waiting_, this);
    if (!granted_) {
        file->grant(); // others may have waited behind this one
    } else if (chain_ == everything) {
        file->unlock_all(owner_);
    } else {
        file->unlock(chain_, owner_);
    }
}

void memory_file::wait::tell() {
    std::erase(file_->waiting_, this);
    done_ = true;
    const auto locked = std::move(locked_);
    locked();
}

} // namespace ctdb::simulation
