// Record buffers without copies: walking one that arrived, writing one record after the other
// (4.5).
//
// record_view points into the buffer it was read from and lives as long as that. Recovery, traverse
// and vacuuming use these; record_buffer in types_record.hpp is the owning value for everything
// that is not hot.
#pragma once

#include "common/base/bytes.hpp"
#include "common/base/ids.hpp"
#include "common/base/result.hpp"
#include "common/protocol/types_record.hpp"

#include <cstdint>
#include <utility>

namespace ctdb::protocol {

struct record_view {
    ctdb::reqid reqid{};
    byte_view key{};
    byte_view data{}; // with or without header, as the use says
};

struct record_buffer_view {
    ctdb::db_id db_id{};
    std::uint32_t count = 0;
    byte_view entries{}; // the bytes behind the 8-byte head
};

// Reads one entry and steps over it; an entry longer than key and data is tolerated, the next
// starts at its length. Leaves the reader failed if the lengths do not fit.
[[nodiscard]] record_view read_record(reader& in) noexcept;

// A traverse record: exactly one entry, nothing behind it. EINVAL.
[[nodiscard]] result<record_view> view_record(byte_view payload);

// The head of a record buffer; EINVAL if it is too short or the count cannot fit. Entries are not
// judged yet.
[[nodiscard]] result<record_buffer_view> view_record_buffer(byte_view payload);

// True if every entry of the buffer is well-formed (one pass, no allocation).
[[nodiscard]] bool entries_valid(const record_buffer_view& buffer) noexcept;

// Calls visit(record_view) for each entry in order. visit returns false to stop early. EINVAL at
// the first entry that is malformed - entries before it have been visited; ask entries_valid()
// first where all or nothing is wanted.
template <class Visitor>
result<void> for_each_entry(byte_view payload, Visitor&& visit);

// The same for buffers whose data carry a header: visit(byte_view key, const record_header&,
// byte_view value). EINVAL at the first entry without a whole header.
template <class Visitor>
result<void> for_each_record(byte_view payload, Visitor&& visit);

// Builds a record buffer in one block of memory.
class record_buffer_writer {
public:
    explicit record_buffer_writer(ctdb::db_id db, std::size_t expected_size = 0);

    void append(byte_view key, const record_header& header, byte_view value);
    void append(byte_view key, byte_view data, ctdb::reqid id = ctdb::reqid{0}); // data as it is

    [[nodiscard]] std::uint32_t count() const noexcept { return count_; }
    [[nodiscard]] std::size_t size() const noexcept {
        return out_.size();
    } // encoded so far, head included
    [[nodiscard]] bool empty() const noexcept { return count_ == 0; }
    [[nodiscard]] byte_view view() const noexcept { return out_; }
    // The finished buffer; the writer starts afresh for the same database.
    [[nodiscard]] bytes take();

private:
    std::byte* grow(std::size_t size);
    void start();

    ctdb::db_id db_{};
    std::uint32_t count_ = 0;
    bytes out_{};
};

// One entry alone (TRAVERSE_DATA, traverse messages).
[[nodiscard]] bytes encode_record(ctdb::reqid id, byte_view key, byte_view data);

// ---- inline parts ----

[[nodiscard]] tl::unexpected<error> bad_record(std::uint32_t index, std::uint32_t count);

template <class Visitor>
result<void> for_each_entry(byte_view payload, Visitor&& visit) {
    const auto buffer = view_record_buffer(payload);
    if (!buffer) {
        return pass(buffer);
    }
    reader in(buffer->entries);
    for (std::uint32_t i = 0; i < buffer->count; ++i) {
        const record_view record = read_record(in);
        if (!in.ok()) {
            return bad_record(i, buffer->count);
        }
        if (!visit(record)) {
            break;
        }
    }
    return {};
}

template <class Visitor>
result<void> for_each_record(byte_view payload, Visitor&& visit) {
    std::uint32_t index = 0;
    bool headless = false;
    auto walked = for_each_entry(payload, [&](const record_view& record) {
        reader in(record.data);
        record_header header;
        codec<record_header>::get(in, header);
        headless = !in.ok();
        if (headless) {
            return false;
        }
        ++index;
        return bool(visit(record.key, std::as_const(header), in.rest()));
    });
    if (walked && headless) {
        return fail(EINVAL, "record {}: data shorter than a record header", index);
    }
    return walked;
}

} // namespace ctdb::protocol
