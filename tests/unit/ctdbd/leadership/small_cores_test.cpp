#include "ctdbd/leadership/absence_report.hpp"
#include "ctdbd/leadership/credits.hpp"
#include "ctdbd/leadership/fencing.hpp"
#include "ctdbd/leadership/mesh_watch.hpp"
#include "ctdbd/leadership/recovery_pace.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ctdb::ctdbd {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

const async::time_point start{1000s};

TEST(Credits, OffendersAreNamedOnceAndStartAnew) {
    credits c;
    c.add(pnn{1}, 5, start, 120s);
    EXPECT_THAT(c.take_offenders(6), IsEmpty());
    c.add(pnn{1}, 1, start + 1s, 120s);
    c.add(pnn{2}, 1, start + 1s, 120s);
    EXPECT_THAT(c.take_offenders(6), ElementsAre(pnn{1}));
    EXPECT_EQ(c.count(pnn{1}), 0U);
    EXPECT_EQ(c.count(pnn{2}), 1U);
}

TEST(Credits, AreForgottenAfterTheGracePeriod) {
    credits c;
    c.add(pnn{1}, 5, start, 120s);
    c.add(pnn{1}, 1, start + 121s, 120s);
    EXPECT_EQ(c.count(pnn{1}), 1U);
    c.clear();
    EXPECT_EQ(c.count(pnn{1}), 0U);
}

// databases.md 12.1 #19
TEST(Credits, AFailedRecoveryGivesOneAndNoneToWhoHasOneFromTheSamePass) {
    credits c;
    EXPECT_TRUE(c.add_failed_recovery(pnn{1}, start, start + 30s, 120s));
    EXPECT_EQ(c.count(pnn{1}), 1U);
    c.add(pnn{1}, 1, start + 40s, 120s); // the next pass found it to be a culprit
    EXPECT_FALSE(c.add_failed_recovery(pnn{1}, start + 40s, start + 60s, 120s));
    EXPECT_EQ(c.count(pnn{1}), 2U);
    EXPECT_TRUE(c.add_failed_recovery(pnn{1}, start + 61s, start + 90s, 120s));
    EXPECT_EQ(c.count(pnn{1}), 3U);
}

TEST(Credits, ARecoveryThatTakesLongToFailIsNotForgottenForThat) { // 12.2, 2018
    credits c;
    async::time_point now = start;
    for (std::uint32_t failed = 1; failed <= 6; ++failed) {
        EXPECT_TRUE(c.take_offenders(6).empty());
        EXPECT_TRUE(c.add_failed_recovery(pnn{1}, now, now + 300s, 120s));
        EXPECT_EQ(c.count(pnn{1}), failed);
        now += 310s;
    }
    EXPECT_THAT(c.take_offenders(6), ElementsAre(pnn{1}));
    EXPECT_TRUE(c.add_failed_recovery(pnn{1}, now, now + 1s, 120s));
    EXPECT_TRUE(c.add_failed_recovery(pnn{1}, now + 122s, now + 123s, 120s));
    EXPECT_EQ(c.count(pnn{1}), 1U) << "the first is forgotten";
}

recovery_need need(recovery_cause cause, std::string why) {
    return {cause, std::nullopt, std::move(why)};
}

TEST(RecoveryPace, AnotherCauseGoesAtOnce) { // W50
    recovery_pace pace;
    const auto lost = need(recovery_cause::membership, "node 1 gone");
    const auto back = need(recovery_cause::membership, "node 1 back");
    EXPECT_TRUE(pace.may_start(lost, start));
    pace.finished(lost, true, start);
    EXPECT_TRUE(pace.may_start(back, start));
    EXPECT_FALSE(pace.may_start(lost, start));
}

TEST(RecoveryPace, TheSameCauseWaitsLongerAndLongerUpToTheLimit) {
    recovery_pace pace;
    pace.set_limit(10s);
    const auto same = need(recovery_cause::asked_for, "node 1");
    async::time_point now = start;
    std::vector<double> waits;
    for (int i = 0; i < 7; ++i) {
        pace.finished(same, true, now);
        waits.push_back(std::chrono::duration<double>(pace.earliest(same) - now).count());
        now = pace.earliest(same);
    }
    EXPECT_THAT(waits, ElementsAre(0.5, 1, 2, 4, 8, 10, 10));
}

TEST(RecoveryPace, AFailureWaitsWhateverTheCause) {
    recovery_pace pace;
    const auto first = need(recovery_cause::membership, "x");
    const auto retry = need(recovery_cause::unfinished, "x");
    pace.finished(first, false, start);
    EXPECT_EQ(pace.earliest(retry), start + 500ms);
    pace.finished(retry, false, start + 500ms);
    EXPECT_EQ(pace.earliest(retry), start + 1500ms);
}

TEST(RecoveryPace, QuietForgets) {
    recovery_pace pace;
    const auto same = need(recovery_cause::asked_for, "node 1");
    for (int i = 0; i < 5; ++i) {
        pace.finished(same, true, start);
    }
    pace.finished(same, true, start + 30s);
    EXPECT_EQ(pace.earliest(same), start + 30s + 500ms);
}

fencing_facts facts(bool lock, bool leader, std::size_t nodes, std::size_t connected) {
    return {lock, leader, nodes, connected};
}

TEST(Fencing, WithALockNoLeaderForThreeLeaderTimeoutsFences) { // W16
    fencing f(fencing_mode::automatic);
    const auto leaderless = facts(true, false, 3, 1);
    EXPECT_EQ(f.look(leaderless, start), fencing_step::none);
    EXPECT_EQ(f.deadline(), start + 15s);
    EXPECT_EQ(f.look(leaderless, start + 14s), fencing_step::none);
    EXPECT_EQ(f.look(leaderless, start + 15s), fencing_step::fence);
    EXPECT_EQ(f.look(leaderless, start + 16s), fencing_step::none);
    EXPECT_TRUE(f.fenced());
    EXPECT_EQ(f.look(facts(true, true, 3, 1), start + 17s), fencing_step::unfence);
    EXPECT_FALSE(f.fenced());
}

TEST(Fencing, ALeaderInBetweenBeginsTheCountAnew) {
    fencing f(fencing_mode::automatic);
    EXPECT_EQ(f.look(facts(true, false, 3, 3), start), fencing_step::none);
    EXPECT_EQ(f.look(facts(true, true, 3, 3), start + 10s), fencing_step::none);
    EXPECT_EQ(f.look(facts(true, false, 3, 3), start + 11s), fencing_step::none);
    EXPECT_EQ(f.look(facts(true, false, 3, 3), start + 20s), fencing_step::none);
    EXPECT_EQ(f.look(facts(true, false, 3, 3), start + 26s), fencing_step::fence);
}

TEST(Fencing, WithoutALockOnlyALostMajorityOfThreeOrMoreFences) {
    fencing f(fencing_mode::automatic);
    EXPECT_EQ(f.look(facts(false, false, 3, 2), start), fencing_step::none);
    EXPECT_FALSE(f.deadline());
    EXPECT_EQ(f.look(facts(false, true, 2, 1), start), fencing_step::none);
    EXPECT_FALSE(f.deadline());
    EXPECT_EQ(f.look(facts(false, true, 4, 2), start), fencing_step::none);
    EXPECT_EQ(f.look(facts(false, true, 4, 2), start + 15s), fencing_step::fence);
    EXPECT_THAT(f.reason(), ::testing::HasSubstr("2 of 4"));
}

TEST(Fencing, OffNeverFencesAndSwitchingOffEndsIt) {
    fencing f(fencing_mode::off);
    EXPECT_EQ(f.look(facts(true, false, 3, 1), start), fencing_step::none);
    EXPECT_EQ(f.look(facts(true, false, 3, 1), start + 99s), fencing_step::none);
    f.set(fencing_mode::automatic, 1s);
    EXPECT_EQ(f.look(facts(true, false, 3, 1), start + 100s), fencing_step::none);
    EXPECT_EQ(f.look(facts(true, false, 3, 1), start + 103s), fencing_step::fence);
    f.set(fencing_mode::off, 1s);
    EXPECT_EQ(f.look(facts(true, false, 3, 1), start + 104s), fencing_step::unfence);
}

TEST(AbsenceReport, SpeaksLessAndLessOftenAndWhenAllAreBack) {
    absence_report report;
    std::vector<long> said;
    for (int minute = 0; minute <= 240; ++minute) {
        if (report.look(false, start + std::chrono::minutes(minute)) == absence_step::say_missing) {
            said.push_back(minute);
        }
    }
    EXPECT_THAT(
        said, ElementsAre(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 20, 30, 40, 50, 60, 120, 180, 240)
    );
    EXPECT_EQ(report.look(true, start + 5h), absence_step::say_complete);
    EXPECT_EQ(report.look(true, start + 6h), absence_step::nothing);
}

TEST(AbsenceReport, AShortAbsenceIsNoNews) {
    absence_report report;
    EXPECT_EQ(report.look(false, start), absence_step::nothing);
    EXPECT_EQ(report.look(true, start + 59s), absence_step::nothing);
}

TEST(MeshWatch, ReportsAGapThatStaysAndNamesAVictimLater) {
    mesh_watch watch;
    const std::vector<mesh_gap> gap{{pnn{1}, pnn{2}}};
    EXPECT_THAT(watch.look(gap, pnn{0}, 5s, start).opened, IsEmpty());
    EXPECT_THAT(watch.look(gap, pnn{0}, 5s, start + 2s).opened, ElementsAre(gap[0]));
    EXPECT_THAT(watch.look(gap, pnn{0}, 5s, start + 3s).opened, IsEmpty());
    EXPECT_EQ(watch.look(gap, pnn{0}, 5s, start + 14s).victim, std::nullopt);
    EXPECT_EQ(watch.look(gap, pnn{0}, 5s, start + 15s).victim, pnn{2});
    EXPECT_EQ(watch.look(gap, pnn{0}, 5s, start + 16s).victim, std::nullopt);
}

TEST(MeshWatch, AShortGapIsNoNewsAndAClosedOneIs) {
    mesh_watch watch;
    const std::vector<mesh_gap> gap{{pnn{1}, pnn{2}}};
    static_cast<void>(watch.look(gap, pnn{0}, 5s, start));
    EXPECT_THAT(watch.look({}, pnn{0}, 5s, start + 1s).closed, IsEmpty());
    static_cast<void>(watch.look(gap, pnn{0}, 5s, start + 10s));
    static_cast<void>(watch.look(gap, pnn{0}, 5s, start + 12s));
    EXPECT_THAT(watch.look({}, pnn{0}, 5s, start + 13s).closed, ElementsAre(gap[0]));
}

} // namespace
} // namespace ctdb::ctdbd
