#include "ctdbd/database/record/delegations.hpp"

namespace ctdb::ctdbd {

std::set<pnn> delegations::readers_of(byte_view key) const {
    const auto found = readers_.find(key);
    return found == readers_.end() ? std::set<pnn>{} : found->second;
}

void delegations::forget(byte_view key) {
    const auto found = readers_.find(key);
    if (found != readers_.end()) {
        readers_.erase(found);
    }
}

bool delegations::answered(std::uint64_t ticket, pnn reader, bool ok) {
    const auto found = revokes_.find(ticket);
    if (found == revokes_.end() || found->second.missing.erase(reader) == 0) {
        return false; // late: a recovery has ended it
    }
    found->second.failed = found->second.failed || !ok;
    return found->second.missing.empty();
}

std::optional<delegations::revoke> delegations::finish(std::uint64_t ticket) {
    auto found = revokes_.extract(ticket);
    if (found.empty()) {
        return std::nullopt;
    }
    return std::move(found.mapped());
}

void delegations::clear() {
    readers_.clear();
    revokes_.clear();
}

} // namespace ctdb::ctdbd
