#include "common/client/dispatcher.hpp"

#include <algorithm>

namespace ctdb::client {

class dispatcher::subscription final : public message_subscription {
public:
    subscription(std::shared_ptr<dispatcher> owner, key where, std::shared_ptr<entry> own)
        : owner_(std::move(owner)), where_(where), own_(std::move(own)) {}
    ~subscription() override { owner_->remove(where_, own_); }

private:
    std::shared_ptr<dispatcher> owner_;
    key where_;
    std::shared_ptr<entry> own_;
};

std::unique_ptr<message_subscription>
dispatcher::add(space where, std::uint64_t address, handler to_call) {
    if (!wanted(where, address) && changed_) {
        changed_(where, address, true);
    }
    return add_registered(where, address, std::move(to_call));
}

std::unique_ptr<message_subscription>
dispatcher::add_registered(space where, std::uint64_t address, handler to_call) {
    const key at(where, address);
    auto own = std::make_shared<entry>();
    own->to_call = std::move(to_call);
    entries_[at].push_back(own);
    return std::make_unique<subscription>(shared_from_this(), at, std::move(own));
}

void dispatcher::remove(const key& where, const std::shared_ptr<entry>& gone) {
    gone->alive = false;
    const auto found = entries_.find(where);
    if (found == entries_.end()) {
        return;
    }
    std::erase(found->second, gone);
    if (found->second.empty()) {
        entries_.erase(found);
        if (changed_) {
            changed_(where.first, where.second, false);
        }
    }
}

void dispatcher::dispatch(space where, std::uint64_t address, std::uint32_t flags, byte_view data) {
    const auto found = entries_.find(key(where, address));
    if (found == entries_.end()) {
        return;
    }
    const auto now = found->second; // handlers may change the list
    for (const auto& one : now) {
        if (one->alive) {
            one->to_call(flags, data);
        }
    }
}

bool dispatcher::wanted(space where, std::uint64_t address) const {
    return entries_.contains(key(where, address));
}

} // namespace ctdb::client
