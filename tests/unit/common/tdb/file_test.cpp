#include "common/tdb/chain_hash.hpp"
#include "common/tdb/file.hpp"
#include "tests/unit/common/tdb/support.hpp"

#include <fstream>

#include <gtest/gtest.h>

namespace ctdb::tdb {
namespace {

using namespace test;

class File : public testing::TestWithParam<int> {
protected:
    temporary_directory dir;
    std::string path = dir.file("a.tdb.0");
    std::unique_ptr<file> opened = make_file(path, GetParam());
};
INSTANTIATE_TEST_SUITE_P(
    Modes,
    File,
    testing::Values(fcntl_flags, mutex_flags, persistent_flags),
    [](const auto& mode) {
        return mode.param == fcntl_flags   ? "Fcntl"
               : mode.param == mutex_flags ? "Mutex"
                                           : "Persistent";
    }
);

TEST_P(File, ReportsTheFlagsItWasOpenedWith) {
    EXPECT_EQ(opened->flags(), GetParam());
    opened->enable_sequence_number();
    EXPECT_EQ(opened->flags(), GetParam() | open_flag::sequence_number);
}

TEST_P(File, FindsTheChainOfAKeyAsLibtdbDoes) {
    for (int i = 0; i < 500; ++i) {
        const std::string key =
            std::string(static_cast<std::size_t>(i % 40), 'x') + std::to_string(i);
        ASSERT_TRUE(opened->write(view_of(key), view_of("v")));
        bool there = false;
        const auto walked =
            opened->walk_chain(opened->chain_of(view_of(key)), [&](byte_view k, byte_view) {
                there = there || text_of(k) == key;
            });
        ASSERT_TRUE(walked);
        EXPECT_TRUE(there) << key;
    }
}

TEST_P(File, ReadsBackWhatAnotherProcessWrote) {
    client other(path, GetParam());
    EXPECT_EQ(value_of(*opened, "k"), "-");
    EXPECT_EQ(other.ask("store k one"), "ok");
    EXPECT_EQ(value_of(*opened, "k"), "one");
    ASSERT_TRUE(opened->write(view_of("k"), view_of("he"), view_of("ad")));
    EXPECT_EQ(other.ask("read k"), "head");
    ASSERT_TRUE(opened->erase(view_of("k")));
    ASSERT_TRUE(opened->erase(view_of("k"))); // missing is no error
    EXPECT_EQ(other.ask("read k"), "-");
}

TEST_P(File, TryLockSaysBusyWhileAnotherProcessHoldsTheChain) {
    client other(path, GetParam());
    const std::uint32_t chain = opened->chain_of(view_of("k"));
    ASSERT_EQ(other.ask("lock k"), "ok");
    EXPECT_EQ(outcome(opened->try_lock_chain(chain)), "no");
    ASSERT_EQ(other.ask("unlock k"), "ok");
    EXPECT_EQ(outcome(opened->try_lock_chain(chain)), "yes");
    EXPECT_EQ(other.ask("trylock k"), "busy");
    opened->unlock_chain(chain);
    EXPECT_EQ(other.ask("trylock k"), "ok");
}

TEST_P(File, ChainOfADeadHolderIsFree) {
    client other(path, GetParam());
    const std::uint32_t chain = opened->chain_of(view_of("k"));
    ASSERT_EQ(other.ask("lock k"), "ok");
    other.kill();
    EXPECT_EQ(outcome(opened->try_lock_chain(chain)), "yes");
    opened->unlock_chain(chain);
}

TEST_P(File, SequenceNumberRisesWithEveryWriteOnceEnabled) {
    ASSERT_TRUE(opened->write(view_of("k"), view_of("1")));
    EXPECT_EQ(opened->sequence_number(), 0u);
    opened->enable_sequence_number();
    ASSERT_TRUE(opened->write(view_of("k"), view_of("2")));
    EXPECT_EQ(opened->sequence_number(), 1u);
    opened->raise_sequence_number();
    EXPECT_EQ(opened->sequence_number(), 2u);
}

TEST_P(File, CancelledTransactionLeavesNothing) {
    ASSERT_TRUE(opened->begin(locking::on));
    ASSERT_TRUE(opened->write(view_of("k"), view_of("v")));
    EXPECT_EQ(value_of(*opened, "k"), "v");
    opened->cancel(locking::on);
    EXPECT_EQ(value_of(*opened, "k"), "-");
    EXPECT_FALSE(opened->in_transaction());
}

TEST(FileOpen, RefusesWhatIsNoDatabaseAndLeavesItAlone) {
    const temporary_directory dir;
    const std::string path = dir.file("b.tdb.0");
    std::ofstream(path) << std::string(1000, 'x');
    open_options options;
    options.path = path;
    options.flags = persistent_flags;
    const auto opened = file::open(options);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, EIO);
    std::ifstream content(path);
    EXPECT_EQ(content.get(), 'x');
}

TEST(FileOpen, RefusesASecondOpeningInOneProcess) {
    const temporary_directory dir;
    const auto first = make_file(dir.file("c.tdb"), fcntl_flags);
    open_options options;
    options.path = dir.file("c.tdb");
    options.flags = fcntl_flags;
    EXPECT_FALSE(file::open(options));
}

TEST(FileOpen, KnowsWhichHashAFileWasMadeWith) {
    const temporary_directory dir;
    const std::string path = dir.file("d.tdb");
    make_file(path, persistent_flags | open_flag::incompatible_hash).reset();
    const auto opened = make_file(path, persistent_flags);
    EXPECT_EQ(opened->chain_of(view_of("abc")), jenkins_hash(view_of("abc")) % 101);
}

TEST(FileCheck, FindsDamage) {
    const temporary_directory dir;
    const std::string path = dir.file("e.tdb");
    auto opened = make_file(path, persistent_flags);
    for (int i = 0; i < 100; ++i) {
        ASSERT_TRUE(opened->write(view_of("key" + std::to_string(i)), view_of("value")));
    }
    EXPECT_TRUE(opened->check());
    opened.reset();
    {
        std::fstream raw(path, std::ios::in | std::ios::out | std::ios::binary);
        raw.seekp(-1000, std::ios::end); // records fill a file from its end
        raw << std::string(500, '\xff');
    }
    opened = make_file(path, persistent_flags);
    const auto checked = opened->check();
    ASSERT_FALSE(checked);
    EXPECT_EQ(checked.error().code, EIO);
}

} // namespace
} // namespace ctdb::tdb
