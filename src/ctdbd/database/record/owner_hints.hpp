// owner_hints: where a record probably is now.
//
// Our copy's header names the node that we gave a record to. A request of another node that still
// found its way here tells more: it will have the record next. Asking that node first saves the
// way over our own successor. A hint may be wrong, that costs one redirect, as a header that is out
// of date does. Fixed size; forgotten with the generation.
#pragma once

#include "common/base/bytes.hpp"
#include "common/base/ids.hpp"
#include "common/protocol/hash.hpp"

#include <array>
#include <cstdint>

namespace ctdb::ctdbd {

class owner_hints {
public:
    void asked_by(byte_view key, pnn node) {
        const std::uint32_t hash = protocol::hash(key);
        slots_[hash % slots_.size()] = slot{hash, node};
    }
    // The node to ask; used up, since the record moves on afterwards.
    [[nodiscard]] pnn take(byte_view key, pnn otherwise) {
        const std::uint32_t hash = protocol::hash(key);
        slot& s = slots_[hash % slots_.size()];
        if (s.node == unknown_pnn || s.hash != hash) {
            return otherwise;
        }
        const pnn node = s.node;
        s = slot{};
        return node;
    }
    // The record came here: what was known before is of the past.
    void forget(byte_view key) { static_cast<void>(take(key, unknown_pnn)); }
    void clear() { slots_.fill(slot{}); }

private:
    struct slot {
        std::uint32_t hash = 0;
        pnn node = unknown_pnn;
    };
    std::array<slot, 256> slots_{};
};

} // namespace ctdb::ctdbd
