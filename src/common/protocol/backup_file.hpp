// Database backup files of `ctdb backupdb`, restoredb, dumpdbbackup (wire-protocol.md 7.7). Bytes
// only, no file access.
//
// Reading is two steps so that a big file can be streamed: the 104-byte head, then one buffer after
// the other.
#pragma once

#include "common/base/bytes.hpp"
#include "common/base/result.hpp"
#include "common/protocol/constants.hpp"
#include "common/protocol/record_buffer.hpp"

#include <cstdint>
#include <string>

namespace ctdb::protocol {

inline constexpr std::uint64_t backup_format_version = 3;
inline constexpr std::size_t backup_head_size = 104;
inline constexpr std::size_t backup_buffer_head_size = 16;
inline constexpr std::size_t backup_name_max = 63;
// A new buffer is begun when the current one, with its 8-byte head, has reached this size.
inline constexpr std::size_t backup_buffer_size_limit = 100'000;

struct backup_head {
    std::uint64_t version = backup_format_version;
    std::int64_t created = 0; // seconds since 1970
    std::uint64_t flags = 0;  // db_flags
    std::uint64_t buffers = 0;
    std::uint64_t records = 0;
    std::string name{};
    bool operator==(const backup_head&) const = default;
};

// Requires: name.size() <= backup_name_max.
[[nodiscard]] bytes encode_backup_head(const backup_head& head);
// EINVAL: too short, another version than 3, name without NUL.
[[nodiscard]] result<backup_head> decode_backup_head(byte_view file);

struct backup_buffer_head {
    std::uint32_t count = 0;
    std::uint64_t size = 0; // bytes of entries that follow
};
[[nodiscard]] result<backup_buffer_head> decode_backup_buffer_head(byte_view rest);

// One buffer of the file from a record buffer (8-byte head included). EINVAL if that is too short.
[[nodiscard]] result<bytes> encode_backup_buffer(byte_view record_buffer);
// A buffer's entries as a record buffer of database `db`, ready for DB_PUSH messages. EINVAL: an
// entry is malformed.
[[nodiscard]] result<bytes>
backup_to_record_buffer(ctdb::db_id db, const backup_buffer_head& head, byte_view entries);

// Collects records into a whole file's buffers.
class backup_writer {
public:
    explicit backup_writer(ctdb::db_id db) : current_(db) {}
    void append(byte_view key, byte_view data); // data with record header
    // The complete file; sets buffers and records of `head`.
    [[nodiscard]] bytes finish(backup_head head);

private:
    void flush();
    record_buffer_writer current_;
    bytes body_;
    std::uint64_t buffers_ = 0;
    std::uint64_t records_ = 0;
};

} // namespace ctdb::protocol
