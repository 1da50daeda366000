// keeper_lock with the real keeper and the real helper.
#include "common/base/log.hpp"
#include "ctdbd/leadership/keeper_lock.hpp"
#include "ctdbd/leadership/keeper_lock_probe.hpp"
#include "tests/unit/ctdbd/leadership/test_directory.hpp"

#include <csignal>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/prctl.h>
#include <sys/wait.h>

namespace ctdb::ctdbd {
namespace {

using namespace std::chrono_literals;
using namespace testing_support;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class KeeperLock : public ::testing::Test {
protected:
    struct node {
        std::unique_ptr<keeper_lock> lock;
        std::vector<std::string> heard;
    };
    std::unique_ptr<node> make(std::vector<std::string> command, std::chrono::milliseconds lease) {
        auto n = std::make_unique<node>();
        keeper_lock_settings settings;
        settings.keeper = keeper_program;
        settings.command = std::move(command);
        settings.lease = lease;
        settings.attempt = 1s;
        n->lock = std::make_unique<keeper_lock>(loop, std::move(settings));
        auto& heard = n->heard;
        cluster_lock_events events;
        events.held = [&heard](async::duration) { heard.push_back("held"); };
        events.refused = [&heard](lock_refusal kind, const std::string& why) {
            const std::array<const char*, 3> kinds{"contention", "timed out", "failed"};
            heard.push_back(fmt::format("{}: {}", kinds[static_cast<std::size_t>(kind)], why));
        };
        events.lost = [&heard](const std::string& why) { heard.push_back("lost: " + why); };
        events.released = [&heard] { heard.push_back("released"); };
        n->lock->listen(std::move(events));
        return n;
    }
    std::unique_ptr<node> make_file(std::chrono::milliseconds lease = 5s) {
        return make(*lock_command(directory.file("lock"), fcntl_program), lease);
    }
    std::unique_ptr<node> make_script(const std::string& body) {
        return make({directory.script("program", body)}, 5s);
    }
    // Until it has heard so many things.
    void wait_for(node& n, std::size_t count) {
        const auto limit = loop.now() + 10s;
        async::timer tick(loop, [&tick] { tick.arm_in(5ms); });
        tick.arm_in(5ms);
        while (n.heard.size() < count && loop.now() < limit) {
            loop.run_once();
        }
        ASSERT_GE(n.heard.size(), count) << "nothing came in time";
    }
    void run_for(std::chrono::milliseconds time) {
        const auto until = loop.now() + time;
        async::timer tick(loop, [&tick] { tick.arm_in(5ms); });
        tick.arm_in(5ms);
        while (loop.now() < until) {
            loop.run_once();
        }
    }
    // Takes the lock; false: refused.
    bool takes(node& n) {
        n.heard.clear();
        n.lock->take();
        wait_for(n, 1);
        return n.heard.front() == "held";
    }
    // Takes the lock as soon as it is free.
    bool obtains(node& n, std::chrono::milliseconds limit) {
        const auto until = loop.now() + limit;
        while (loop.now() < until) {
            if (takes(n)) {
                return true;
            }
            run_for(20ms);
        }
        return false;
    }

    async::event_loop loop;
    test_directory directory;
};

TEST_F(KeeperLock, OneHoldsItTheOtherMeetsContention) {
    const auto a = make_file();
    const auto b = make_file();
    EXPECT_TRUE(takes(*a));
    EXPECT_FALSE(takes(*b));
    EXPECT_THAT(b->heard, ElementsAre("contention: held by another node"));
    EXPECT_TRUE(a->lock->held());
}

TEST_F(KeeperLock, ReleaseGivesItToTheNext) {
    const auto a = make_file();
    const auto b = make_file();
    ASSERT_TRUE(takes(*a));
    a->lock->release();
    wait_for(*a, 2);
    EXPECT_THAT(a->heard, ElementsAre("held", "released"));
    EXPECT_TRUE(takes(*b));
}

TEST_F(KeeperLock, TakingWhileReleasingStartsAfterwards) { // CL3
    const auto a = make_file();
    ASSERT_TRUE(takes(*a));
    a->lock->release();
    a->lock->take();
    wait_for(*a, 3);
    EXPECT_THAT(a->heard, ElementsAre("held", "released", "held"));
}

TEST_F(KeeperLock, ReleaseOfNothingIsAnswered) { // CL2
    const auto a = make_file();
    a->lock->release();
    wait_for(*a, 1);
    EXPECT_THAT(a->heard, ElementsAre("released"));
}

TEST_F(KeeperLock, IsKeptWhileTheLoopRuns) {
    const auto a = make_file(200ms);
    const auto b = make_file();
    ASSERT_TRUE(takes(*a));
    run_for(1s);
    EXPECT_THAT(a->heard, ElementsAre("held"));
    EXPECT_FALSE(takes(*b));
}

TEST_F(KeeperLock, IsDroppedWhenTheLoopStandsStillForTheLease) { // W2
    const auto a = make_file(200ms);
    ASSERT_TRUE(takes(*a));
    const timespec pause{0, 900'000'000};
    nanosleep(&pause, nullptr); // the loop does not run, as in a stopped ctdbd
    const auto b = make_file();
    EXPECT_TRUE(obtains(*b, 2s)) << "the keeper has let go although nobody told it to";
    wait_for(*a, 2);
    EXPECT_THAT(a->heard[1], HasSubstr("not renewed the lease for 200 ms"));
}

TEST_F(KeeperLock, DestroyingItGivesTheLockBackAtOnce) {
    auto a = make_file();
    const auto b = make_file();
    ASSERT_TRUE(takes(*a));
    a.reset();
    EXPECT_TRUE(obtains(*b, 500ms));
}

TEST_F(KeeperLock, AKilledHelperIsALostLock) {
    const auto a = make_script("echo $$ > " + directory.file("pid") + "; printf 0; exec sleep 60");
    ASSERT_TRUE(takes(*a));
    pid_t helper = 0;
    std::ifstream(directory.file("pid")) >> helper;
    ASSERT_GT(helper, 1);
    ::kill(helper, SIGKILL);
    wait_for(*a, 2);
    EXPECT_THAT(a->heard[1], HasSubstr("has ended"));
    EXPECT_THAT(a->heard[1], HasSubstr("lost: "));
}

TEST_F(KeeperLock, AHelperThatSaysNothingTimesOut) {
    const auto a = make_script("exec sleep 60");
    EXPECT_FALSE(takes(*a));
    EXPECT_THAT(a->heard[0], HasSubstr("timed out: "));
    EXPECT_THAT(a->heard[0], HasSubstr("gave no answer in time"));
}

TEST_F(KeeperLock, AHelperThatIgnoresTermIsKilled) {
    const auto a = make_script("trap '' TERM; printf 0; while :; do sleep 0.05; done");
    ASSERT_TRUE(takes(*a));
    a->lock->release();
    wait_for(*a, 2);
    EXPECT_THAT(a->heard, ElementsAre("held", "released"));
}

TEST_F(KeeperLock, GarbageAnErrorAndAnEndAreFailures) {
    const auto garbage = make_script("printf hello; exec sleep 60");
    EXPECT_FALSE(takes(*garbage));
    EXPECT_THAT(garbage->heard[0], HasSubstr("failed: "));
    EXPECT_THAT(garbage->heard[0], HasSubstr("answers with byte 0x68"));
    const auto failing = make_script("printf 3");
    EXPECT_FALSE(takes(*failing));
    EXPECT_THAT(failing->heard[0], HasSubstr("reports an error"));
    const auto silent = make_script("exit 1");
    EXPECT_FALSE(takes(*silent));
    EXPECT_THAT(silent->heard[0], HasSubstr("ended without an answer"));
}

TEST_F(KeeperLock, AHelperThatRepeatsItselfIsTolerated) { // 4.9, etcd
    const auto a = make_script("while :; do printf 0; sleep 0.05; done");
    ASSERT_TRUE(takes(*a));
    run_for(300ms);
    EXPECT_THAT(a->heard, ElementsAre("held"));
}

TEST_F(KeeperLock, AMissingProgramIsAFailureThatNamesIt) {
    const auto a = make({"/nonexistent/lock-program"}, 5s);
    EXPECT_FALSE(takes(*a));
    EXPECT_THAT(a->heard[0], HasSubstr("/nonexistent/lock-program"));
}

TEST_F(KeeperLock, AMissingKeeperIsAFailureThatNamesIt) {
    keeper_lock_settings settings;
    settings.keeper = "/nonexistent/keeper";
    settings.command = {"/bin/true"};
    keeper_lock lock(loop, settings);
    node n;
    cluster_lock_events events;
    events.held = [](async::duration) {};
    events.refused = [&n](lock_refusal, const std::string& why) { n.heard.push_back(why); };
    events.lost = [](const std::string&) {};
    events.released = [] {};
    lock.listen(std::move(events));
    lock.take();
    wait_for(n, 1);
    EXPECT_THAT(n.heard[0], HasSubstr("/nonexistent/keeper"));
}

// A process that holds the lock as ctdbd would, until it is killed or stopped.
pid_t hold_in_child(const std::string& lock_file, std::chrono::milliseconds lease, int ready) {
    const pid_t child = fork();
    if (child != 0) {
        return child;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    async::event_loop own;
    keeper_lock_settings settings;
    settings.keeper = keeper_program;
    settings.command = *lock_command(lock_file, fcntl_program);
    settings.lease = lease;
    keeper_lock lock(own, settings);
    cluster_lock_events events;
    events.held = [ready](async::duration) {
        [[maybe_unused]] const ssize_t written = write(ready, "1", 1);
    };
    events.refused = [](lock_refusal, const std::string&) { _exit(1); };
    events.lost = [](const std::string&) { _exit(0); };
    events.released = [] { _exit(0); };
    lock.listen(std::move(events));
    lock.take();
    own.run();
    _exit(0);
}

class KeeperLockOfAnotherProcess : public KeeperLock {
protected:
    void start(std::chrono::milliseconds lease) {
        std::array<int, 2> ends{};
        ASSERT_EQ(pipe(ends.data()), 0);
        const unique_fd ready(ends[0]);
        const unique_fd child_end(ends[1]);
        holder = hold_in_child(directory.file("lock"), lease, child_end.get());
        char byte = 0;
        ASSERT_EQ(read(ready.get(), &byte, 1), 1);
    }
    void TearDown() override {
        if (holder > 0) {
            ::kill(holder, SIGKILL);
            waitpid(holder, nullptr, 0);
        }
    }
    pid_t holder = -1;
};

TEST_F(KeeperLockOfAnotherProcess, IsFreeTheMomentTheDaemonIsKilled) { // W13
    start(5s);
    const auto b = make_file();
    EXPECT_FALSE(takes(*b));
    ::kill(holder, SIGKILL);
    EXPECT_TRUE(obtains(*b, 1s));
}

TEST_F(KeeperLockOfAnotherProcess, IsFreeAfterTheLeaseWhenTheDaemonIsStopped) { // W2
    start(400ms);
    const auto b = make_file();
    ::kill(holder, SIGSTOP);
    EXPECT_FALSE(takes(*b)) << "not before the lease has run out";
    EXPECT_TRUE(obtains(*b, 3s));
    ::kill(holder, SIGCONT); // it hears of the loss and ends by itself
    int status = -1;
    ASSERT_EQ(waitpid(holder, &status, 0), holder);
    holder = -1;
    EXPECT_EQ(status, 0);
}

TEST_F(KeeperLock, ProbeFindsContentionOrTakesAndGivesBack) {
    const auto command = *lock_command(directory.file("lock"), fcntl_program);
    EXPECT_EQ(loop.run_until_done(probe_cluster_lock(loop, command, 5s)), probe_outcome::taken);
    const auto a = make_file();
    ASSERT_TRUE(obtains(*a, 1s)) << "the probe has given it back";
    EXPECT_EQ(
        loop.run_until_done(probe_cluster_lock(loop, command, 5s)), probe_outcome::contention
    );
    const std::string hangs = directory.script("hangs", "exec sleep 60");
    EXPECT_EQ(
        loop.run_until_done(probe_cluster_lock(loop, {hangs}, 50ms)), probe_outcome::timed_out
    );
    EXPECT_EQ(
        loop.run_until_done(probe_cluster_lock(loop, {"/nonexistent"}, 1s)), probe_outcome::failed
    );
}

TEST(LockCommand, APathMeansOurHelperAndAnExclamationMarkAProgram) {
    EXPECT_THAT(*lock_command("/fs/lock", "/h"), ElementsAre("/h", "/fs/lock", "5", "10"));
    EXPECT_THAT(*lock_command("! /p  a\tb ", "/h"), ElementsAre("/p", "a", "b"));
    EXPECT_FALSE(lock_command("!", "/h"));
    EXPECT_FALSE(lock_command("! ", "/h"));
    EXPECT_FALSE(lock_command("", "/h"));
}

} // namespace
} // namespace ctdb::ctdbd
