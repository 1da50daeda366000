#include "common/tdb/guarded_file.hpp"
#include "tests/unit/common/tdb/support.hpp"

#include <gtest/gtest.h>

namespace ctdb::tdb {
namespace {

using namespace test;

// The client process plays the agent: it holds the real lock while the handle is marked.
class GuardedFile : public testing::TestWithParam<int> {
protected:
    temporary_directory dir;
    std::string path = dir.file("a.tdb.0");
    guarded_file file{make_file(path, GetParam())};
    client agent{path, GetParam()};
    client samba{path, GetParam()};

    [[nodiscard]] std::string value(const std::string& key) const {
        std::string found = "-";
        const auto read = file.read(view_of(key), [&](byte_view v) { found = text_of(v); });
        return read ? found : read.error().what;
    }
};
INSTANTIATE_TEST_SUITE_P(
    Modes,
    GuardedFile,
    testing::Values(fcntl_flags, mutex_flags, persistent_flags),
    [](const auto& mode) {
        return mode.param == fcntl_flags   ? "Fcntl"
               : mode.param == mutex_flags ? "Mutex"
                                           : "Persistent";
    }
);

TEST_P(GuardedFile, LocksNestPerChain) {
    ASSERT_EQ(outcome(file.try_lock(view_of("k"))), "yes");
    ASSERT_EQ(outcome(file.try_lock(view_of("k"))), "yes");
    file.unlock(view_of("k"));
    EXPECT_EQ(samba.ask("trylock k"), "busy");
    EXPECT_TRUE(file.write(view_of("k"), view_of("v")));
    file.unlock(view_of("k"));
    EXPECT_FALSE(file.holds_any_chain());
    EXPECT_EQ(samba.ask("trylock k"), "ok");
}

TEST_P(GuardedFile, WritesUnderAMarkWhileTheAgentHoldsTheChain) {
    ASSERT_EQ(agent.ask("lock k"), "ok");
    ASSERT_TRUE(file.begin_marked(view_of("k")));
    EXPECT_TRUE(file.write(view_of("k"), view_of("v")));
    EXPECT_EQ(value("k"), "v");
    ASSERT_EQ(outcome(file.try_lock(view_of("k"))), "yes"); // the engine's guard inside
    file.unlock(view_of("k"));
    EXPECT_EQ(samba.ask("trylock k"), "busy");
    file.end_marked(view_of("k"));
    EXPECT_EQ(outcome(file.try_lock(view_of("k"))), "no");
    ASSERT_EQ(agent.ask("unlock k"), "ok");
    EXPECT_EQ(samba.ask("read k"), "v");
}

TEST_P(GuardedFile, FrozenAccessNeedsNoChainLockAndShutsClientsOut) {
    ASSERT_EQ(agent.ask("lockall"), "ok");
    file.frozen_by_agent();
    EXPECT_TRUE(file.write(view_of("k"), view_of("h"), view_of("v")));
    EXPECT_EQ(value("k"), "hv");
    samba.say("read k");
    EXPECT_TRUE(samba.silent_for(50ms));
    file.thawed();
    ASSERT_EQ(agent.ask("unlockall"), "ok");
    EXPECT_EQ(samba.answer(), "hv");
}

TEST_P(GuardedFile, VisitMayReadOtherRecordsWhileFrozen) {
    ASSERT_EQ(samba.ask("store k v"), "ok");
    ASSERT_EQ(agent.ask("lockall"), "ok");
    file.frozen_by_agent();
    std::string inside;
    const auto walked = file.walk_chains(0, file.raw().chains(), 1000, [&](byte_view, byte_view) {
        inside = value("k");
    });
    ASSERT_TRUE(walked) << walked.error().what;
    EXPECT_EQ(inside, "v");
    inside.clear();
    ASSERT_TRUE(file.walk_from_start(1000, [&](byte_view, byte_view) { inside = value("k"); }));
    EXPECT_EQ(inside, "v");
}

TEST_P(GuardedFile, DestroyingItGivesBackItsLocks) {
    const std::string other_path = dir.file("b.tdb.0");
    auto other = std::make_unique<guarded_file>(make_file(other_path, GetParam()));
    ASSERT_EQ(outcome(other->try_lock(view_of("k"))), "yes");
    client user(other_path, GetParam());
    ASSERT_EQ(user.ask("trylock k"), "busy");
    other.reset();
    EXPECT_EQ(user.ask("trylock k"), "ok");
}

using GuardedFileDeath = GuardedFile;
INSTANTIATE_TEST_SUITE_P(Modes, GuardedFileDeath, testing::Values(mutex_flags));

TEST_P(GuardedFileDeath, MisuseStopsTheProcess) {
    EXPECT_DEATH(static_cast<void>(value("k")), ""); // neither locked nor frozen
    EXPECT_DEATH(file.unlock(view_of("k")), "");     // not held
    ASSERT_EQ(outcome(file.try_lock(view_of("k"))), "yes");
    EXPECT_DEATH(file.frozen_by_agent(), ""); // G2
    file.unlock(view_of("k"));
}

} // namespace
} // namespace ctdb::tdb
