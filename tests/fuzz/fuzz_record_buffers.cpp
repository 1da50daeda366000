// A record buffer: walking it by views and decoding it as a value agree, and writing it again gives
// the same records.
#include "common/protocol/backup_file.hpp"
#include "common/protocol/record_buffer.hpp"

#include <cstdlib>

using namespace ctdb;
using namespace ctdb::protocol;

namespace {

void expect(bool condition) {
    if (!condition) {
        std::abort();
    }
}

void compare(byte_view payload) {
    const auto value = decode<record_buffer>(payload);
    const auto view = view_record_buffer(payload);
    expect(value.has_value() == (view && entries_valid(*view)));
    if (!value) {
        return;
    }
    record_buffer_writer again(value->db_id);
    const auto walked = for_each_entry(payload, [&again](const record_view& record) {
        again.append(record.key, record.data, record.reqid);
        return true;
    });
    expect(walked.has_value() && again.view().size() <= payload.size());
    expect(encode(*value) == to_bytes(again.view()));
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const bytes payload = to_bytes(std::as_bytes(std::span(data, size)));
    compare(payload);
    static_cast<void>(for_each_record(payload, [](byte_view, const record_header&, byte_view) {
        return true;
    }));
    static_cast<void>(view_record(payload));
    static_cast<void>(header_of(payload));
    if (const auto head = decode_backup_buffer_head(payload); head) {
        const byte_view rest = byte_view(payload).subspan(backup_buffer_head_size);
        static_cast<void>(backup_to_record_buffer(db_id{1}, *head, rest));
    }
    static_cast<void>(decode_backup_head(payload));
    return 0;
}
