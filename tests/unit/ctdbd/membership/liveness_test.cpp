#include "ctdbd/membership/liveness.hpp"

#include <set>

#include <gtest/gtest.h>

namespace ctdb::ctdbd {
namespace {

using namespace std::chrono_literals;

// Drives a liveness by its own ticks; `talks`: the peer sends something every `rhythm`.
class Liveness : public ::testing::Test {
protected:
    void connect(bool ours) {
        core.connected(peer, now);
        core.set_ours(peer, ours);
    }
    // Until the peer is dead or `time` has passed.
    async::duration run(async::duration time, std::optional<async::duration> rhythm = {}) {
        const async::time_point began = now;
        async::time_point next_word = now + rhythm.value_or(time * 2);
        while (now < began + time) {
            now = std::min({core.next_tick(), next_word, began + time});
            if (now == next_word) {
                core.received(peer, now);
                next_word += *rhythm;
            }
            if (now >= core.next_tick()) {
                const liveness_verdict verdict = core.tick(now);
                keepalives += verdict.keepalives.size();
                if (!verdict.dead.empty()) {
                    reason = verdict.dead[0].reason;
                    return now - began;
                }
            }
        }
        return time;
    }

    const pnn peer{1};
    async::time_point now{1000s};
    liveness core;
    std::size_t keepalives = 0;
    std::string reason;
};

TEST_F(Liveness, OurSilentPeerIsDeadAfterOneAndAHalfSeconds) {
    connect(true);
    const auto died = run(10s);
    EXPECT_GE(died, 1500ms);
    EXPECT_LE(died, 1800ms);
    EXPECT_NE(reason.find("silent for"), std::string::npos);
}

TEST_F(Liveness, OurTalkingPeerLivesAndGetsHeartbeats) {
    connect(true);
    EXPECT_EQ(run(60s, 300ms), 60s);
    EXPECT_GT(keepalives, 150U);
}

TEST_F(Liveness, AnIrregularLinkIsGivenMoreTime) {
    connect(true);
    run(20s, 1100ms);
    EXPECT_GT(core.limit_of(peer), 1500ms);
    EXPECT_LE(core.limit_of(peer), liveness::suspicion_max);
}

TEST_F(Liveness, UpstreamPeerIsDeadAfterKeepaliveLimitIntervals) {
    connect(false);
    const auto died = run(60s);
    EXPECT_GE(died, 25s); // 5 s x 5
    EXPECT_LE(died, 31s);
    EXPECT_GE(keepalives, 4U);
    EXPECT_LE(keepalives, 6U);
}

TEST_F(Liveness, UpstreamPeerThatTalksLives) {
    connect(false);
    EXPECT_EQ(run(120s, 4s), 120s);
}

TEST_F(Liveness, ZeroIntervalsDoNotSpin) { // W66
    core.set({0s, 0});
    connect(false);
    run(5s, 500ms);
    EXPECT_LE(keepalives, 6U);
}

TEST_F(Liveness, OwnStallAccusesNobody) { // L1
    connect(true);
    run(2s, 250ms);
    now += 30s; // this process was stopped
    EXPECT_TRUE(core.tick(now).dead.empty());
    core.received(peer, now);
    EXPECT_EQ(run(3s, 250ms), 3s);
}

TEST_F(Liveness, APeerFoundToBeOursIsNotLateByOurRhythm) {
    connect(false);
    run(4s);
    core.set_ours(peer, true);
    EXPECT_TRUE(core.tick(now).dead.empty());
    EXPECT_GE(run(10s), 1s);
}

TEST_F(Liveness, DeadIsSaidOnce) { // L3
    connect(true);
    run(10s);
    now += 5s;
    EXPECT_TRUE(core.tick(now).dead.empty());
}

TEST_F(Liveness, ABusyLinkNeedsNoHeartbeats) {
    connect(true);
    for (int i = 0; i < 100; ++i) {
        now += 50ms;
        core.received(peer, now);
        core.sent(peer, now);
        if (now >= core.next_tick()) {
            EXPECT_TRUE(core.tick(now).keepalives.empty());
        }
    }
}

// Three nodes that start at different moments; who is woken by a packet ticks along if he may.
TEST(LivenessOfMany, HeartbeatsOfAllNodesFallTogether) {
    constexpr std::uint32_t count = 3;
    async::time_point now{1000s};
    std::vector<liveness> all(count);
    for (std::uint32_t me = 0; me < count; ++me) {
        for (std::uint32_t other = 0; other < count; ++other) {
            if (other != me) {
                all[me].connected(pnn{other}, now + 70ms * me);
                all[me].set_ours(pnn{other}, true);
            }
        }
    }
    std::set<async::time_point> moments;
    std::size_t heartbeats = 0;
    const auto began = now;
    while (now < began + 20s) {
        now = std::min({all[0].next_tick(), all[1].next_tick(), all[2].next_tick()});
        std::vector<bool> awake(count);
        for (bool more = true; more;) {
            more = false;
            for (std::uint32_t me = 0; me < count; ++me) {
                liveness& core = all[me];
                if (now < (awake[me] ? core.early_tick() : core.next_tick())) {
                    continue;
                }
                const liveness_verdict verdict = core.tick(now);
                ASSERT_TRUE(verdict.dead.empty());
                for (const pnn to : verdict.keepalives) {
                    all[to.value].received(pnn{me}, now);
                    awake[to.value] = true;
                    more = true;
                    heartbeats += now - began > 2s ? 1 : 0;
                }
            }
        }
        if (now - began > 2s) {
            moments.insert(now);
        }
    }
    EXPECT_GE(heartbeats, 6U * 18000 / 270);    // no fewer than without
    EXPECT_LE(moments.size(), 18000U / 260);    // one moment for all, not one for each node
    EXPECT_EQ(all[0].limit_of(pnn{1}), 1500ms); // as regular as before
}

} // namespace
} // namespace ctdb::ctdbd
