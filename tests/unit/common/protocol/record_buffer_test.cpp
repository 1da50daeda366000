#include "common/protocol/record_buffer.hpp"

#include <gtest/gtest.h>

namespace ctdb::protocol {
namespace {

const record_header header{rsn{7}, pnn{2}, record_flag::migrated_with_data};

record_buffer sample_buffer() {
    record_buffer buffer{db_id{0x1234}, {}};
    buffer.records.push_back({reqid{0}, to_bytes("a"), join_header(header, view_of("value"))});
    buffer.records.push_back({reqid{0}, to_bytes("key2"), join_header(header, {})});
    return buffer;
}

TEST(RecordBufferWriter, WritesWhatTheCodecWrites) {
    record_buffer_writer writer(db_id{0x1234});
    writer.append(view_of("a"), header, view_of("value"));
    writer.append(view_of("key2"), header, {});
    EXPECT_EQ(writer.count(), 2U);
    EXPECT_EQ(writer.size(), writer.view().size());
    EXPECT_EQ(to_hex(writer.take()), to_hex(encode(sample_buffer())));
    EXPECT_TRUE(writer.empty());
    EXPECT_EQ(to_hex(writer.take()), to_hex(encode(record_buffer{db_id{0x1234}, {}})));
}

TEST(RecordBufferWriter, AppendsDataAsItIs) {
    record_buffer_writer writer(db_id{1});
    writer.append(view_of("k"), view_of("data"), reqid{9});
    const auto buffer = decode<record_buffer>(writer.view());
    ASSERT_TRUE(buffer);
    EXPECT_EQ(
        buffer->records.front(), (marshalled_record{reqid{9}, to_bytes("k"), to_bytes("data")})
    );
}

TEST(ForEachRecord, ShowsKeyHeaderAndValue) {
    std::string seen;
    const auto walked = for_each_record(
        encode(sample_buffer()),
        [&seen](byte_view key, const record_header& h, byte_view value) {
            EXPECT_EQ(h, header);
            seen.append(text_of(key)).append("=").append(text_of(value)).append(";");
            return true;
        }
    );
    EXPECT_TRUE(walked);
    EXPECT_EQ(seen, "a=value;key2=;");
}

TEST(ForEachRecord, StopsWhenTheVisitorHasEnough) {
    int visits = 0;
    EXPECT_TRUE(for_each_record(encode(sample_buffer()), [&visits](auto...) {
        ++visits;
        return false;
    }));
    EXPECT_EQ(visits, 1);
}

TEST(ForEachRecord, FailsOnARecordWithoutHeader) {
    record_buffer buffer = sample_buffer();
    buffer.records[1].data.resize(record_header_size - 1);
    int visits = 0;
    const auto walked = for_each_record(encode(buffer), [&visits](auto...) {
        ++visits;
        return true;
    });
    ASSERT_FALSE(walked);
    EXPECT_EQ(walked.error().code, EINVAL);
    EXPECT_EQ(visits, 1);
}

TEST(ForEachEntry, FailsAtTheFirstMalformedEntry) {
    bytes wire = encode(sample_buffer());
    const std::size_t second = record_buffer_fixed_size + record_fixed_size + 1 + 24 + 5;
    wire[second] = std::byte{15}; // shorter than the fixed part
    int visits = 0;
    const auto walked = for_each_entry(wire, [&visits](const record_view&) {
        ++visits;
        return true;
    });
    EXPECT_FALSE(walked);
    EXPECT_EQ(visits, 1);
    EXPECT_FALSE(entries_valid(view_record_buffer(wire).value()));
}

// A lenient reader goes on at the entry's own length (9.3).
TEST(ForEachEntry, NextEntryStartsAtTheLength) {
    writer out;
    out.put(std::uint32_t{1});
    out.put(std::uint32_t{2});
    for (const char* const key : {"x", "y"}) {
        out.put(std::uint32_t{20});
        out.put(std::uint32_t{0});
        out.put(std::uint32_t{1});
        out.put(std::uint32_t{0});
        out.put_bytes(view_of(key));
        out.put_zeros(3);
    }
    std::string seen;
    EXPECT_TRUE(for_each_entry(out.view(), [&seen](const record_view& r) {
        seen += text_of(r.key);
        return true;
    }));
    EXPECT_EQ(seen, "xy");
}

TEST(RecordBufferView, RefusesACountThatCannotFit) {
    bytes wire = encode(sample_buffer());
    wire[4] = std::byte{0xFF};
    EXPECT_FALSE(view_record_buffer(wire));
    EXPECT_FALSE(view_record_buffer(bytes(7)));
    EXPECT_TRUE(view_record_buffer(bytes(8)));
}

TEST(TraverseRecord, IsExactlyOneEntry) {
    bytes wire = encode_record(reqid{5}, view_of("k"), view_of("d"));
    const auto record = view_record(wire);
    ASSERT_TRUE(record);
    EXPECT_EQ(record->reqid, reqid{5});
    EXPECT_EQ(text_of(record->data), "d");
    wire.push_back(std::byte{0});
    EXPECT_FALSE(view_record(wire));
}

TEST(RecordHeader, LeadsTheValue) {
    const bytes value = join_header(header, view_of("abc"));
    EXPECT_EQ(value.size(), 27U);
    EXPECT_EQ(header_of(value).value(), header);
    EXPECT_EQ(text_of(data_after_header(value)), "abc");
    EXPECT_EQ(to_hex(byte_view(value).first(24)), to_hex(encode(header)));
    EXPECT_FALSE(header_of(byte_view(value).first(23)));
    EXPECT_TRUE(data_after_header(byte_view(value).first(23)).empty());
}

} // namespace
} // namespace ctdb::protocol
