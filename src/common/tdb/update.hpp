// UPDATE_RECORD applied to a file: one transaction, all records or none (databases.md 7.3).
//
// Sleeps for locks and for the disk: only for processes that may (the lock agent).
#pragma once

#include "common/base/bytes.hpp"
#include "common/base/result.hpp"

#include <cstdint>

namespace ctdb::tdb {

class file;

enum class missing_keys : std::uint8_t {
    create, // persistent and replicated databases
    skip,   // volatile databases: only copies that exist are replaced
};

// EINVAL: the buffer is malformed. EEXIST: a stored record has at least the same rsn and another
// value. In every failure the file is as it was. A record whose rsn is above the new one with the
// same value keeps its rsn (it never falls, I3).
result<> apply_update(file& target, byte_view record_buffer, missing_keys missing);

} // namespace ctdb::tdb
