#include "tests/simulation/support/memory_store.hpp"

#include "common/base/ensure.hpp"
#include "common/protocol/record_buffer.hpp"

#include <algorithm>
#include <utility>

namespace ctdb::simulation {

using ctdbd::lock_state;
using ctdbd::walk_state;

memory_store::memory_store(std::shared_ptr<memory_file> file, async::runtime& rt, std::string path)
    : file_(std::move(file)), runtime_(rt), path_(std::move(path)) {}

memory_store::~memory_store() {
    for (const auto& [chain, count] : locked_) {
        file_->unlock(chain, daemon_);
    }
    if (frozen_) {
        file_->unlock_all(freezer_);
    }
}

std::uint32_t memory_store::chain_of(byte_view key) const {
    return file_->chain_of(key);
}

result<lock_state> memory_store::try_lock(byte_view key) {
    if (fail_locks_) {
        return fail(EIO, "{}: cannot lock: planted error", path_);
    }
    const std::uint32_t chain = chain_of(key);
    ensure(!locked_.contains(chain)); // L2: the engine holds one at a time
    if (frozen_ || !file_->try_lock(chain, daemon_)) {
        return lock_state::busy;
    }
    locked_[chain] = 1;
    return lock_state::locked;
}

void memory_store::unlock(byte_view key) {
    const std::uint32_t chain = chain_of(key);
    ensure(locked_.erase(chain) == 1);
    file_->unlock(chain, daemon_);
}

void memory_store::lock_when_free(byte_view key, std::function<void(result<>)> locked) {
    const std::uint32_t chain = chain_of(key);
    ensure(!waits_.contains(chain)); // one wait per chain
    auto& place = waits_[chain];
    place = std::make_unique<file_wait>(file_, chain, daemon_, runtime_, [this, chain, locked] {
        chain_came(chain, locked);
    });
}

void memory_store::chain_came(std::uint32_t chain, const std::function<void(result<>)>& locked) {
    const auto call = locked; // the wait that holds the original goes now
    waits_.erase(chain);
    if (fail_locks_) {
        file_->unlock(chain, daemon_);
        call(fail(EIO, "{}: lock agent died: planted error", path_));
        return;
    }
    locked_[chain] = 1;
    call({});
    locked_.erase(chain);
    file_->unlock(chain, daemon_);
}

void memory_store::cancel_wait(byte_view key) {
    waits_.erase(chain_of(key));
}

bool memory_store::may_touch(byte_view key) const { // L1
    return frozen_ || locked_.contains(chain_of(key));
}

result<bool>
memory_store::read(byte_view key, const std::function<void(byte_view value)>& use) const {
    ensure(may_touch(key));
    if (fail_reads_) {
        return fail(EIO, "{}: cannot read: planted error", path_);
    }
    const bytes* value = nullptr;
    if (transaction_) {
        const record_map& records = (*transaction_)[chain_of(key)];
        const auto found = records.find(key);
        value = found == records.end() ? nullptr : &found->second;
    } else {
        value = file_->find(key);
    }
    if (value != nullptr) {
        use(*value);
    }
    return value != nullptr;
}

result<> memory_store::write(byte_view key, byte_view value) {
    ensure(may_touch(key));
    if (fail_writes_) {
        return fail(ENOSPC, "{}: cannot write: planted error", path_);
    }
    if (transaction_) {
        (*transaction_)[chain_of(key)].insert_or_assign(to_bytes(key), to_bytes(value));
    } else {
        file_->write(key, value);
    }
    return {};
}

result<> memory_store::write(byte_view key, byte_view header, byte_view data) {
    bytes value = to_bytes(header);
    value.insert(value.end(), data.begin(), data.end());
    return write(key, value);
}

result<> memory_store::erase(byte_view key) {
    ensure(may_touch(key));
    if (fail_writes_) {
        return fail(EIO, "{}: cannot erase: planted error", path_);
    }
    if (transaction_) {
        record_map& records = (*transaction_)[chain_of(key)];
        if (const auto found = records.find(key); found != records.end()) {
            records.erase(found);
        }
    } else {
        file_->erase(key);
    }
    return {};
}

void memory_store::freeze(std::function<void(result<>)> frozen) {
    ensure(!frozen_ && !freezing_);
    freezing_ = std::make_unique<file_wait>(
        file_,
        file_wait::everything,
        freezer_,
        runtime_,
        [this, frozen = std::move(frozen)] {
            const auto call = frozen;
            freezing_.reset();
            frozen_ = true;
            call({});
        }
    );
}

void memory_store::thaw() {
    freezing_.reset();
    transaction_.reset();
    if (std::exchange(frozen_, false)) {
        file_->unlock_all(freezer_);
    }
}

void memory_store::lose_freeze() {
    ensure(frozen_);
    thaw();
    if (lost_) {
        lost_();
    }
}

result<> memory_store::begin_transaction() {
    ensure(frozen_); // L4
    transaction_ = file_->all();
    return {};
}

void memory_store::commit_transaction(std::function<void(result<>)> committed) {
    ensure(frozen_ && transaction_.has_value());
    file_->replace_all(*std::exchange(transaction_, std::nullopt));
    committed({});
}

result<> memory_store::wipe() {
    ensure(frozen_);
    std::vector<record_map> nothing(file_->chains());
    if (transaction_) {
        transaction_ = std::move(nothing);
    } else {
        file_->replace_all(std::move(nothing));
    }
    return {};
}

result<std::string> memory_store::keep_copy() {
    ensure(frozen_);
    return path_ + ".diverged";
}

result<walk_state> memory_store::walk(
    ctdbd::walk_position& position,
    std::size_t records,
    const std::function<void(byte_view key, byte_view value)>& visit
) {
    const auto& all = transaction_ ? *transaction_ : file_->all();
    for (std::size_t seen = 0; position.chain < file_->chains() && seen < records;) {
        for (const auto& [key, value] : all[position.chain]) {
            visit(key, value);
            ++seen;
        }
        ++position.chain;
    }
    return position.chain < file_->chains() ? walk_state::more : walk_state::finished;
}

void memory_store::apply_update(
    bytes record_buffer,
    bool volatile_rule,
    async::time_point /*deadline*/,
    std::function<void(result<>)> done
) {
    updates_.push_back({std::move(record_buffer), volatile_rule, std::move(done)});
    next_update();
}

void memory_store::next_update() {
    if (updating_ == nullptr && !updates_.empty()) {
        updating_ =
            std::make_unique<file_wait>(file_, file_wait::everything, updater_, runtime_, [this] {
                update_locked();
            });
    }
}

void memory_store::update_locked() {
    const update u = std::move(updates_.front());
    updates_.pop_front();
    const result<> applied = apply(u);
    updating_.reset();
    file_->unlock_all(updater_);
    next_update();
    u.done(applied); // may destroy the store
}

// UPDATE_RECORD (databases.md 7.3): all or nothing.
result<> memory_store::apply(const update& u) {
    if (fail_writes_) {
        return fail(EIO, "{}: cannot update: planted error", path_);
    }
    std::vector<std::pair<bytes, bytes>> writes;
    result<> verdict;
    const auto walked = protocol::for_each_entry(u.buffer, [&](const protocol::record_view& r) {
        const auto header = protocol::header_of(r.data);
        if (!header) {
            verdict = pass(header);
            return false;
        }
        const bytes* there = file_->find(r.key);
        if (there == nullptr && u.volatile_rule) {
            return true;
        }
        const auto old = there == nullptr ? header : protocol::header_of(*there);
        const bool differs = there != nullptr && text_of(protocol::data_after_header(*there)) !=
                                                     text_of(protocol::data_after_header(r.data));
        if (there != nullptr && old && old->rsn >= header->rsn && differs) {
            verdict = fail(EINVAL, "{}: update with an rsn of the past", path_);
            return false;
        }
        writes.emplace_back(to_bytes(r.key), to_bytes(r.data));
        return true;
    });
    if (!walked) {
        return pass(walked);
    }
    if (verdict) {
        for (const auto& [key, value] : writes) {
            file_->write(key, value);
        }
    }
    return verdict;
}

result<std::unique_ptr<ctdbd::local_store>> memory_store_factory::open(const ctdbd::store_spec& spec
) {
    const bool keep = spec.is == ctdbd::store_spec::kind::persistent;
    auto& file = keep ? disk_.persistent[spec.name] : opened_[spec.name];
    if (file == nullptr || !keep) {
        file = std::make_shared<memory_file>(chains_);
    }
    opened_[spec.name] = file;
    auto store = std::make_unique<memory_store>(file, runtime_, "memory:" + spec.name);
    const bool plain = spec.is == ctdbd::store_spec::kind::persistent;
    const bool replicated = spec.is == ctdbd::store_spec::kind::replicated;
    store->set_open_flags(plain ? 0x400 : (replicated ? 0xc41 : 0x1c41));
    return result<std::unique_ptr<ctdbd::local_store>>(std::move(store));
}

result<std::vector<std::string>> memory_store_factory::find_persistent() {
    std::vector<std::string> names;
    for (const auto& [name, file] : disk_.persistent) {
        names.push_back(name);
    }
    return names;
}

std::string memory_store_factory::health(const std::string& name) const {
    const auto found = disk_.health.find(name);
    return found == disk_.health.end() ? std::string{} : found->second;
}

result<> memory_store_factory::set_health(const std::string& name, const std::string& reason) {
    if (reason.empty()) {
        disk_.health.erase(name);
    } else {
        disk_.health[name] = reason;
    }
    return {};
}

bytes memory_store_factory::saved_lineage(const std::string& name) const {
    const auto found = disk_.lineages.find(name);
    return found == disk_.lineages.end() ? bytes{} : found->second;
}

result<> memory_store_factory::save_lineages(const std::map<std::string, bytes>& lineages) {
    disk_.lineages = lineages;
    return {};
}

std::shared_ptr<memory_file> memory_store_factory::file(const std::string& name) const {
    const auto found = opened_.find(name);
    return found == opened_.end() ? nullptr : found->second;
}

} // namespace ctdb::simulation
