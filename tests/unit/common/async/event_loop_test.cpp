#include "common/async/child_process.hpp"
#include "common/async/event_loop.hpp"
#include "common/async/fd_watch.hpp"
#include "common/async/signal_watch.hpp"
#include "common/async/slot.hpp"

#include <csignal>
#include <fstream>
#include <list>

#include <gtest/gtest.h>

#include <sys/wait.h>

namespace ctdb::async {
namespace {

using namespace std::chrono_literals;

task<void> sleep_twice(event_loop& loop) {
    co_await sleep_for(loop, 5ms);
    co_await next_turn(loop);
    co_await sleep_for(loop, 5ms);
}

TEST(EventLoop, SleepsAtLeastAsLongAsAsked) {
    event_loop loop;
    const time_point start = loop.now();
    loop.run_until_done(sleep_twice(loop));
    EXPECT_GE(loop.now() - start, 10ms);
}

TEST(EventLoop, TellsHowLongItsTurnsTake) {
    event_loop loop;
    const auto processor = turn_watch::real_clocks().processor;
    int turns = 0;
    timer work(loop, [&] {
        const auto until = processor() + 12ms;
        while (processor() < until) {
        }
        ++turns;
    });
    for (int i = 1; i <= 2; ++i) {
        work.arm_in(1ms);
        while (turns < i) {
            loop.run_once();
        }
    }
    loop.run_until_done(sleep_twice(loop)); // the last turn is over
    EXPECT_GE(loop.turns().long_turns(), 2U);
    EXPECT_GE(loop.turns().longest().took, 12ms);
    EXPECT_GE(loop.turns().most_processor(), 12ms);
}

TEST(EventLoop, CancellingTheEarliestTimerKeepsTheLaterOnes) {
    event_loop loop;
    bool fired = false;
    timer later(loop, [&] {
        fired = true;
        loop.stop();
    });
    timer earlier(loop, [] { FAIL() << "was cancelled"; });
    later.arm_in(10ms);
    earlier.arm_in(1ms);
    earlier.cancel();
    loop.run();
    EXPECT_TRUE(fired);
}

TEST(EventLoop, WhatDeferredWorkDefersDoesNotWaitForTheKernel) {
    event_loop loop;
    bool written = false;
    deferred write(loop, [&] { written = true; });
    deferred resume(loop, [&] { write.schedule(); });
    deferred reply(loop, [&] { resume.schedule(); });
    reply.schedule();
    loop.run_once();
    EXPECT_TRUE(written);
}

TEST(EventLoop, DeferredWorkThatDefersItselfDoesNotStarveDescriptors) {
    event_loop loop;
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    const unique_fd read_end(ends[0]);
    const unique_fd write_end(ends[1]);
    int rounds = 0;
    deferred again(loop, [&] {
        if (++rounds < 100000) {
            again.schedule();
        }
    });
    fd_watch watch(loop, read_end.get(), [&](fd_readiness) { loop.stop(); });
    watch.want_read(true);
    ASSERT_EQ(write(write_end.get(), "x", 1), 1);
    again.schedule();
    loop.run();
    EXPECT_LT(rounds, 100000);
}

TEST(EventLoop, ManyTimersDueAtOnceDoNotStarveDescriptors) {
    event_loop loop;
    int fired = 0;
    std::list<timer> due;
    for (int i = 0; i < 20; ++i) {
        due.emplace_back(loop, [&] {
            const time_point until = loop.now() + 3ms;
            while (loop.now() < until) {
            }
            ++fired;
        });
        due.back().arm(loop.now());
    }
    int ends[2] = {-1, -1};
    ASSERT_EQ(0, pipe(ends));
    const unique_fd read_end(ends[0]);
    const unique_fd write_end(ends[1]);
    int before = -1;
    fd_watch watch(loop, read_end.get(), [&](fd_readiness) {
        before = fired;
        watch.want_read(false);
    });
    watch.want_read(true);
    ASSERT_EQ(1, write(write_end.get(), "x", 1));
    while (fired < 20) {
        loop.run_once();
    }
    EXPECT_GE(before, 0);
    EXPECT_LE(before, 2) << "timers fired at a stretch";
}

TEST(EventLoop, TimersThatDeferWorkDoNotStarveDescriptors) {
    event_loop loop;
    int fired = 0;
    deferred work(loop, [] {});
    timer busy(loop, [&] {
        const time_point until = loop.now() + 3ms;
        while (loop.now() < until) {
        }
        ++fired;
        work.schedule();
        busy.arm(loop.now());
    });
    busy.arm(loop.now());
    timer may_fire(loop, [] {});
    may_fire.arm_between(loop.now(), loop.now() + 1h);
    int ends[2] = {-1, -1};
    ASSERT_EQ(0, pipe(ends));
    const unique_fd read_end(ends[0]);
    const unique_fd write_end(ends[1]);
    bool served = false;
    fd_watch watch(loop, read_end.get(), [&](fd_readiness) {
        served = true;
        watch.want_read(false);
    });
    watch.want_read(true);
    ASSERT_EQ(1, write(write_end.get(), "x", 1));
    while (!served && fired < 100) {
        loop.run_once();
    }
    EXPECT_LE(fired, 5);
}

TEST(EventLoop, ATimerThatHasFiredWakesNobodyAgain) {
    event_loop loop;
    int turns = 0;
    bool over = false;
    timer first(loop, [] {});
    timer second(loop, [&] { over = true; });
    first.arm_in(1ms);
    second.arm_in(30ms);
    while (!over) {
        loop.run_once();
        ++turns;
    }
    EXPECT_LE(turns, 4); // two and what a signal may interrupt
}

TEST(EventLoop, WhatMayFireEarlyFiresWithADescriptor) {
    event_loop loop;
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    const unique_fd read_end(ends[0]);
    const unique_fd write_end(ends[1]);
    bool fired = false;
    timer when_awake(loop, [&] { fired = true; });
    when_awake.arm_between(loop.now(), loop.now() + 1h);
    fd_watch watch(loop, read_end.get(), [&](fd_readiness) {
        char byte = 0;
        EXPECT_EQ(read(read_end.get(), &byte, 1), 1);
    });
    watch.want_read(true);
    ASSERT_EQ(write(write_end.get(), "x", 1), 1);
    loop.run_once();
    EXPECT_TRUE(fired);
}

TEST(FdWatch, HandlerMayDestroyItsWatch) {
    event_loop loop;
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    const unique_fd read_end(ends[0]);
    const unique_fd write_end(ends[1]);
    std::unique_ptr<fd_watch> watch;
    watch = std::make_unique<fd_watch>(loop, read_end.get(), [&](fd_readiness r) {
        EXPECT_TRUE(r.readable);
        watch.reset();
        loop.stop();
    });
    watch->want_read(true);
    ASSERT_EQ(write(write_end.get(), "x", 1), 1);
    loop.run();
    EXPECT_EQ(watch, nullptr);
}

TEST(SignalWatch, DeliversFromTheLoop) {
    event_loop loop;
    signal_watch watch(loop, SIGUSR2, [&] { loop.stop(); });
    raise(SIGUSR2);
    loop.run();
}

struct finished_child {
    int status = -1;
    std::string output;
};

task<finished_child> run_child(event_loop& loop, std::vector<std::string> argv) {
    slot<int> exit(loop);
    slot<bool> output_end(loop);
    finished_child done;
    child_options options;
    options.argv = std::move(argv);
    options.environment.emplace_back("CTDB_TEST_VALUE", "from parent");
    options.output = child_options::output::capture;
    options.on_output = [&done](byte_view piece) { done.output += text_of(piece); };
    options.on_output_end = [&output_end] { output_end.set(true); };
    options.on_exit = [&exit](int status) { exit.set(status); };
    auto child = child_process::start(loop, std::move(options));
    if (!child) {
        done.output = child.error().what;
        co_return done;
    }
    done.status = co_await exit.take();
    co_await output_end.take();
    co_return done;
}

TEST(ChildProcess, CapturesOutputAndExitStatus) {
    event_loop loop;
    const finished_child done = loop.run_until_done(
        run_child(loop, {"/bin/sh", "-c", "echo \"$CTDB_TEST_VALUE\"; echo problem >&2; exit 3"})
    );
    EXPECT_EQ(done.output, "from parent\nproblem\n");
    EXPECT_TRUE(WIFEXITED(done.status));
    EXPECT_EQ(WEXITSTATUS(done.status), 3);
}

TEST(ChildProcess, MissingProgramIsAnErrorThatNamesIt) {
    event_loop loop;
    const finished_child done = loop.run_until_done(run_child(loop, {"/does/not/exist"}));
    EXPECT_EQ(done.output, "start /does/not/exist: No such file or directory");
}

TEST(ChildProcess, DestructionKillsTheWholeGroup) {
    event_loop loop;
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    const unique_fd read_end(ends[0]);
    unique_fd write_end(ends[1]);
    child_options options;
    options.argv = {"/bin/sh", "-c", "sleep 100 & wait"};
    options.pass = {{write_end.get(), 9}}; // open in the shell and in the sleep
    auto child = child_process::start(loop, std::move(options));
    ASSERT_TRUE(child) << child.error().what;
    write_end.reset();
    child->reset();
    // The end of the pipe: nobody of the group is left.
    char byte = 0;
    EXPECT_EQ(read(read_end.get(), &byte, 1), 0);
}

} // namespace
} // namespace ctdb::async
