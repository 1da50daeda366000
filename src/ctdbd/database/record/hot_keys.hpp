// hot_keys: the ten keys that were migrated to this node most often within one second
// (databases.md 2.12).
//
// A key's window opens with its first hit and counts for a second; the highest count of any window
// stays.
#pragma once

#include "common/async/runtime.hpp"
#include "common/base/bytes.hpp"
#include "common/protocol/types_statistics.hpp"
#include "ctdbd/database/record/parking.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <map>

namespace ctdb::ctdbd {

class hot_keys {
public:
    static constexpr std::chrono::seconds window{1};
    static constexpr std::size_t windows_max = 1000; // keys watched at once; then all start afresh

    void migrated(byte_view key, async::time_point now);
    // Ascending by count, then the empty slots, as upstream's are.
    [[nodiscard]] const std::array<protocol::hot_key, protocol::hot_key_count>&
    ascending() const noexcept {
        return slots_;
    }
    void clear();

private:
    struct running {
        async::time_point opened;
        std::uint32_t count = 0;
    };
    void rank(byte_view key, std::uint32_t count);

    std::map<bytes, running, key_order> windows_;
    std::array<protocol::hot_key, protocol::hot_key_count> slots_{};
    std::size_t used_ = 0;
};

} // namespace ctdb::ctdbd
