#include "common/conf/scanner.hpp"
#include "common/conf/values.hpp"
#include "conf_fixture.hpp"

#include <filesystem>
#include <fstream>
#include <random>

namespace ctdb::conf {
namespace {

// "[section]" or "section|key|value" with the line in front.
std::vector<std::string> items(std::string_view text) {
    std::vector<std::string> all;
    for (const scanned_item& i : scan(text).items) {
        all.push_back(
            i.what == scanned_item::kind::section
                ? fmt::format("{} [{}]", i.line, i.section)
                : fmt::format("{} {}|{}|{}", i.line, i.section, i.key, i.value)
        );
    }
    return all;
}

using testing::ElementsAre;
using testing::IsEmpty;

TEST(Scanner, CommentsBeginLinesOnly) {
    EXPECT_THAT(
        items("# a = b\n  ; c = d\n[s]\nkey = /a b # c ; d\n"),
        ElementsAre("3 [s]", "4 s|key|/a b # c ; d")
    );
}

TEST(Scanner, RunsOfBlanksAreOne) {
    EXPECT_THAT(
        items("[s]\n   a \t key   =   x \t\t y  \r\n"), ElementsAre("1 [s]", "2 s|a key|x y")
    );
}

TEST(Scanner, ABackslashContinuesTheLineAndTheFirstLineCounts) {
    EXPECT_THAT(
        items("[s]\na = x \\\n  y\\  \nz\nb = 1\n"), ElementsAre("1 [s]", "2 s|a|x yz", "5 s|b|1")
    );
    EXPECT_THAT(items("[s]\n# comment \\\na = 1\n"), ElementsAre("1 [s]", "3 s|a|1"));
    EXPECT_THAT(items("[s]\na = 1 \\"), ElementsAre("1 [s]", "2 s|a|1"));
}

TEST(Scanner, QuotesAreLetters) {
    EXPECT_THAT(items("[s]\na = \"x y\"\n"), ElementsAre("1 [s]", "2 s|a|\"x y\""));
}

TEST(Scanner, OnlyTheFirstEqualsSeparates) {
    EXPECT_THAT(items("[s]\na=b=c\n"), ElementsAre("1 [s]", "2 s|a|b=c"));
}

TEST(Scanner, AByteOrderMarkIsNoText) {
    EXPECT_THAT(items("\xEF\xBB\xBF[s]\na=1"), ElementsAre("1 [s]", "2 s|a|1"));
}

TEST(Scanner, EverySyntaxErrorHasItsLine) {
    const scanned_file file =
        scan(std::string_view("garbage\n[open\nlost = 1\n[s]\n= 3\na\0b = 1\nc = 1\n", 43));
    std::vector<int> lines;
    for (const diagnostic& d : file.findings) {
        EXPECT_EQ(d.level, severity::error);
        lines.push_back(d.line);
    }
    EXPECT_THAT(lines, ElementsAre(1, 2, 5, 6));
    EXPECT_EQ(file.items.size(), 2U); // [s] and c: nothing is guessed behind a broken section
}

TEST(Scanner, EmptyTextsAreFine) {
    EXPECT_THAT(items(""), IsEmpty());
    EXPECT_THAT(items("\n\n"), IsEmpty());
    EXPECT_TRUE(scan("").findings.empty());
}

TEST(Scanner, AnyBytesAreScannedWithoutHarm) {
    std::mt19937 random(7);
    const std::string alphabet = "[]=\\#; \t\r\nab\"\x80\xff";
    for (int round = 0; round < 2000; ++round) {
        std::string text;
        for (int i = 0; i < 40; ++i) {
            text += alphabet[random() % alphabet.size()];
        }
        for (const scanned_item& i : scan(text).items) {
            EXPECT_GE(i.line, 1);
            EXPECT_LE(i.line, 41);
        }
    }
}

using Files = conf_fixture;

TEST_F(Files, OnlyRegularFilesOfReasonableSizeAreRead) {
    EXPECT_EQ(read_text_file(where.etc).error().code, EINVAL);
    EXPECT_EQ(read_text_file("/dev/zero").error().code, EINVAL);
    EXPECT_EQ(read_text_file(where.etc + "/none").error().code, ENOENT);
    file("big", std::string(file_bytes_max + 1, '#'));
    EXPECT_EQ(read_text_file(where.etc + "/big").error().code, EFBIG);
    file("full", std::string(file_bytes_max, '#'));
    EXPECT_EQ(read_text_file(where.etc + "/full")->size(), file_bytes_max);
}

TEST(Values, BooleansAreFourWordsInAnyCase) {
    EXPECT_EQ(parse_boolean("YES"), true);
    EXPECT_EQ(parse_boolean("true"), true);
    EXPECT_EQ(parse_boolean("No"), false);
    EXPECT_EQ(parse_boolean("fAlse"), false);
    for (const char* bad : {"", "1", "0", "on", "off", "tango", "yess"}) {
        EXPECT_EQ(parse_boolean(bad), std::nullopt) << bad;
    }
}

TEST(Values, IntegersFollowUpstreamsLenientRules) {
    EXPECT_EQ(parse_integer("20  # comment").value, 20); // upstream's unit test requires it
    EXPECT_TRUE(parse_integer("20  # comment").sloppy);
    EXPECT_EQ(parse_integer("7seconds").value, 7);
    EXPECT_EQ(parse_integer("abc").value, 0);
    EXPECT_EQ(parse_integer("0x10").value, 16);
    EXPECT_EQ(parse_integer("010").value, 8);
    EXPECT_EQ(parse_integer("0x").value, 0);
    EXPECT_EQ(parse_integer("2147483647").value, 2147483647);
    EXPECT_FALSE(parse_integer("2147483647").sloppy);
    EXPECT_EQ(parse_integer("2147483648").value, std::nullopt);
    EXPECT_EQ(parse_integer("99999999999999999999").value, std::nullopt);
    EXPECT_EQ(parse_integer("-5").value, std::nullopt);
}

TEST(Values, UnsignedNumbersMustBeWhole) {
    EXPECT_EQ(parse_unsigned("4294967295"), 4294967295U);
    EXPECT_EQ(parse_unsigned("0x1f"), 31U);
    EXPECT_EQ(parse_unsigned("017"), 15U);
    EXPECT_EQ(parse_unsigned("0"), 0U);
    for (const char* bad : {"", "x", "1x", "-1", "4294967296", "1 2", "08", "0x"}) {
        EXPECT_EQ(parse_unsigned(bad), std::nullopt) << bad;
    }
}

TEST(Closest, SuggestsTypingErrorsOnly) {
    EXPECT_EQ(closest("node adress", {"node address", "nodes list"}), "node address");
    EXPECT_EQ(closest("Leader Timeout", {"leader timeout"}), "leader timeout");
    EXPECT_EQ(closest("pineapple", {"node address", "transport"}), "");
}

} // namespace
} // namespace ctdb::conf
