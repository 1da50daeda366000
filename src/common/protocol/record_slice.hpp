// record_slice: how much of a recovery goes into one record buffer.
#pragma once

#include <cstddef>

namespace ctdb::protocol {

// Size at which a buffer of a recovery is sent when tunable RecBufferSizeLimit (1000000 by default)
// allows as much: a receiver reads and serves such a one at a stretch, and it goes through a link
// in one read.
inline constexpr std::size_t record_buffer_slice = 60'000;
[[nodiscard]] constexpr std::size_t record_buffer_limit(std::size_t tunable) {
    return tunable < record_buffer_slice ? tunable : record_buffer_slice;
}

} // namespace ctdb::protocol
