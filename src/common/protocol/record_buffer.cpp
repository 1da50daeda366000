// Records and record buffers: codec of the owning values, and the views and writer of the hot
// paths.
#include "common/protocol/record_buffer.hpp"

#include "common/base/ensure.hpp"
#include "common/protocol/layout/archives.hpp"
#include "common/protocol/layout/record.hpp"

#include <limits>

namespace ctdb::protocol {

template struct codec<key_data>;
template struct codec<pushed_record>;

void codec<record_header>::put(writer& out, const record_header& header) {
    put_archive archive(out);
    layout<record_header>::describe(archive, header);
}

void codec<record_header>::get(reader& in, record_header& header) {
    get_archive archive(in);
    layout<record_header>::describe(archive, header);
}

result<record_header> header_of(byte_view value) {
    reader in(value);
    record_header header;
    codec<record_header>::get(in, header);
    if (!in.ok()) {
        return fail(EINVAL, "value of {} bytes is shorter than a record header", value.size());
    }
    return header;
}

byte_view data_after_header(byte_view value) noexcept {
    return value.size() < record_header_size ? byte_view{} : value.subspan(record_header_size);
}

namespace {

// layout/record.hpp in memory: hot, hence without the growing writer
void store_header(std::byte* at, const record_header& header) noexcept {
    struct {
        std::uint64_t rsn;
        std::uint32_t dmaster, reserved, flags, padding;
    } const raw{header.rsn.value, header.dmaster.value, header.reserved, header.flags.value, 0};
    static_assert(sizeof(raw) == record_header_size);
    std::memcpy(at, &raw, sizeof(raw));
}

void store(std::byte* at, byte_view data) noexcept {
    if (!data.empty()) {
        std::memcpy(at, data.data(), data.size());
    }
}

std::uint32_t length32(std::size_t size) noexcept {
    ensure(size <= std::numeric_limits<std::uint32_t>::max());
    return static_cast<std::uint32_t>(size);
}

void store_record_head(
    std::byte* at, reqid id, std::size_t key_size, std::size_t data_size
) noexcept {
    const std::uint32_t head[4] = {
        length32(record_fixed_size + key_size + data_size),
        id.value,
        length32(key_size),
        length32(data_size)};
    static_assert(sizeof(head) == record_fixed_size);
    std::memcpy(at, head, sizeof(head));
}

} // namespace

bytes join_header(const record_header& header, byte_view data) {
    bytes value(record_header_size + data.size());
    store_header(value.data(), header);
    store(value.data() + record_header_size, data);
    return value;
}

record_view read_record(reader& in) noexcept {
    const auto length = in.get<std::uint32_t>();
    if (!in.ok() || length < record_fixed_size) {
        in.reject();
        return {};
    }
    reader entry(in.take(length - sizeof(length)));
    record_view record;
    record.reqid = reqid{entry.get<std::uint32_t>()};
    const auto key_size = entry.get<std::uint32_t>();
    const auto data_size = entry.get<std::uint32_t>();
    record.key = entry.take(key_size);
    record.data = entry.take(data_size);
    if (!entry.ok()) {
        in.reject();
        return {};
    }
    return record;
}

result<record_view> view_record(byte_view payload) {
    reader in(payload);
    const record_view record = read_record(in);
    if (!in.ok() || in.remaining() != 0) {
        return bad_payload("record", payload.size());
    }
    return record;
}

result<record_buffer_view> view_record_buffer(byte_view payload) {
    reader in(payload);
    record_buffer_view buffer;
    buffer.db_id = db_id{in.get<std::uint32_t>()};
    buffer.count = in.get<std::uint32_t>();
    buffer.entries = in.rest();
    if (!in.ok() || buffer.count > in.remaining() / record_fixed_size) {
        return bad_payload("record buffer", payload.size());
    }
    return buffer;
}

bool entries_valid(const record_buffer_view& buffer) noexcept {
    reader in(buffer.entries);
    for (std::uint32_t i = 0; i < buffer.count && in.ok(); ++i) {
        static_cast<void>(read_record(in));
    }
    return in.ok();
}

tl::unexpected<error> bad_record(std::uint32_t index, std::uint32_t count) {
    return fail(EINVAL, "record {} of {} in the buffer is malformed", index + 1, count);
}

void codec<marshalled_record>::put(writer& out, const marshalled_record& record) {
    out.put(length32(record_fixed_size + record.key.size() + record.data.size()));
    out.put(record.reqid.value);
    out.put(length32(record.key.size()));
    out.put(length32(record.data.size()));
    out.put_bytes(record.key);
    out.put_bytes(record.data);
}

void codec<marshalled_record>::get(reader& in, marshalled_record& record) {
    const record_view view = read_record(in);
    record = {view.reqid, to_bytes(view.key), to_bytes(view.data)};
}

void codec<record_buffer>::put(writer& out, const record_buffer& buffer) {
    out.put(buffer.db_id.value);
    out.put(length32(buffer.records.size()));
    for (const marshalled_record& record : buffer.records) {
        codec<marshalled_record>::put(out, record);
    }
}

void codec<record_buffer>::get(reader& in, record_buffer& buffer) {
    buffer.db_id = db_id{in.get<std::uint32_t>()};
    const auto count = in.get<std::uint32_t>();
    buffer.records.clear();
    if (count > in.remaining() / record_fixed_size) {
        in.reject();
        return;
    }
    buffer.records.reserve(count);
    for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
        codec<marshalled_record>::get(in, buffer.records.emplace_back());
    }
}

record_buffer_writer::record_buffer_writer(ctdb::db_id db, std::size_t expected_size) : db_(db) {
    out_.reserve(expected_size);
    start();
}

void record_buffer_writer::start() {
    count_ = 0;
    out_.assign(record_buffer_fixed_size, std::byte{0});
    std::memcpy(out_.data(), &db_.value, sizeof(db_.value));
}

std::byte* record_buffer_writer::grow(std::size_t size) {
    const std::size_t at = out_.size();
    out_.resize(at + size);
    ++count_;
    std::memcpy(out_.data() + sizeof(db_.value), &count_, sizeof(count_));
    return out_.data() + at;
}

void record_buffer_writer::append(byte_view key, const record_header& header, byte_view value) {
    const std::size_t data_size = record_header_size + value.size();
    std::byte* const at = grow(record_fixed_size + key.size() + data_size);
    store_record_head(at, reqid{0}, key.size(), data_size);
    store(at + record_fixed_size, key);
    store_header(at + record_fixed_size + key.size(), header);
    store(at + record_fixed_size + key.size() + record_header_size, value);
}

void record_buffer_writer::append(byte_view key, byte_view data, ctdb::reqid id) {
    std::byte* const at = grow(record_fixed_size + key.size() + data.size());
    store_record_head(at, id, key.size(), data.size());
    store(at + record_fixed_size, key);
    store(at + record_fixed_size + key.size(), data);
}

bytes record_buffer_writer::take() {
    bytes taken = std::move(out_);
    start();
    return taken;
}

bytes encode_record(ctdb::reqid id, byte_view key, byte_view data) {
    bytes out(record_fixed_size + key.size() + data.size());
    store_record_head(out.data(), id, key.size(), data.size());
    store(out.data() + record_fixed_size, key);
    store(out.data() + record_fixed_size + key.size(), data);
    return out;
}

} // namespace ctdb::protocol
