#include "failoverd/messages.hpp"

#include <gtest/gtest.h>

namespace ctdb::failoverd {
namespace {

std::vector<message> one_of_each() {
    using namespace std::chrono_literals;
    const item_set some{pubip("10.0.0.1"), pubip("fd00::1")};
    return {
        status{5ns, 7, 5, some, some, {}},
        prepared{1, verdict::stale, 9, some, "why"},
        released{2, some},
        taken{3, 4, some, {{pubip("10.0.0.1"), take_failure::busy}}},
        finalised{5, verdict::failed, "text"},
        authority{6, 77ns, true},
        prepare{7, 8ns, {pnn(0), pnn(2)}, {{pubip("10.0.0.1"), pnn(2)}}, 42, 5s},
        release{8, 1s},
        take{9, 2, 3ns, {{pubip("10.0.0.1"), true}}, 2s},
        finalise{10, 30s}};
}

TEST(FailoverMessages, ComeBackAsTheyWere) {
    for (const message& m : one_of_each()) {
        const auto back = decode(encode(pnn(3), m));
        ASSERT_TRUE(back.has_value()) << m.index();
        EXPECT_EQ(back->origin, pnn(3));
        EXPECT_EQ(back->message, m);
    }
}

TEST(FailoverMessages, CutAnywhereOrWithMoreBehindTheyAreRefused) {
    for (const message& m : one_of_each()) {
        bytes whole = encode(pnn(3), m);
        for (std::size_t size = 0; size < whole.size(); ++size) {
            EXPECT_FALSE(decode(byte_view(whole).first(size)).has_value())
                << m.index() << " " << size;
        }
        whole.push_back(std::byte{0});
        EXPECT_FALSE(decode(whole).has_value());
    }
}

TEST(FailoverMessages, OtherVersionsKindsAndCountsBeyondTheMessageAreRefused) {
    bytes data = encode(pnn(0), release{});
    data[0] = std::byte{2};
    EXPECT_FALSE(decode(data).has_value());
    data = encode(pnn(0), release{});
    data[8] = std::byte{99};
    EXPECT_FALSE(decode(data).has_value());
    data = encode(pnn(0), released{1, {}});
    data[data.size() - 1] = std::byte{0x7F};
    EXPECT_FALSE(decode(data).has_value());
}

} // namespace
} // namespace ctdb::failoverd
