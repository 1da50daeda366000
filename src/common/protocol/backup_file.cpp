#include "common/protocol/backup_file.hpp"

#include "common/base/ensure.hpp"

namespace ctdb::protocol {
namespace {

constexpr std::size_t name_field_size = 64;

// db_id is unspecified in files that upstream writes; ours holds what its name says.
void put_buffer(writer& out, std::uint32_t db, std::uint32_t count, byte_view entries) {
    out.put(db);
    out.put(count);
    out.put(std::uint64_t{entries.size()});
    out.put_bytes(entries);
}

} // namespace

bytes encode_backup_head(const backup_head& head) {
    ensure(head.name.size() <= backup_name_max);
    writer out(backup_head_size);
    out.put(head.version);
    out.put(head.created);
    out.put(head.flags);
    out.put(head.buffers);
    out.put(head.records);
    out.put_bytes(view_of(head.name));
    out.put_zeros(name_field_size - head.name.size());
    return out.take();
}

result<backup_head> decode_backup_head(byte_view file) {
    reader in(file);
    backup_head head;
    head.version = in.get<std::uint64_t>();
    head.created = in.get<std::int64_t>();
    head.flags = in.get<std::uint64_t>();
    head.buffers = in.get<std::uint64_t>();
    head.records = in.get<std::uint64_t>();
    const std::string_view name = text_of(in.take(name_field_size));
    const std::size_t name_end = name.find('\0');
    if (!in.ok() || name_end == std::string_view::npos) {
        return fail(EINVAL, "not a database backup: the head is damaged");
    }
    if (head.version != backup_format_version) {
        return fail(EINVAL, "database backup of format version {}", head.version);
    }
    head.name = name.substr(0, name_end);
    return head;
}

result<backup_buffer_head> decode_backup_buffer_head(byte_view rest) {
    reader in(rest);
    in.skip(4);
    backup_buffer_head head;
    head.count = in.get<std::uint32_t>();
    head.size = in.get<std::uint64_t>();
    if (!in.ok() || head.count > head.size / record_fixed_size) {
        return fail(EINVAL, "database backup: the head of a buffer is damaged");
    }
    return head;
}

result<bytes> encode_backup_buffer(byte_view record_buffer) {
    const auto view = view_record_buffer(record_buffer);
    if (!view) {
        return pass(view);
    }
    writer out(backup_buffer_head_size + view->entries.size());
    put_buffer(out, view->db_id.value, view->count, view->entries);
    return out.take();
}

result<bytes>
backup_to_record_buffer(ctdb::db_id db, const backup_buffer_head& head, byte_view entries) {
    if (entries.size() != head.size || !entries_valid({db, head.count, entries})) {
        return fail(EINVAL, "database backup: a buffer of {} records is damaged", head.count);
    }
    writer out(record_buffer_fixed_size + entries.size());
    out.put(db.value);
    out.put(head.count);
    out.put_bytes(entries);
    return out.take();
}

void backup_writer::append(byte_view key, byte_view data) {
    if (current_.size() >= backup_buffer_size_limit) {
        flush();
    }
    current_.append(key, data);
    ++records_;
}

void backup_writer::flush() {
    const auto buffer = encode_backup_buffer(current_.view());
    ensure(buffer.has_value());
    body_.insert(body_.end(), buffer->begin(), buffer->end());
    static_cast<void>(current_.take());
    ++buffers_;
}

bytes backup_writer::finish(backup_head head) {
    if (!current_.empty()) {
        flush();
    }
    head.buffers = buffers_;
    head.records = records_;
    bytes file = encode_backup_head(head);
    file.insert(file.end(), body_.begin(), body_.end());
    return file;
}

} // namespace ctdb::protocol
