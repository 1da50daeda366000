#include "tests/unit/ctdbd/database/fake_store.hpp"

#include "common/base/ensure.hpp"
#include "common/protocol/hash.hpp"
#include "common/protocol/record_buffer.hpp"

#include <algorithm>
#include <iterator>

namespace ctdb::testing {

using ctdbd::lock_state;
using ctdbd::walk_state;

fake_store::fake_store(async::runtime& rt, std::string path)
    : path_(std::move(path)), serve_(rt, [this] { serve(); }) {}

std::uint32_t fake_store::chain_of(byte_view key) const {
    return protocol::hash(key);
}

result<lock_state> fake_store::try_lock(byte_view key) {
    if (frozen_ || busy.contains(std::string(text_of(key)))) {
        return lock_state::busy;
    }
    ++locks_held;
    return lock_state::locked;
}

void fake_store::unlock(byte_view) {
    --locks_held;
}

result<bool>
fake_store::read(byte_view key, const std::function<void(byte_view value)>& use) const {
    ensure(frozen_ || locks_held > 0);
    const auto found = current().find(std::string(text_of(key)));
    if (found == current().end()) {
        return false;
    }
    use(found->second);
    return true;
}

result<> fake_store::write(byte_view key, byte_view value) {
    ensure(frozen_ || locks_held > 0);
    if (fails_to_write == text_of(key)) {
        return fail(ENOSPC, "no space for {}", text_of(key));
    }
    current()[std::string(text_of(key))] = to_bytes(value);
    sequence_ += counting_ ? 1 : 0;
    return {};
}

result<> fake_store::write(byte_view key, byte_view header, byte_view data) {
    bytes value = to_bytes(header);
    value.insert(value.end(), data.begin(), data.end());
    return write(key, value);
}

result<> fake_store::erase(byte_view key) {
    current().erase(std::string(text_of(key)));
    return {};
}

void fake_store::freeze(std::function<void(result<>)> frozen) {
    ensure(freeze_waiter_ == nullptr && !frozen_);
    freeze_waiter_ = std::move(frozen);
    serve_.schedule();
}

void fake_store::answer_freeze(result<> outcome) {
    frozen_ = outcome.has_value();
    const auto waiter = std::exchange(freeze_waiter_, nullptr);
    waiter(std::move(outcome));
}

void fake_store::thaw() {
    freeze_waiter_ = nullptr;
    frozen_ = false;
    serve_.schedule();
}

void fake_store::lose_freeze() {
    transaction_.reset();
    frozen_ = false;
    lost_();
}

result<> fake_store::begin_transaction() {
    ensure(frozen_ && !transaction_);
    transaction_ = committed_;
    return {};
}

void fake_store::commit_transaction(std::function<void(result<>)> committed) {
    ensure(transaction_.has_value());
    if (fails_to_commit) {
        transaction_.reset();
        committed(fail(EIO, "commit"));
        return;
    }
    committed_ = std::move(*transaction_);
    transaction_.reset();
    if (commits_later) {
        commit_under_way = std::move(committed);
    } else {
        committed({});
    }
}

void fake_store::cancel_transaction() {
    transaction_.reset();
}

result<> fake_store::wipe() {
    ensure(transaction_.has_value());
    transaction_->clear();
    return {};
}

result<std::string> fake_store::keep_copy() {
    ensure(frozen_);
    if (fails_to_keep) {
        return fail(ENOSPC, "{}: planted", path_);
    }
    kept_copies.push_back(committed_);
    return path_ + ".diverged";
}

result<walk_state> fake_store::walk(
    ctdbd::walk_position& position,
    std::size_t records,
    const std::function<void(byte_view key, byte_view value)>& visit
) {
    const content& all = current();
    auto next = all.begin();
    std::advance(next, std::min<std::size_t>(position.chain, all.size()));
    for (; next != all.end() && records > 0; ++next, --records, ++position.chain) {
        visit(view_of(next->first), next->second);
    }
    return next == all.end() ? walk_state::finished : walk_state::more;
}

void fake_store::apply_update(
    bytes record_buffer,
    bool volatile_rule,
    async::time_point /*deadline*/,
    std::function<void(result<>)> done
) {
    updates_.push_back({std::move(record_buffer), volatile_rule, std::move(done)});
    serve_.schedule();
}

void fake_store::serve() {
    while (answers_updates && !updates_.empty() && !frozen_) {
        answer_update({});
    }
    if (answers_freeze && freeze_waiter_) {
        answer_freeze({});
    }
}

void fake_store::answer_update(result<> outcome) {
    update first = std::move(updates_.front());
    updates_.pop_front();
    if (outcome) {
        outcome = apply(first.buffer, first.volatile_rule);
    }
    first.done(std::move(outcome));
}

result<> fake_store::apply(byte_view buffer, bool volatile_rule) {
    content next = committed_;
    bool refused = false;
    const auto walked = protocol::for_each_record(
        buffer,
        [&](byte_view key, const protocol::record_header& header, byte_view value) {
            const auto old = next.find(std::string(text_of(key)));
            if (old != next.end()) {
                const bool same =
                    std::ranges::equal(protocol::data_after_header(old->second), value);
                refused |= protocol::header_of(old->second)->rsn >= header.rsn && !same;
            }
            if (old != next.end() || !volatile_rule) {
                next[std::string(text_of(key))] = protocol::join_header(header, value);
            }
            return !refused;
        }
    );
    if (!walked || refused) {
        return fail(EEXIST, "a newer record is here");
    }
    committed_ = std::move(next);
    return {};
}

void fake_store::put(
    std::string_view key, const protocol::record_header& header, std::string_view value
) {
    committed_[std::string(key)] = protocol::join_header(header, view_of(value));
}

std::optional<fake_store::record> fake_store::get(std::string_view key) const {
    const auto found = committed_.find(std::string(key));
    if (found == committed_.end()) {
        return std::nullopt;
    }
    return record{
        *protocol::header_of(found->second),
        std::string(text_of(protocol::data_after_header(found->second)))};
}

// ---- factory ----

result<std::unique_ptr<ctdbd::local_store>> fake_store_factory::open(const ctdbd::store_spec& spec
) {
    if (unopenable.contains(spec.name)) {
        return fail(EIO, "cannot open {}", spec.name);
    }
    auto store = std::make_unique<fake_store>(rt_, prefix_ + spec.name);
    open_[spec.name] = store.get();
    if (on_open) {
        on_open(*store);
    }
    return store;
}

std::string fake_store_factory::health(const std::string& name) const {
    const auto found = unhealthy.find(name);
    return found == unhealthy.end() ? std::string() : found->second;
}

result<> fake_store_factory::set_health(const std::string& name, const std::string& reason) {
    if (reason.empty()) {
        unhealthy.erase(name);
    } else {
        unhealthy[name] = reason;
    }
    return {};
}

bytes fake_store_factory::saved_lineage(const std::string& name) const {
    const auto found = lineages.find(name);
    return found == lineages.end() ? bytes{} : found->second;
}

result<> fake_store_factory::save_lineages(const std::map<std::string, bytes>& all) {
    lineages = all;
    return {};
}

} // namespace ctdb::testing
