#include "common/tdb/file.hpp"
#include "common/tdb/rewrite.hpp"
#include "tests/unit/common/tdb/support.hpp"

#include <gtest/gtest.h>

namespace ctdb::tdb {
namespace {

using namespace test;

class Rewrite : public testing::TestWithParam<rewrite_mode> {
protected:
    temporary_directory dir;
    std::unique_ptr<file> target = make_file(dir.file("a.tdb.0"), persistent_flags);
    rewrite_journal journal = std::move(*rewrite_journal::begin());

    void SetUp() override { ASSERT_TRUE(target->wait_lock_all()); }
    void TearDown() override { target->unlock_all(); }

    [[nodiscard]] result<> apply() {
        const auto order = journal.finish(GetParam());
        return order ? apply_rewrite(*target, journal.fd(), *order) : pass(order);
    }
    [[nodiscard]] std::string content(const std::string& key) const {
        std::string found = "-";
        static_cast<void>(target->read(view_of(key), [&](byte_view v) { found = text_of(v); }));
        return found;
    }
};

TEST_P(Rewrite, WipesStoresAndErases) {
    ASSERT_TRUE(target->write(view_of("gone"), view_of("v")));
    ASSERT_TRUE(journal.store(view_of("forgotten"), view_of("v"), {}));
    ASSERT_TRUE(journal.wipe());
    ASSERT_TRUE(journal.store(view_of("k"), view_of("head "), view_of("tail")));
    ASSERT_TRUE(journal.store(view_of("e"), view_of("v"), {}));
    ASSERT_TRUE(journal.erase(view_of("e")));
    ASSERT_TRUE(journal.erase(view_of("never there")));
    ASSERT_TRUE(apply());
    EXPECT_EQ(content("k"), "head tail");
    EXPECT_EQ(content("e"), "-");
    EXPECT_EQ(content("gone"), "-");
    EXPECT_EQ(content("forgotten"), "-");
    ASSERT_TRUE(target->check());
}

TEST_P(Rewrite, WithoutWipeTheRestStays) {
    ASSERT_TRUE(target->write(view_of("stays"), view_of("v")));
    ASSERT_TRUE(journal.store(view_of("k"), view_of("1"), {}));
    ASSERT_TRUE(journal.store(view_of("k"), view_of("2"), {})); // the last one counts
    ASSERT_TRUE(apply());
    EXPECT_EQ(content("stays"), "v");
    EXPECT_EQ(content("k"), "2");
}

TEST_P(Rewrite, MoreThanTheBufferHolds) {
    ASSERT_TRUE(journal.wipe());
    const std::string value(1000, 'v');
    for (int i = 0; i < 2000; ++i) {
        ASSERT_TRUE(journal.store(view_of(fmt::format("k{}", i)), view_of(value), {}));
    }
    ASSERT_TRUE(apply());
    for (int i = 0; i < 2000; ++i) {
        ASSERT_EQ(content(fmt::format("k{}", i)), value);
    }
}

TEST_P(Rewrite, AJournalThatIsCutOffChangesNothing) {
    ASSERT_TRUE(target->write(view_of("k"), view_of("old")));
    ASSERT_TRUE(journal.store(view_of("k"), view_of("new"), {}));
    auto order = journal.finish(GetParam());
    ASSERT_TRUE(order);
    for (std::uint64_t size = 1; size < order->size; ++size) {
        rewrite_order shorter = *order;
        shorter.wipe = true;
        shorter.size = size;
        EXPECT_FALSE(apply_rewrite(*target, journal.fd(), shorter)) << size;
    }
    rewrite_order longer = *order;
    longer.size += 1;
    EXPECT_FALSE(apply_rewrite(*target, journal.fd(), longer));
    EXPECT_EQ(content("k"), "old");
}

TEST_P(Rewrite, OrdersAreDecodedAsTheyWere) {
    rewrite_order order;
    order.size = 77;
    order.wipe = true;
    order.mode = GetParam();
    const bytes encoded = encode(order);
    const auto decoded = decode_rewrite_order(encoded);
    ASSERT_TRUE(decoded);
    EXPECT_EQ(decoded->size, 77U);
    EXPECT_TRUE(decoded->wipe);
    EXPECT_EQ(decoded->mode, GetParam());
    for (std::size_t size = 0; size < encoded.size(); ++size) {
        EXPECT_FALSE(decode_rewrite_order(byte_view{encoded}.first(size)));
    }
}

INSTANTIATE_TEST_SUITE_P(
    Modes, Rewrite, testing::Values(rewrite_mode::transaction, rewrite_mode::in_place)
);

} // namespace
} // namespace ctdb::tdb
