// The queues of vacuuming: what a run takes, what is left for the next, and their limits.
#include "common/protocol/record_buffer.hpp"
#include "ctdbd/database/vacuum/delete_queue.hpp"
#include "ctdbd/database/vacuum/fetch_queue.hpp"

#include <gtest/gtest.h>

namespace ctdb::ctdbd {
namespace {

using locked_ones = delete_queue::locked_ones;

protocol::record_header header(std::uint64_t number) {
    protocol::record_header h;
    h.rsn = rsn{number};
    return h;
}

TEST(DeleteQueue, KeepsTheNewestHeaderOfAKey) {
    delete_queue queue;
    queue.schedule(view_of("a"), header(1));
    queue.schedule(view_of("a"), header(2));
    queue.begin_run(locked_ones::rest);
    const auto entry = queue.next();
    ASSERT_TRUE(entry);
    EXPECT_EQ(entry->header.rsn, rsn{2});
    EXPECT_FALSE(queue.next());
    EXPECT_TRUE(queue.empty());
}

TEST(DeleteQueue, WhatComesDuringARunIsForTheNext) {
    delete_queue queue;
    queue.schedule(view_of("a"), header(1));
    queue.begin_run(locked_ones::rest);
    queue.schedule(view_of("b"), header(1));
    EXPECT_TRUE(queue.next());
    EXPECT_FALSE(queue.next());
    queue.begin_run(locked_ones::rest);
    EXPECT_EQ(text_of(queue.next()->key), "b");
}

TEST(DeleteQueue, ARunThatWasBrokenOffLeavesItsRestToTheNext) {
    delete_queue queue;
    queue.schedule(view_of("a"), header(1));
    queue.schedule(view_of("b"), header(1));
    queue.begin_run(locked_ones::rest);
    EXPECT_TRUE(queue.next());
    queue.begin_run(locked_ones::rest);
    EXPECT_TRUE(queue.next());
    EXPECT_FALSE(queue.next());
}

// databases.md 8.3: a locked record is dropped from runs by control, a timer's run may retry.
TEST(DeleteQueue, LockedOnesWaitForARunThatTakesThemUp) {
    delete_queue queue;
    queue.locked({to_bytes("a"), header(1)});
    queue.begin_run(locked_ones::rest);
    EXPECT_FALSE(queue.next());
    queue.begin_run(locked_ones::take_up);
    EXPECT_TRUE(queue.next());
    EXPECT_TRUE(queue.empty());
}

TEST(DeleteQueue, ALockedOneThatWasScheduledAnewCountsOnce) {
    delete_queue queue;
    queue.schedule(view_of("a"), header(2));
    queue.locked({to_bytes("a"), header(1)});
    EXPECT_EQ(queue.size(), 1U);
}

TEST(DeleteQueue, ForgetsARecordThatIsInUseAgain) {
    delete_queue queue;
    queue.schedule(view_of("a"), header(1));
    queue.begin_run(locked_ones::rest);
    queue.locked({to_bytes("a"), header(1)});
    queue.forget(view_of("a"));
    EXPECT_TRUE(queue.empty());
}

TEST(DeleteQueue, BeyondItsLimitItAsksForAFullRunOnce) {
    delete_queue queue(2);
    queue.schedule(view_of("a"), header(1));
    queue.schedule(view_of("b"), header(1));
    EXPECT_FALSE(queue.take_overflow());
    queue.schedule(view_of("c"), header(1));
    queue.schedule(view_of("a"), header(2)); // known: no more room needed
    EXPECT_EQ(queue.size(), 2U);
    EXPECT_TRUE(queue.take_overflow());
    EXPECT_FALSE(queue.take_overflow());
}

bytes keys(std::initializer_list<std::string_view> names) {
    protocol::record_buffer_writer out(db_id{7});
    for (const auto name : names) {
        out.append(view_of(name), byte_view{});
    }
    return out.take();
}

TEST(FetchQueue, GivesTheKeysInTheOrderTheyCame) {
    fetch_queue queue;
    ASSERT_TRUE(queue.add(keys({"a", "b"})));
    ASSERT_TRUE(queue.add(keys({"c"})));
    EXPECT_FALSE(queue.next()); // no run
    queue.begin_run();
    ASSERT_TRUE(queue.add(keys({"later"})));
    EXPECT_EQ(text_of(*queue.next()), "a");
    EXPECT_EQ(text_of(*queue.next()), "b");
    EXPECT_EQ(text_of(*queue.next()), "c");
    EXPECT_FALSE(queue.next());
    EXPECT_FALSE(queue.empty());
    queue.begin_run();
    EXPECT_EQ(text_of(*queue.next()), "later");
    EXPECT_TRUE(queue.empty());
    EXPECT_EQ(queue.size_bytes(), 0U);
}

TEST(FetchQueue, RefusesWhatIsBeyondItsLimit) {
    fetch_queue queue(40);
    EXPECT_TRUE(queue.add(keys({"a"})));
    EXPECT_TRUE(queue.add(keys({"b"})));
    const auto refused = queue.add(keys({"c"}));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ENOBUFS);
}

} // namespace
} // namespace ctdb::ctdbd
