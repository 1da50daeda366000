#include "common/protocol/hash.hpp"
#include "common/protocol/types_membership.hpp"
#include "tests/unit/common/protocol/vector_file.hpp"

#include <gtest/gtest.h>

namespace ctdb::protocol {
namespace {

TEST(Hash, GivesUpstreamsValues) {
    for (const test::json& vector : test::load_vectors("hashes")) {
        SCOPED_TRACE(vector.at("name"));
        if (vector.at("kind") == "key_hash") {
            EXPECT_EQ(hash(test::bytes_of(vector.at("key_hex"))), vector.at("hash"));
        } else if (vector.at("kind") == "db_id") {
            const auto name = vector.at("db_name").get<std::string>();
            EXPECT_EQ(db_id_of(name).value, vector.at("db_id"));
            EXPECT_EQ(hash(view_of(name)), vector.at("hash_without_nul"));
        } else {
            vnn_map map;
            for (const auto& node : vector.at("vnn_map")) {
                map.map.emplace_back(node.get<std::uint32_t>());
            }
            const auto lmaster = lmaster_of(map, test::bytes_of(vector.at("key_hex")));
            EXPECT_EQ(lmaster, pnn{vector.at("lmaster").get<std::uint32_t>()});
        }
    }
}

TEST(Hash, EmptyKeyAndEmptyMap) {
    EXPECT_EQ(hash({}), 0xDEADBEEFU);
    EXPECT_EQ(lmaster_of(vnn_map{}, view_of("k")), std::nullopt);
}

TEST(WellKnownKeys, EndInNul) {
    EXPECT_EQ(sequence_number_key().size(), 23U);
    EXPECT_EQ(sequence_number_key().back(), std::byte{0});
    EXPECT_EQ(
        transaction_lock_key(db_id{0x4D2A432B}), std::string("transaction_db_0x4d2a432b\0", 26)
    );
}

TEST(SequenceNumber, OfAnotherSizeCountsAsZero) {
    const std::uint64_t value = 0x0102030405060708;
    EXPECT_EQ(sequence_number_of(std::as_bytes(std::span(&value, 1))), value);
    EXPECT_EQ(sequence_number_of({}), 0U);
    EXPECT_EQ(sequence_number_of(bytes(7, std::byte{1})), 0U);
}

} // namespace
} // namespace ctdb::protocol
