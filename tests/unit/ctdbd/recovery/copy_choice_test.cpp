#include "ctdbd/recovery/copy_choice.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ctdb {
namespace {

using namespace ctdbd;
using ::testing::ElementsAre;

// Epoch, base, standing; the generation is the epoch.
struct step {
    std::uint64_t epoch;
    std::uint64_t base = 0;
    std::uint32_t standing = lineage_step::whole;
};

lineage history(std::vector<step> steps) {
    lineage l;
    for (const step& s : steps) {
        lineage_step one;
        one.epoch = s.epoch;
        one.generation = generation{static_cast<std::uint32_t>(s.epoch)};
        one.base = s.base;
        one.standing = s.standing;
        l.add(one);
    }
    return l;
}

copy_state copy(std::uint32_t node, std::vector<step> steps, std::uint64_t number) {
    return {pnn{node}, history(std::move(steps)), number};
}

// ---- volatile ----

TEST(CountingCopies, OfUnknownLineageAllCount) {
    const auto choice = counting_copies({{}, {}, {}});
    EXPECT_THAT(choice.counting, ElementsAre(0, 1, 2));
    EXPECT_FALSE(choice.history.known());
}

TEST(CountingCopies, OlderEpochsStayOut) {
    const auto choice =
        counting_copies({history({{1}, {2}}), history({{1}}), history({{1}, {2}}), lineage{}});
    EXPECT_THAT(choice.counting, ElementsAre(0, 2, 3)); // nobody knows about the last
    EXPECT_EQ(choice.history, history({{1}, {2}}));
}

TEST(CountingCopies, TheNextOnesCountWhenTheNewestAreGone) {
    EXPECT_THAT(counting_copies({history({{1}}), history({{1}})}).counting, ElementsAre(0, 1));
}

TEST(CountingCopies, WithALockTheLaterOfTwoSidesIsRight) {
    const auto choice = counting_copies({history({{1}, {3}}), history({{1}, {4}})});
    EXPECT_THAT(choice.counting, ElementsAre(1));
}

TEST(CountingCopies, WithoutALockTheLargerSideIsRight) {
    const auto choice =
        counting_copies({history({{1}, {3, 0, 4}}), history({{1}, {4, 0, 2}, {5, 0, 1}})});
    EXPECT_THAT(choice.counting, ElementsAre(0));
}

TEST(CountingCopies, AShrinkingClusterIsNotOvertakenByItsPast) {
    const auto choice = counting_copies({history({{1, 0, 3}, {2, 0, 1}}), history({{1, 0, 3}})});
    EXPECT_THAT(choice.counting, ElementsAre(0));
}

// ---- persistent ----

TEST(WinningCopy, OfUnknownLineageTheFirstOfTheHighestNumber) {
    EXPECT_EQ(winning_copy({copy(0, {}, 3), copy(1, {}, 4), copy(2, {}, 4)}), 1U);
    EXPECT_EQ(winning_copy({copy(2, {}, 0), copy(1, {}, 0)}), 0U);
}

TEST(WinningCopy, WithinOneEpochACommitThatReachedSomebodyIsCompleted) {
    EXPECT_EQ(winning_copy({copy(0, {{1}}, 7), copy(1, {{1}}, 8)}), 1U);
}

TEST(WinningCopy, AStaleCopyNeverBeatsWhatCameOfIt) {
    const auto stale = copy(0, {{1}}, 9); // tried commits alone
    const auto newer = copy(1, {{1}, {2, 7}}, 8);
    EXPECT_EQ(winning_copy({stale, newer}), 1U);
    EXPECT_EQ(winning_copy({newer, stale}), 0U);
    EXPECT_TRUE(has_diverged(stale, newer));
    EXPECT_FALSE(has_diverged(copy(0, {{1}}, 7), newer)); // merely old
}

TEST(WinningCopy, ABranchThatDidNothingLoses) {
    const auto idle = copy(0, {{1}, {3, 7}}, 7);
    const auto busy = copy(1, {{1}, {2, 7}}, 9);
    EXPECT_EQ(winning_copy({idle, busy}), 1U);
    EXPECT_EQ(winning_copy({busy, idle}), 0U);
    EXPECT_FALSE(has_diverged(idle, busy));
}

TEST(WinningCopy, OfTwoBusyBranchesTheNewerWinsAndTheOtherIsKeptAside) {
    const auto older = copy(0, {{1}, {2, 7}}, 99);
    const auto newer = copy(1, {{1}, {3, 7}}, 8);
    EXPECT_EQ(winning_copy({older, newer}), 1U);
    EXPECT_EQ(winning_copy({newer, older}), 0U);
    EXPECT_TRUE(has_diverged(older, newer));
}

TEST(WinningCopy, WithoutALockTheLargerOfTwoBusyBranchesWins) {
    const auto small = copy(0, {{1}, {3, 7, 1}}, 9);
    const auto large = copy(1, {{1}, {2, 7, 2}}, 8);
    EXPECT_EQ(winning_copy({small, large}), 1U);
    EXPECT_TRUE(has_diverged(small, large));
}

TEST(WinningCopy, ACommitUnderWayAtTheForkIsKept) {
    const auto with = copy(0, {{1}, {2, 8}}, 8);
    const auto without = copy(1, {{1}, {3, 7}}, 7);
    EXPECT_EQ(winning_copy({with, without}), 0U);
    EXPECT_EQ(winning_copy({without, with}), 1U);
}

TEST(WinningCopy, BetweenDifferentBirthsTheHigherNumberWinsAndTheLoserIsKept) {
    const auto fresh = copy(0, {{9}}, 3); // made anew while the old one was away
    const auto old = copy(1, {{1}, {2, 50}}, 100);
    EXPECT_EQ(winning_copy({fresh, old}), 1U);
    EXPECT_TRUE(has_diverged(fresh, old));
    EXPECT_FALSE(has_diverged(copy(0, {{9}}, 0), old)); // nothing in it
}

// Both sides of a cluster under a lock made the database, one after the other.
TEST(WinningCopy, OfDifferentBirthsWithOneNumberTheNewerWins) {
    const auto older = copy(0, {{3}}, 2);
    const auto newer = copy(1, {{5}, {6}}, 2);
    EXPECT_EQ(winning_copy({older, newer}), 1U);
    EXPECT_EQ(winning_copy({newer, older}), 0U);
    EXPECT_TRUE(has_diverged(older, newer));
}

TEST(WinningCopy, AnUnknownCopyIsComparedByNumberAndKeptIfItLoses) {
    EXPECT_EQ(winning_copy({copy(0, {}, 7), copy(1, {{1}}, 7)}), 1U);
    EXPECT_EQ(winning_copy({copy(0, {{1}}, 7), copy(1, {}, 8)}), 1U);
    EXPECT_TRUE(has_diverged(copy(0, {}, 5), copy(1, {{1}}, 7)));
    EXPECT_FALSE(has_diverged(copy(0, {}, 5), copy(1, {}, 7)));
}

TEST(WinningCopy, ForgottenForksAreDecidedByTheEpoch) {
    std::vector<step> one{{1}};
    std::vector<step> other{{1}};
    for (std::uint64_t i = 2; i < 40; ++i) {
        one.push_back({i});
        other.push_back({100 + i});
    }
    EXPECT_EQ(winning_copy({copy(0, one, 50), copy(1, other, 40)}), 1U);
    EXPECT_FALSE(has_diverged(copy(0, one, 50), copy(1, other, 40))); // older than is remembered
    EXPECT_TRUE(has_diverged(copy(1, other, 40), copy(0, one, 50)));
}

// ---- messages ----

template <class Message, class Decode>
void comes_back(const Message& m, Decode decode) {
    const bytes data = encode(m);
    const auto back = decode(byte_view{data});
    ASSERT_TRUE(back) << back.error().what;
    EXPECT_EQ(encode(*back), data);
    for (std::size_t size = 0; size < data.size(); ++size) {
        EXPECT_FALSE(decode(byte_view{data}.first(size))) << size;
    }
    bytes more = data;
    more.push_back(std::byte{0});
    EXPECT_FALSE(decode(byte_view{more}));
}

TEST(LineageMessages, ComeBackWholeOrNotAtAll) {
    lineage_question question;
    question.asker = pnn{2};
    question.answer_to = srvid{77};
    comes_back(question, decode_lineage_question);
    lineage_answer answer;
    answer.node = pnn{1};
    answer.highest_epoch = 12;
    answer.copies[db_id{5}] = history({{1, 2}, {3, 4}});
    answer.copies[db_id{6}] = lineage{};
    comes_back(answer, decode_lineage_answer);
    epoch_number number;
    number.generation = generation{9};
    number.epoch = 33;
    number.members = {pnn{0}, pnn{2}};
    comes_back(number, decode_epoch_number);
    lineage_verdict verdict;
    verdict.generation = generation{9};
    verdict.database = db_id{5};
    verdict.content = history({{1, 2}});
    verdict.diverged = {pnn{0}, pnn{2}};
    comes_back(verdict, decode_lineage_verdict);
}

TEST(LineageMessages, ACountThatCannotBeIsRefused) {
    writer out;
    out.put(std::uint64_t{1});
    out.put(std::uint32_t{0x7FFFFFFF});
    reader in(out.view());
    EXPECT_FALSE(get_lineage(in).known());
    EXPECT_FALSE(in.ok());
}

} // namespace
} // namespace ctdb
