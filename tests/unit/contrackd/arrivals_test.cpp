#include "contrackd/arrivals.hpp"

#include <gtest/gtest.h>

namespace ctdb::contrackd {
namespace {

const client_id smbd(7);

protocol::connection from_port(std::uint16_t port) {
    return {protocol::ipv4({192, 168, 0, 9}, port), protocol::ipv4({10, 0, 0, 1}, 445)};
}

TEST(Arrivals, WhatNothingEndsIsTakenUpOnce) {
    arrivals a;
    const auto first = a.begin(smbd, from_port(1000));
    const auto second = a.begin(smbd, from_port(1000));
    EXPECT_TRUE(a.finish(first));
    EXPECT_FALSE(a.finish(first));
    EXPECT_TRUE(a.finish(second));
}

TEST(Arrivals, AConnectionThatEndsWhileItWaitsIsNotTakenUp) {
    arrivals a;
    const auto ends = a.begin(smbd, from_port(1000));
    const auto stays = a.begin(smbd, from_port(1001));
    const auto others = a.begin(client_id(8), from_port(1000)); // it was passed on to this one
    a.ended(smbd, from_port(1000));
    EXPECT_FALSE(a.finish(ends));
    EXPECT_TRUE(a.finish(stays));
    EXPECT_TRUE(a.finish(others));
}

TEST(Arrivals, AClientThatDiesLeavesNothing) {
    arrivals a;
    const auto dead = a.begin(smbd, from_port(1000));
    const auto alive = a.begin(client_id(8), from_port(1001));
    a.client_gone(smbd);
    EXPECT_FALSE(a.finish(dead));
    EXPECT_TRUE(a.finish(alive));
}

TEST(Arrivals, WithCtdbdAllAreGone) {
    arrivals a;
    const auto dead = a.begin(smbd, from_port(1000));
    a.clear();
    EXPECT_FALSE(a.finish(dead));
}

} // namespace
} // namespace ctdb::contrackd
