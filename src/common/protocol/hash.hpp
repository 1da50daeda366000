// The one hash of the protocol, and what is derived from it: database ids and location masters
// (wire-protocol.md 7.1).
#pragma once

#include "common/base/bytes.hpp"
#include "common/base/ids.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ctdb::protocol {

struct vnn_map;

// lookup3, little-endian, initial value 0.
[[nodiscard]] std::uint32_t hash(byte_view key) noexcept;

// The id of a database: hash of the name and its terminating NUL.
[[nodiscard]] db_id db_id_of(std::string_view name);

// The location master of a key; nothing if the map is empty.
[[nodiscard]] std::optional<pnn> lmaster_of(const vnn_map& map, byte_view key) noexcept;

// Keys that everybody knows (7.5); the terminating NUL is part of each.
[[nodiscard]] byte_view sequence_number_key() noexcept;   // "__db_sequence_number__"
[[nodiscard]] std::string transaction_lock_key(db_id db); // "transaction_db_0x%08x", in g_lock.tdb
// The value under the sequence number key without record header; missing or of another size than 8
// counts as 0.
[[nodiscard]] std::uint64_t sequence_number_of(byte_view data) noexcept;

} // namespace ctdb::protocol
