#include "common/base/bytes.hpp"

#include <gtest/gtest.h>

namespace ctdb {
namespace {

TEST(Reader, FailsForGoodOnceInputIsTooShort) {
    const bytes input = to_bytes("abc");
    reader in{input};
    EXPECT_EQ(in.get<std::uint32_t>(), 0U);
    EXPECT_FALSE(in.ok());
    EXPECT_EQ(in.get<std::uint8_t>(), 0U) << "a byte remains, but the reader has failed";
}

TEST(Reader, ReadsMisalignedLittleEndianNumbers) {
    bytes input;
    ASSERT_TRUE(from_hex("ff0403020100", input));
    reader in{input};
    EXPECT_EQ(in.get<std::uint8_t>(), 0xFFU);
    EXPECT_EQ(in.get<std::uint32_t>(), 0x01020304U);
    EXPECT_EQ(in.remaining(), 1U);
}

TEST(Reader, TakeRefusesMoreThanRemainsEvenForHugeSizes) {
    const bytes input = to_bytes("abcd");
    reader in{input};
    EXPECT_TRUE(in.take(SIZE_MAX).empty());
    EXPECT_FALSE(in.ok());
}

TEST(Writer, PadsWithZerosAndPatches) {
    writer out;
    out.put<std::uint32_t>(0);
    out.put<std::uint8_t>(7);
    out.pad_to(8);
    out.patch_u32(0, 8);
    EXPECT_EQ(to_hex(out.view()), "0800000007000000");
    out.pad_to(8);
    EXPECT_EQ(out.size(), 8U);
}

TEST(Hex, RefusesOddLengthAndOtherCharacters) {
    bytes out;
    EXPECT_FALSE(from_hex("abc", out));
    EXPECT_FALSE(from_hex("0g", out));
    EXPECT_TRUE(from_hex("0aFF", out));
    EXPECT_EQ(to_hex(out), "0aff");
}

} // namespace
} // namespace ctdb
