#include "tools/ctdb/text.hpp"

#include <cstdlib>
#include <ctime>

#include <gtest/gtest.h>

namespace {

using namespace ctdb;
using namespace ctdb::tool;

TEST(ToolText, NamesNodeFlagsInUpstreamsOrder) {
    EXPECT_EQ("OK", flags_text(0));
    EXPECT_EQ("DISCONNECTED|UNHEALTHY|INACTIVE", flags_text(0x03));
    EXPECT_EQ("STOPPED|INACTIVE", flags_text(0x20));
    EXPECT_EQ("DISABLED|BANNED|UNHEALTHY|INACTIVE", flags_text(0x0E));
    EXPECT_EQ("UNKNOWN", flags_text(unknown_flag));
    EXPECT_EQ("DISCONNECTED|DELETED|INACTIVE", flags_text(0x11));
}

TEST(ToolText, ReadsNumbersAsLenientlyAsUpstream) {
    EXPECT_EQ(15U, lenient_u32("15x"));
    EXPECT_EQ(15U, lenient_u32("0xf"));
    EXPECT_EQ(8U, lenient_u32("010"));
    EXPECT_EQ(0U, lenient_u32("4294967296"));
    EXPECT_EQ(std::nullopt, lenient_u32("-5"));
    EXPECT_EQ(std::nullopt, lenient_u32("abc"));
    EXPECT_EQ(std::nullopt, lenient_u32(""));
    EXPECT_EQ(0xF100000000000000U, lenient_u64("0xF100000000000000"));
}

TEST(ToolText, TellsWhyTextIsNoNumber) {
    EXPECT_EQ(EINVAL, why_no_number("abc"));
    EXPECT_EQ(EINVAL, why_no_number(""));
    EXPECT_EQ(EINVAL, why_no_number("-18446744073709551617"));
    EXPECT_EQ(ERANGE, why_no_number("18446744073709551617"));
}

TEST(ToolText, ReadsSomeNumbersAsAtoiDoes) {
    EXPECT_EQ(10, decimal_or_zero("010"));
    EXPECT_EQ(0, decimal_or_zero("0x10"));
    EXPECT_EQ(3, decimal_or_zero("3x"));
    EXPECT_EQ(-1, decimal_or_zero("-1"));
    EXPECT_EQ(0, decimal_or_zero("abc"));
}

TEST(ToolText, ReadsKeysAndValuesAsTextOrHex) {
    EXPECT_EQ(to_bytes("k3"), parse_data("key", "k3"));
    EXPECT_EQ(to_bytes("k3"), parse_data("key", "0x6b33"));
    EXPECT_EQ(bytes(), parse_data("value", ""));
    EXPECT_EQ(
        "Key (6b6) contains odd number of hex digits\nFailed to parse key 0x6b6",
        parse_data("key", "0x6b6").error()
    );
    EXPECT_EQ("Invalid hex: zz\nFailed to parse value 0xzz", parse_data("value", "0xzz").error());
}

TEST(ToolText, ComplainsOfAWordWithTheRestOfItsLine) {
    EXPECT_EQ(to_bytes("k3"), parse_data_in_line("0x6b33", "\" \"v\"\n"));
    EXPECT_EQ("Invalid hex: zz\"\n", parse_data_in_line("0x12zz", "\"\n").error());
    EXPECT_EQ(
        "Key (123\"\n) contains odd number of hex digits",
        parse_data_in_line("0x123", "\"\n").error()
    );
}

TEST(ToolText, KnowsRunStatesInAnyCase) {
    EXPECT_EQ("FIRST_RECOVERY", run_state_name(protocol::run_state::first_recovery));
    EXPECT_EQ(protocol::run_state::running, parse_run_state("running"));
    EXPECT_EQ(std::nullopt, parse_run_state("run"));
    EXPECT_EQ(std::nullopt, parse_run_state(""));
}

TEST(ToolText, SurroundsFieldsWithTheSeparator) {
    EXPECT_EQ("|0|127.0.0.1|", machine_line("|", {"0", "127.0.0.1"}));
    EXPECT_EQ(";;a;;", machine_line(";;", {"a"}));
}

TEST(ToolText, ShowsTimesAndAges) {
    ::setenv("TZ", "UTC", 1);
    ::tzset();
    EXPECT_EQ("Sun Nov 22 15:24:05 2026", ctime_text(1795361045));
    EXPECT_EQ("Thu Jan  1 00:00:00 1970", ctime_text(0));
    EXPECT_EQ("(000 00:00:13)", age_text(13));
    EXPECT_EQ("(002 03:04:05)", age_text(2 * 86400 + 3 * 3600 + 4 * 60 + 5));
    protocol::time_value moment;
    moment.seconds = 1795361045;
    moment.microseconds = 42;
    EXPECT_EQ("2026-11-22T15:24:05.000042Z", rfc3339_text(moment));
}

TEST(ToolText, EscapesRecordsAsCatdbDoes) {
    bytes data;
    ASSERT_TRUE(from_hex("000102ff", data));
    EXPECT_EQ("\\00\\01\\02\\FF", escaped(data));
    EXPECT_EQ("va\\22l\\5Cue", escaped(to_bytes("va\"l\\ue")));
    EXPECT_EQ("", until_nul(data));
    EXPECT_EQ("ab", until_nul(to_bytes(std::string_view("ab\0c", 4))));
}

TEST(ToolText, ShowsARecord) {
    protocol::record_header header;
    header.dmaster = pnn(1);
    header.rsn = rsn(4);
    header.flags = protocol::record_flag::migrated_with_data;
    EXPECT_EQ(
        "dmaster: 1\nrsn: 4\nflags: 0x00010000 MIGRATED_WITH_DATA\ndata(2) = \"v1\"\n",
        record_text(header, to_bytes("v1"))
    );
    EXPECT_EQ("key(2) = \"k1\"\n", key_text(to_bytes("k1")));
}

} // namespace
