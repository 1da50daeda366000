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
// same value: in a volatile database it stays as it is (the rsn never falls, I3); elsewhere it gets
// the new header, so that all nodes hold the same and the next transaction, which the client
// numbers by its own copy, is not refused here alone.
result<> apply_update(file& target, byte_view record_buffer, missing_keys missing);

} // namespace ctdb::tdb
