#include "contrackd/announcements.hpp"

#include <gtest/gtest.h>

namespace ctdb::contrackd {
namespace {

using namespace std::chrono_literals;

const async::time_point start{std::chrono::hours(1)};

TEST(Announcements, AreSentFourTimesTheLastOnesMoreThanASecondApart) {
    announcements a;
    a.begin({"10.0.0.1", ""}, start);
    std::vector<std::chrono::milliseconds> sent;
    for (auto at = start; at < start + 5s; at += 100ms) {
        if (!a.due(at).empty()) {
            sent.push_back(std::chrono::duration_cast<std::chrono::milliseconds>(at - start));
        }
    }
    EXPECT_EQ(sent, (std::vector<std::chrono::milliseconds>{0ms, 200ms, 1100ms, 2200ms}));
    EXPECT_FALSE(a.next_due().has_value());
}

TEST(Announcements, EndWhenTheAddressIsReleased) {
    announcements a;
    a.begin({"10.0.0.1", ""}, start);
    a.begin({"10.0.0.2", "eth0"}, start);
    EXPECT_EQ(a.due(start).size(), 2U);
    a.cancel("10.0.0.1");
    EXPECT_EQ(a.due(start + 1s), (std::vector<announcements::turn>{{{"10.0.0.2", "eth0"}, 1}}));
}

TEST(Announcements, TakingAgainBeginsAnew) {
    announcements a;
    a.begin({"10.0.0.1", ""}, start);
    EXPECT_EQ(a.due(start).size(), 1U);
    a.begin({"10.0.0.1", ""}, start + 50ms);
    EXPECT_EQ(a.next_due(), start + 50ms);
}

} // namespace
} // namespace ctdb::contrackd
