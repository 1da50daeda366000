// Records on the wire: header, one record, a list of records, keys to delete, pushed records
// (4.5, 4.9).
//
// The values here own their bytes; record_buffer.hpp has the views and the writer for hot paths.
#pragma once

#include "common/base/ids.hpp"
#include "common/protocol/codec.hpp"
#include "common/protocol/constants.hpp"

#include <cstdint>
#include <vector>

namespace ctdb::protocol {

// "ltdb header": the first 24 bytes of a record's value in the database file, and of `data` in most
// uses.
struct record_header {
    ctdb::rsn rsn{};
    pnn dmaster{};
    record_flags flags{};
    std::uint32_t reserved = 0;
    bool operator==(const record_header&) const = default;
};
inline constexpr std::size_t record_header_size = 24;

template <>
struct codec<record_header> {
    static std::string_view name() noexcept { return "record header"; }
    static void put(writer& out, const record_header& header);
    static void get(reader& in, record_header& header);
};

// The header at the front of a record's value; EINVAL if the value is shorter than a header.
[[nodiscard]] result<record_header> header_of(byte_view value);
// The value behind the header; empty if there is none.
[[nodiscard]] byte_view data_after_header(byte_view value) noexcept;
// header and data as they lie in the database.
[[nodiscard]] bytes join_header(const record_header& header, byte_view data);

// rec_data: whether `data` begins with a record header depends on the use (4.5), not on the bytes.
struct marshalled_record {
    ctdb::reqid reqid{}; // traverses only, otherwise 0
    bytes key{};
    bytes data{};
    bool operator==(const marshalled_record&) const = default;
};
inline constexpr std::size_t record_fixed_size = 16;

// rec_buffer, the "marshall buffer".
struct record_buffer {
    ctdb::db_id db_id{};
    std::vector<marshalled_record> records{};
    bool operator==(const record_buffer&) const = default;
};
inline constexpr std::size_t record_buffer_fixed_size = 8;

// SCHEDULE_FOR_DELETION.
struct key_data {
    ctdb::db_id db_id{};
    record_header header{};
    bytes key{};
    bool operator==(const key_data&) const = default;
};

// PUSH_RECORD.
struct pushed_record {
    ctdb::generation generation{};
    ctdb::db_id db_id{};
    record_header header{};
    bytes key{};
    bytes value{}; // without header
    bool operator==(const pushed_record&) const = default;
};

template <>
struct codec<marshalled_record> {
    static std::string_view name() noexcept { return "record"; }
    static void put(writer& out, const marshalled_record& record);
    static void get(reader& in, marshalled_record& record);
};

template <>
struct codec<record_buffer> {
    static std::string_view name() noexcept { return "record buffer"; }
    static void put(writer& out, const record_buffer& buffer);
    static void get(reader& in, record_buffer& buffer);
};

template <>
inline constexpr trailing trailing_bytes<record_buffer> = trailing::tolerated;
template <>
inline constexpr trailing trailing_bytes<pushed_record> = trailing::tolerated;

} // namespace ctdb::protocol
