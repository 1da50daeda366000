#include "ctdbd/membership/version_rule.hpp"

#include <gtest/gtest.h>

namespace ctdb::ctdbd {
namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t ours = 0x00040011;   // 4.17
constexpr std::uint32_t theirs = 0x00040019; // 4.25
const async::time_point start{1000s};
const pnn peer{1};

TEST(VersionRule, WaitsForThePeersFirstWordAndRepeatsIt) {
    version_rule rule({ours, false, false});
    rule.connected(peer, start);
    EXPECT_EQ(rule.to_announce(peer, start + 9s), std::nullopt);
    EXPECT_EQ(rule.received(peer, announced_version{theirs, 100}, 5), version_verdict::differs);
    EXPECT_EQ(rule.to_announce(peer, start + 9s), theirs);
}

TEST(VersionRule, AnnouncesItsOwnAfterTenSecondsOfSilence) {
    version_rule rule({ours, false, false});
    rule.connected(peer, start);
    EXPECT_EQ(rule.to_announce(peer, start + 10s), ours);
}

TEST(VersionRule, DoesNotWaitForNodesThatAreOurs) {
    version_rule rule({ours, false, false});
    rule.connected(peer, start);
    rule.set_ours(peer, true);
    EXPECT_EQ(rule.to_announce(peer, start), ours);
    rule.connected(pnn{2}, start);
    static_cast<void>(rule.received(pnn{2}, announced_version{theirs, 1}, 5));
    EXPECT_EQ(rule.to_announce(peer, start), theirs) << "all follow the upstream peer";
}

TEST(VersionRule, NeverShutsDownUnlessStrict) {
    version_rule rule({ours, false, false});
    rule.connected(peer, start);
    EXPECT_EQ(rule.received(peer, announced_version{theirs, 1000}, 1), version_verdict::differs);
    EXPECT_EQ(rule.received(peer, std::nullopt, 1), version_verdict::differs);
    EXPECT_EQ(rule.received(peer, announced_version{ours, 1000}, 1), version_verdict::fine);
}

TEST(VersionRule, StrictFollowsUpstream) {
    version_rule rule({ours, true, false});
    rule.connected(peer, start);
    EXPECT_EQ(rule.to_announce(peer, start), ours);
    const auto verdict = [&](std::uint32_t version, std::uint32_t uptime) {
        return rule.received(peer, announced_version{version, uptime}, 50);
    };
    EXPECT_EQ(verdict(theirs, 51), version_verdict::shut_down) << "they are older";
    EXPECT_EQ(verdict(theirs, 49), version_verdict::differs) << "they leave";
    EXPECT_EQ(verdict(theirs, 50), version_verdict::shut_down) << "higher version wins the tie";
    EXPECT_EQ(verdict(ours - 1, 50), version_verdict::differs);
    EXPECT_EQ(verdict(ours, 99), version_verdict::fine);
    EXPECT_EQ(rule.received(peer, std::nullopt, 50), version_verdict::shut_down);
}

TEST(VersionRule, MixedVersionsAllowedMeansEverythingIsFine) {
    version_rule rule({ours, true, true});
    EXPECT_EQ(rule.received(peer, announced_version{theirs, 99}, 1), version_verdict::fine);
    EXPECT_EQ(rule.received(peer, std::nullopt, 1), version_verdict::fine);
}

} // namespace
} // namespace ctdb::ctdbd
