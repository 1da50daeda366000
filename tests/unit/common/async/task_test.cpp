#include "common/async/combinators.hpp"
#include "common/async/slot.hpp"
#include "common/async/task_set.hpp"
#include "tests/unit/common/async/manual_runtime.hpp"

#include <deque>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace ctdb::async {
namespace {

using namespace std::chrono_literals;
using testing_support::manual_runtime;

struct tracker {
    explicit tracker(int& alive) : alive_(&alive) { ++*alive_; }
    tracker(const tracker&) = delete;
    tracker& operator=(const tracker&) = delete;
    ~tracker() { --*alive_; }
    int* alive_;
};

task<int> answer_after(runtime& rt, duration d, int value, int& alive) {
    const tracker guard(alive);
    co_await sleep_for(rt, d);
    co_return value;
}

task<int> nested(runtime& rt, int depth, int& alive) {
    const tracker guard(alive);
    if (depth == 0) {
        co_await sleep_for(rt, 1s);
        co_return 0;
    }
    const int below = co_await nested(rt, depth - 1, alive);
    co_return below + 1;
}

task<void> run_nested(runtime& rt, int& alive, int& out) {
    out = co_await nested(rt, 100, alive);
}

TEST(Task, DestroyingTheOwnerCancelsTheWholeTree) {
    manual_runtime rt;
    int alive = 0;
    int out = -1;
    {
        task_set set(rt);
        set.spawn(run_nested(rt, alive, out));
        EXPECT_EQ(alive, 101);
    }
    EXPECT_EQ(alive, 0);
    rt.advance(2s);
    EXPECT_EQ(out, -1);
}

TEST(Task, FinishedTasksAreReapedAndDeliverTheirValue) {
    manual_runtime rt;
    int alive = 0;
    int out = -1;
    task_set set(rt);
    set.spawn(run_nested(rt, alive, out));
    rt.advance(1s);
    EXPECT_EQ(out, 100);
    EXPECT_EQ(alive, 0);
    EXPECT_TRUE(set.empty());
}

task<int> ready_value() {
    co_return 1;
}

task<void> many_ready(int& sum) {
    for (int i = 0; i < 1'000'000; ++i) {
        sum += co_await ready_value();
    }
}

TEST(Task, AMillionAwaitsThatCompleteAtOnceKeepTheStackFlat) {
    manual_runtime rt;
    int sum = 0;
    task_set set(rt);
    set.spawn(many_ready(sum));
    EXPECT_EQ(sum, 1'000'000);
}

task<void>
wait_before(runtime& rt, duration work, duration limit, std::optional<int>& out, int& alive) {
    task<int> t = answer_after(rt, work, 5, alive);
    before_deadline<int> wait(rt, std::move(t), rt.now() + limit);
    out = co_await wait;
}

TEST(BeforeDeadline, GivesTheValueInTime) {
    manual_runtime rt;
    int alive = 0;
    std::optional<int> out;
    task_set set(rt);
    set.spawn(wait_before(rt, 1s, 2s, out, alive));
    rt.advance(1s);
    EXPECT_EQ(out, 5);
}

TEST(BeforeDeadline, CancelsTheWorkWhenTheTimeIsUp) {
    manual_runtime rt;
    int alive = 0;
    std::optional<int> out = 9;
    task_set set(rt);
    set.spawn(wait_before(rt, 3s, 2s, out, alive));
    EXPECT_EQ(alive, 1);
    rt.advance(2s);
    EXPECT_EQ(out, std::nullopt);
    EXPECT_EQ(alive, 0);
}

task<void> gather_three(runtime& rt, std::vector<int>& out, int& alive) {
    std::vector<task<int>> tasks;
    tasks.push_back(answer_after(rt, 3s, 1, alive));
    tasks.push_back(answer_after(rt, 1s, 2, alive));
    tasks.push_back(ready_value());
    out = co_await gather(std::move(tasks));
}

TEST(Gather, KeepsTheOrderOfTheTasks) {
    manual_runtime rt;
    int alive = 0;
    std::vector<int> out;
    task_set set(rt);
    set.spawn(gather_three(rt, out, alive));
    rt.advance(2s);
    EXPECT_TRUE(out.empty());
    rt.advance(1s);
    EXPECT_EQ(out, (std::vector<int>{1, 2, 1}));
}

task<void> take_from(slot<int>& s, int& out) {
    out = co_await s.take();
}

TEST(Slot, ResumesTheWaiterFromTheLoopNotFromSet) {
    manual_runtime rt;
    slot<int> s(rt);
    int out = 0;
    task_set set(rt);
    set.spawn(take_from(s, out));
    s.set(7);
    s.set(8);
    EXPECT_EQ(out, 0);
    rt.settle();
    EXPECT_EQ(out, 7);
}

TEST(Slot, WaiterThatIsCancelledAfterSetIsNotResumed) {
    manual_runtime rt;
    slot<int> s(rt);
    int out = 0;
    {
        task_set set(rt);
        set.spawn(take_from(s, out));
        s.set(7);
    }
    rt.settle();
    EXPECT_EQ(out, 0);
}

task<void> count_notices(notice& n, int& count) {
    for (;;) {
        co_await n.wait();
        ++count;
    }
}

TEST(Notice, WakesEverybodyWhoWaits) {
    manual_runtime rt;
    notice n(rt);
    int count = 0;
    task_set set(rt);
    set.spawn(count_notices(n, count));
    set.spawn(count_notices(n, count));
    n.notify();
    n.notify();
    rt.settle();
    EXPECT_EQ(count, 2);
    n.notify();
    rt.settle();
    EXPECT_EQ(count, 4);
}

TEST(Timer, ATimerArmedByATimerWaitsForTheNextPass) {
    manual_runtime rt;
    int fired = 0;
    timer t(rt, [&] {
        if (++fired < 3) {
            t.arm(rt.now());
        }
    });
    t.arm_in(1s);
    rt.advance(1s);
    EXPECT_EQ(fired, 3);
    EXPECT_FALSE(t.armed());
}

TEST(Timer, WithAMarginFiresAlongWithAnotherOne) {
    manual_runtime rt;
    std::vector<std::string> fired;
    timer exact(rt, [&] { fired.push_back("exact"); });
    timer within(rt, [&] { fired.push_back("within"); });
    timer beyond(rt, [&] { fired.push_back("beyond"); });
    exact.arm_in(100ms);
    within.arm_between(rt.now() + 100ms, rt.now() + 200ms);
    beyond.arm_between(rt.now() + 101ms, rt.now() + 200ms);
    rt.advance(100ms);
    EXPECT_EQ(fired, (std::vector<std::string>{"exact", "within"}));
    EXPECT_FALSE(within.armed());
}

TEST(Timer, WithAMarginFiresAtItsEndIfNothingElseHappens) {
    manual_runtime rt;
    int fired = 0;
    timer alone(rt, [&] { ++fired; });
    alone.arm_between(rt.now() + 100ms, rt.now() + 200ms);
    rt.advance(199ms);
    EXPECT_EQ(fired, 0);
    rt.advance(1ms);
    EXPECT_EQ(fired, 1);
    rt.advance(1s);
    EXPECT_EQ(fired, 1);
}

TEST(Timer, PeriodicOnesWithMarginsFallTogether) {
    manual_runtime rt;
    std::set<duration> wakeups;
    std::vector<std::unique_ptr<timer>> all;
    for (int i = 0; i < 5; ++i) {
        all.push_back(std::make_unique<timer>(rt, [&wakeups, &all, &rt, i] {
            wakeups.insert(rt.now().time_since_epoch());
            all[static_cast<std::size_t>(i)]->arm_about(1s);
        }));
        all.back()->arm_in(200ms * i);
    }
    rt.advance(10s);
    wakeups.clear();
    rt.advance(10s);
    EXPECT_LE(wakeups.size(), 11U); // of 50 firings
}

TEST(Timer, ThatIsCancelledOrArmedAnewForgetsItsMargin) {
    manual_runtime rt;
    int fired = 0;
    timer one(rt, [&] { ++fired; });
    timer other(rt, [] {});
    one.arm_between(rt.now(), rt.now() + 1s);
    one.arm_in(1s);
    other.arm_in(10ms);
    rt.advance(10ms);
    EXPECT_EQ(fired, 0);
    one.arm_between(rt.now(), rt.now() + 1s);
    one.cancel();
    rt.advance(5s);
    EXPECT_EQ(fired, 0);
}

TEST(Deferred, WorkCancelledByEarlierWorkOfTheSameTurnDoesNotRun) {
    manual_runtime rt;
    int ran = 0;
    deferred second(rt, [&] { ran += 10; });
    deferred first(rt, [&] {
        ++ran;
        second.cancel();
    });
    first.schedule();
    second.schedule();
    rt.settle();
    EXPECT_EQ(ran, 1);
}

} // namespace
} // namespace ctdb::async
