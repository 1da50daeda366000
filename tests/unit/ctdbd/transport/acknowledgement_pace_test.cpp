// Each answer "ask now" is a system call: none on a quiet link, one for many packets on a busy one.
#include "ctdbd/transport/acknowledgement_pace.hpp"

#include <gtest/gtest.h>

namespace ctdb::ctdbd {
namespace {

using namespace std::chrono_literals;

int asked(async::duration rhythm, int packets) {
    acknowledgement_pace pace;
    async::time_point now{1000s};
    int all = 0;
    for (int i = 0; i < packets; ++i) {
        all += pace.to_be_delayed(now) ? 1 : 0;
        now += rhythm;
    }
    return all;
}

TEST(AcknowledgementPace, AsksNothingOnAQuietLink) {
    EXPECT_EQ(asked(250ms, 100), 0);
    EXPECT_EQ(asked(40ms, 100), 0);
}

TEST(AcknowledgementPace, AsksAgainBeforeTheKernelForgetsOnABusyLink) {
    EXPECT_EQ(asked(1ms, 1001), 50);
    EXPECT_EQ(asked(30ms, 101), 100);
}

TEST(AcknowledgementPace, BeginsWithTheSecondPacketAfterAPause) {
    acknowledgement_pace pace;
    const async::time_point now{1000s};
    EXPECT_FALSE(pace.to_be_delayed(now));
    EXPECT_TRUE(pace.to_be_delayed(now + 1ms));
    EXPECT_FALSE(pace.to_be_delayed(now + 1s));
    EXPECT_TRUE(pace.to_be_delayed(now + 1001ms));
}

} // namespace
} // namespace ctdb::ctdbd
