#include "eventd/script_output.hpp"

#include <gtest/gtest.h>

namespace ctdb::eventd {
namespace {

void feed(script_output& out, std::string_view text, std::size_t piece) {
    while (!text.empty()) {
        out.append(view_of(text.substr(0, piece)));
        text.remove_prefix(std::min(piece, text.size()));
    }
}

TEST(ScriptOutput, ShortOutputIsKeptWhole) {
    script_output out;
    EXPECT_EQ(out.text(), "");
    feed(out, "one\ntwo\n", 3);
    EXPECT_EQ(out.text(), "one\ntwo\n");
}

TEST(ScriptOutput, ExactlyTheLimitIsKeptWhole) {
    std::string all;
    for (std::size_t i = 0; i < script_output::head_max + script_output::tail_max; ++i) {
        all += static_cast<char>('a' + i % 26);
    }
    for (const std::size_t piece : {std::size_t{1}, std::size_t{4096}, all.size()}) {
        script_output out;
        feed(out, all, piece);
        EXPECT_EQ(out.text(), all) << piece;
    }
}

TEST(ScriptOutput, MegabytesKeepTheirBeginningAndTheirEnd) {
    std::string all;
    for (int i = 0; all.size() < 5'000'000; ++i) {
        all += "line " + std::to_string(i) + "\n";
    }
    for (const std::size_t piece : {std::size_t{4096}, std::size_t{100'000}, all.size()}) {
        script_output out;
        feed(out, all, piece);
        const std::string kept = out.text();
        EXPECT_LT(kept.size(), script_output::head_max + script_output::tail_max + 100);
        EXPECT_TRUE(kept.starts_with(all.substr(0, script_output::head_max)));
        EXPECT_TRUE(kept.ends_with(all.substr(all.size() - script_output::tail_max)));
        const auto missing = all.size() - script_output::head_max - script_output::tail_max;
        EXPECT_NE(kept.find("[... " + std::to_string(missing) + " bytes"), std::string::npos);
    }
}

TEST(ScriptOutput, ANulDoesNotEndIt) {
    script_output out;
    out.append(view_of(std::string_view("a\0b", 3)));
    EXPECT_EQ(out.text(), "a b");
}

TEST(LogLines, AreLimitedInNumberAndLength) {
    EXPECT_TRUE(log_lines("", 10).empty());
    const std::vector<std::string> two{"a", "b"};
    EXPECT_EQ(log_lines("a\nb\n", 10), two);
    EXPECT_EQ(log_lines("a\nb", 10), two);
    const std::vector<std::string> cut{"a", "[2 more lines not logged]"};
    EXPECT_EQ(log_lines("a\nb\nc\n", 1), cut);
    EXPECT_EQ(log_lines(std::string(5000, 'x'), 1)[0].size(), 1000U);
}

} // namespace
} // namespace ctdb::eventd
