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
class LivenessOfMany : public ::testing::Test {
protected:
    static constexpr std::uint32_t count = 3;
    void start(async::duration apart) {
        for (std::uint32_t me = 0; me < count; ++me) {
            now = began + apart * me;
            for (std::uint32_t other = 0; other < count; ++other) {
                if (other != me) {
                    all[me].connected(pnn{other}, now);
                    all[me].set_ours(pnn{other}, true);
                }
            }
        }
    }
    void run_until(async::time_point end) {
        for (;;) {
            now = std::min({all[0].next_tick(), all[1].next_tick(), all[2].next_tick()});
            if (now >= end) {
                return;
            }
            moments.insert(now);
            std::set<std::uint32_t> awake;
            for (std::size_t before = 1; before != heartbeats;) {
                before = heartbeats;
                for (std::uint32_t me = 0; me < count; ++me) {
                    tick_if_due(me, awake);
                }
            }
        }
    }
    void tick_if_due(std::uint32_t me, std::set<std::uint32_t>& awake) {
        if (now < (awake.contains(me) ? all[me].early_tick() : all[me].next_tick())) {
            return;
        }
        const liveness_verdict verdict = all[me].tick(now);
        EXPECT_TRUE(verdict.dead.empty());
        for (const pnn to : verdict.keepalives) {
            all[to.value].received(pnn{me}, now);
            awake.insert(to.value);
            ++heartbeats;
        }
    }

    const async::time_point began{1000s};
    async::time_point now = began;
    std::vector<liveness> all{count};
    std::set<async::time_point> moments;
    std::size_t heartbeats = 0;
};

TEST_F(LivenessOfMany, HeartbeatsOfAllNodesFallTogetherWhereverTheyBegan) {
    for (auto apart = 0ms; apart < 270ms; apart += 7ms) {
        all = std::vector<liveness>(count);
        start(apart);
        run_until(began + 10s);
        moments.clear();
        heartbeats = 0;
        run_until(began + 30s);
        EXPECT_GE(heartbeats, 6U * 20000 / 270) << apart.count(); // no fewer than without
        EXPECT_LE(moments.size(), 20000U / 260) << apart.count(); // one moment for all
        EXPECT_EQ(all[0].limit_of(pnn{1}), 1500ms) << apart.count();
    }
}

} // namespace
} // namespace ctdb::ctdbd
