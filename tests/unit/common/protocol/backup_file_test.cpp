// Backup files and database values of real programs (tests/vectors/files.json).
#include "common/protocol/backup_file.hpp"
#include "tests/unit/common/protocol/vector_file.hpp"

#include <gtest/gtest.h>

namespace ctdb::protocol {
namespace {

using test::json;

std::vector<json> files_of_kind(std::string_view kind) {
    std::vector<json> found;
    for (const json& vector : test::load_vectors("files")) {
        if (vector.at("kind") == kind) {
            found.push_back(vector);
        }
    }
    return found;
}

TEST(DatabaseValues, AreHeaderAndData) {
    const auto records = files_of_kind("tdb_record");
    ASSERT_FALSE(records.empty());
    for (const json& vector : records) {
        SCOPED_TRACE(vector.at("name"));
        const bytes value = test::bytes_of(vector.at("value_hex"));
        if (vector.at("header").is_null()) {
            continue;
        }
        record_header header;
        test::fill(vector.at("header"), header);
        EXPECT_EQ(header_of(value).value(), header);
        EXPECT_EQ(join_header(header, test::bytes_of(vector.at("data_hex"))), value);
    }
}

backup_head head_from(const json& vector) {
    backup_head head;
    test::fill(vector.at("version"), head.version);
    test::fill(vector.at("timestamp"), head.created);
    test::fill(vector.at("db_flags"), head.flags);
    test::fill(vector.at("nbuf"), head.buffers);
    test::fill(vector.at("nrec"), head.records);
    head.name = vector.at("db_name").get<std::string>();
    return head;
}

TEST(BackupFile, ReadsUpstreamsFiles) {
    for (const json& vector : files_of_kind("backup_file")) {
        SCOPED_TRACE(vector.at("name"));
        const bytes file = test::bytes_of(vector.at("hex"));
        EXPECT_EQ(decode_backup_head(file).value(), head_from(vector));
        byte_view rest = byte_view(file).subspan(backup_head_size);
        for (const json& expected : vector.at("buffers")) {
            const auto head = decode_backup_buffer_head(rest);
            ASSERT_TRUE(head);
            EXPECT_EQ(head->size, expected.at("buflen"));
            rest = rest.subspan(backup_buffer_head_size);
            const auto buffer = backup_to_record_buffer(db_id{1}, *head, rest.first(head->size));
            ASSERT_TRUE(buffer) << buffer.error().what;
            json fields = expected;
            fields["db_id"] = 1;
            record_buffer records;
            test::fill(fields, records);
            EXPECT_EQ(decode<record_buffer>(*buffer).value(), records);
            rest = rest.subspan(head->size);
        }
        EXPECT_TRUE(rest.empty());
    }
}

TEST(BackupFile, WritesUpstreamsFiles) {
    for (const json& vector : files_of_kind("backup_file")) {
        SCOPED_TRACE(vector.at("name"));
        const auto& buffer = vector.at("buffers").at(0);
        backup_writer writer(db_id{buffer.at("db_id_field_unspecified").get<std::uint32_t>()});
        for (const json& fields : buffer.at("records")) {
            marshalled_record record;
            test::fill(fields, record);
            writer.append(record.key, record.data);
        }
        EXPECT_EQ(to_hex(writer.finish(head_from(vector))), vector.at("hex"));
    }
}

TEST(BackupFile, BeginsANewBufferAtTheLimit) {
    backup_writer writer(db_id{1});
    const bytes data(30'000);
    for (int i = 0; i < 8; ++i) {
        writer.append(view_of("key"), data);
    }
    const auto head = decode_backup_head(writer.finish({}));
    ASSERT_TRUE(head);
    EXPECT_EQ(head->buffers, 2U);
    EXPECT_EQ(head->records, 8U);
}

TEST(BackupFile, EmptyDatabaseHasNoBuffer) {
    backup_writer writer(db_id{1});
    EXPECT_EQ(writer.finish({}).size(), backup_head_size);
}

TEST(BackupFile, RefusesDamage) {
    const bytes file = backup_writer(db_id{1}).finish({});
    EXPECT_FALSE(decode_backup_head(byte_view(file).first(103)));
    bytes other = file;
    other[0] = std::byte{2};
    EXPECT_FALSE(decode_backup_head(other));
    bytes endless = file;
    std::fill_n(endless.begin() + 40, 64, std::byte{'x'});
    EXPECT_FALSE(decode_backup_head(endless));
    EXPECT_FALSE(decode_backup_buffer_head(bytes(15)));
    EXPECT_FALSE(
        decode_backup_buffer_head(bytes(16, std::byte{0xFF})).has_value() &&
        backup_to_record_buffer(db_id{1}, {1, 3}, bytes(3)).has_value()
    );
    EXPECT_FALSE(backup_to_record_buffer(db_id{1}, {1, 16}, bytes(16)));
}

} // namespace
} // namespace ctdb::protocol
