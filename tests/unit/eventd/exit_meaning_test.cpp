#include "eventd/exit_meaning.hpp"

#include <cerrno>
#include <csignal>

#include <gtest/gtest.h>

namespace ctdb::eventd {
namespace {

constexpr int exited(int status) {
    return status << 8;
}

TEST(ExitMeaning, LegacyScriptsSpeakUpstreamsConvention) {
    constexpr auto rule = exit_rule::errno_above_64;
    EXPECT_EQ(meaning_of_exit(exited(0), rule), 0);
    EXPECT_EQ(meaning_of_exit(exited(1), rule), 1);
    EXPECT_EQ(meaning_of_exit(exited(63), rule), 63);
    EXPECT_EQ(meaning_of_exit(exited(64), rule), 0);
    EXPECT_EQ(meaning_of_exit(exited(66), rule), -ENOEXEC);
    EXPECT_EQ(meaning_of_exit(exited(77), rule), -ENOEXEC);
    EXPECT_EQ(meaning_of_exit(exited(126), rule), -62);
    EXPECT_EQ(meaning_of_exit(exited(174), rule), -ETIMEDOUT);
    EXPECT_EQ(meaning_of_exit(exited(189), rule), -ECANCELED);
    EXPECT_EQ(meaning_of_exit(exited(255), rule), 255);
    EXPECT_EQ(meaning_of_exit(SIGKILL, rule), -EINTR);
}

TEST(ExitMeaning, InOurComponentsAnExitStatusIsAnExitStatus) {
    for (const int status : {0, 1, 64, 77, 174, 189, 254, 255}) {
        EXPECT_EQ(meaning_of_exit(exited(status), exit_rule::plain), status);
    }
    EXPECT_EQ(meaning_of_exit(SIGSEGV, exit_rule::plain), -EINTR);
}

TEST(ExitMeaning, OnlyOurComponentsArePlain) {
    for (const char* ours : {"cluster", "service", "failover", "notification"}) {
        EXPECT_EQ(rule_of(ours), exit_rule::plain);
    }
    EXPECT_EQ(rule_of("legacy"), exit_rule::errno_above_64);
    EXPECT_EQ(rule_of("somebody-elses"), exit_rule::errno_above_64);
}

TEST(ExitMeaning, AScriptWithoutItsInterpreterIsAFaultAVanishedOneIsNot) {
    EXPECT_EQ(meaning_of_failed_start(ENOENT, script_file::exists), -ENOENT);
    EXPECT_EQ(meaning_of_failed_start(ENOENT, script_file::vanished), -ENOEXEC);
    EXPECT_EQ(meaning_of_failed_start(EACCES, script_file::exists), -ENOEXEC);
    EXPECT_EQ(meaning_of_failed_start(ENOEXEC, script_file::exists), -ENOEXEC);
    EXPECT_EQ(meaning_of_failed_start(ENOMEM, script_file::exists), -ENOMEM);
}

} // namespace
} // namespace ctdb::eventd
