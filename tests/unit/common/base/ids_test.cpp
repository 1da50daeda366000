#include "common/base/ids.hpp"
#include "common/base/result.hpp"

#include <unordered_set>

#include <gtest/gtest.h>

namespace ctdb {
namespace {

TEST(StrongId, ComparesHashesAndPrintsItsNumber) {
    EXPECT_LT(pnn{1}, pnn{2});
    EXPECT_EQ(std::unordered_set<pnn>({pnn{1}, pnn{1}}).size(), 1U);
    EXPECT_EQ(fmt::format("{} 0x{:08x}", pnn{7}, db_id{0x4d2a432b}), "7 0x4d2a432b");
}

TEST(Result, FailErrnoNamesObjectAndCause) {
    errno = ENOENT;
    const result<int> failed = fail_errno("open {}", "/x");
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().code, ENOENT);
    EXPECT_EQ(failed.error().what, "open /x: No such file or directory");
}

} // namespace
} // namespace ctdb
