// Which chain of a TDB file a key belongs to. A file is made with one of two hashes; its header
// says which.
#pragma once

#include "common/base/bytes.hpp"

#include <cstdint>

namespace ctdb::tdb {

[[nodiscard]] std::uint32_t default_hash(byte_view key) noexcept; // TDB's original, from gdbm
[[nodiscard]] std::uint32_t jenkins_hash(byte_view key) noexcept; // with INCOMPATIBLE_HASH

} // namespace ctdb::tdb
