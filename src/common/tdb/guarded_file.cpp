#include "common/tdb/guarded_file.hpp"

#include "common/base/ensure.hpp"

#include <algorithm>

namespace ctdb::tdb {

// The right to touch the file for the length of one call: the whole file is marked if that is what
// protects it (G3).
class guarded_file::access {
public:
    explicit access(const guarded_file& owner)
        : owner_(owner), marks_(owner.state_ == state::frozen && !owner.marked_) {
        if (marks_) {
            granted_ = owner.file_->mark_all();
            owner.marked_ = granted_.has_value();
        }
    }
    access(const access&) = delete;
    access& operator=(const access&) = delete;
    ~access() {
        if (marks_ && granted_) {
            owner_.file_->unmark_all();
            owner_.marked_ = false;
        }
    }
    [[nodiscard]] const result<>& granted() const noexcept { return granted_; }

private:
    const guarded_file& owner_;
    bool marks_; // false also for a read from inside a walk's visit
    result<> granted_;
};

guarded_file::guarded_file(std::unique_ptr<file> opened) : file_(std::move(opened)) {
    ensure(file_ != nullptr);
}

guarded_file::~guarded_file() {
    for (const held_chain& held : held_) {
        for (std::uint32_t i = 0; i < held.times; ++i) {
            file_->unlock_chain(held.chain);
        }
    }
}

guarded_file::held_chain* guarded_file::find(std::uint32_t chain) noexcept {
    const auto at = std::find_if(held_.begin(), held_.end(), [&](const held_chain& held) {
        return held.chain == chain;
    });
    return at == held_.end() ? nullptr : &*at;
}

bool guarded_file::holds_chain(std::uint32_t chain) const noexcept {
    return const_cast<guarded_file*>(this)->find(chain) != nullptr;
}

void guarded_file::drop_if_unused(std::uint32_t chain) {
    std::erase_if(held_, [&](const held_chain& held) {
        return held.chain == chain && held.times == 0 && !held.marked;
    });
}

result<bool> guarded_file::try_lock(byte_view key) {
    ensure(!frozen());
    const std::uint32_t chain = file_->chain_of(key);
    auto locked = file_->try_lock_chain(chain);
    if (locked && *locked) {
        if (held_chain* held = find(chain)) {
            ++held->times;
        } else {
            held_.push_back({chain, 1, false});
        }
    }
    return locked;
}

void guarded_file::unlock(byte_view key) {
    const std::uint32_t chain = file_->chain_of(key);
    held_chain* held = find(chain);
    ensure(held != nullptr && held->times > 0);
    file_->unlock_chain(chain);
    --held->times;
    drop_if_unused(chain);
}

result<> guarded_file::begin_marked(byte_view key) {
    ensure(!frozen()); // G1
    for (const held_chain& held : held_) {
        ensure(!held.marked);
    }
    const std::uint32_t chain = file_->chain_of(key);
    ensure(find(chain) == nullptr); // an agent cannot have got what we hold ourselves
    auto marked = file_->mark_chain(key);
    if (marked) {
        held_.push_back({chain, 0, true});
    }
    return marked;
}

void guarded_file::end_marked(byte_view key) {
    const std::uint32_t chain = file_->chain_of(key);
    held_chain* held = find(chain);
    ensure(held != nullptr && held->marked);
    ensure(held->times == 0); // what was locked inside was unlocked inside
    file_->unmark_chain(key);
    held->marked = false;
    drop_if_unused(chain);
}

void guarded_file::frozen_by_agent() {
    ensure(state_ == state::open);
    ensure(held_.empty()); // G2
    state_ = state::frozen;
}

void guarded_file::thawed() {
    state_ = state::open;
}

result<bool> guarded_file::read(byte_view key, const std::function<void(byte_view)>& use) const {
    ensure(frozen() || holds_chain(file_->chain_of(key)));
    const access right(*this);
    if (!right.granted()) {
        return pass(right.granted());
    }
    return file_->read(key, use);
}

result<> guarded_file::write(byte_view key, byte_view value) {
    ensure(frozen() || holds_chain(file_->chain_of(key)));
    const access right(*this);
    return right.granted() ? file_->write(key, value) : right.granted();
}

result<> guarded_file::write(byte_view key, byte_view head, byte_view tail) {
    ensure(frozen() || holds_chain(file_->chain_of(key)));
    const access right(*this);
    return right.granted() ? file_->write(key, head, tail) : right.granted();
}

result<> guarded_file::erase(byte_view key) {
    ensure(frozen() || holds_chain(file_->chain_of(key)));
    const access right(*this);
    return right.granted() ? file_->erase(key) : right.granted();
}

result<std::optional<std::size_t>> guarded_file::walk_chain(
    std::uint32_t chain, const std::function<void(byte_view key, byte_view value)>& visit
) {
    ensure(!frozen());
    const auto locked = file_->try_lock_chain(chain);
    if (!locked) {
        return pass(locked);
    }
    if (!*locked) {
        return std::nullopt;
    }
    const auto visited = file_->walk_chain(chain, visit);
    file_->unlock_chain(chain);
    if (!visited) {
        return pass(visited);
    }
    return std::optional<std::size_t>(*visited);
}

result<std::uint32_t> guarded_file::walk_from_start(
    std::size_t records, const std::function<void(byte_view key, byte_view value)>& visit
) {
    ensure(frozen());
    const access right(*this);
    if (!right.granted()) {
        return pass(right.granted());
    }
    std::size_t visited = 0;
    std::uint32_t chain = 0; // of the record before
    std::uint32_t next = file_->chains();
    const auto use = [&](byte_view key, byte_view value) {
        const std::uint32_t here = file_->chain_of(key);
        if (visited >= records && here != chain) {
            next = here;
            return false;
        }
        chain = here;
        ++visited;
        visit(key, value);
        return true;
    };
    const auto walked = file_->walk_while(use);
    if (!walked) {
        return pass(walked);
    }
    return next;
}

result<std::uint32_t> guarded_file::walk_chains(
    std::uint32_t begin,
    std::uint32_t end,
    std::size_t records,
    const std::function<void(byte_view key, byte_view value)>& visit
) {
    ensure(frozen());
    const access right(*this);
    if (!right.granted()) {
        return pass(right.granted());
    }
    std::size_t visited = 0;
    std::uint32_t chain = begin;
    for (; chain < end && visited < records; ++chain) {
        const auto here = file_->walk_chain(chain, visit);
        if (!here) {
            return pass(here);
        }
        visited += *here;
    }
    return chain;
}

} // namespace ctdb::tdb
