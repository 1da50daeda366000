#include "contrackd/arrivals.hpp"

#include <gtest/gtest.h>

namespace ctdb::contrackd {
namespace {

const client_id smbd(7);

protocol::connection from_port(std::uint16_t port) {
    return {protocol::ipv4({192, 168, 0, 9}, port), protocol::ipv4({10, 0, 0, 1}, 445)};
}

class Arrivals : public testing::Test {
protected:
    arrivals a;
    arrivals::ticket first = a.begin(smbd, from_port(1000));
    arrivals::ticket of_another = a.begin(client_id(8), from_port(1000)); // it was passed on to it
};

TEST_F(Arrivals, WhatNothingEndsIsTakenUpOnce) {
    const auto again = a.begin(smbd, from_port(1000));
    EXPECT_TRUE(a.finish(first));
    EXPECT_FALSE(a.finish(first));
    EXPECT_TRUE(a.finish(again));
}

TEST_F(Arrivals, AConnectionThatEndsWhileItWaitsIsNotTakenUp) {
    const auto stays = a.begin(smbd, from_port(1001));
    a.ended(smbd, from_port(1000));
    EXPECT_FALSE(a.finish(first));
    EXPECT_TRUE(a.finish(stays));
    EXPECT_TRUE(a.finish(of_another));
}

TEST_F(Arrivals, AClientThatDiesLeavesNothing) {
    a.client_gone(smbd);
    EXPECT_FALSE(a.finish(first));
    EXPECT_TRUE(a.finish(of_another));
}

TEST_F(Arrivals, WithCtdbdAllAreGone) {
    a.clear();
    EXPECT_FALSE(a.finish(first));
}

} // namespace
} // namespace ctdb::contrackd
