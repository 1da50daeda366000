#include "serviced/service_machine.hpp"

#include <gtest/gtest.h>

namespace ctdb::serviced {
namespace {

using namespace std::chrono_literals;
using order = service_machine::order;
using services = service_machine::services;
using protocol::run_state;

class ServiceMachine : public testing::Test {
protected:
    // What ctdbd tells after registration, while the node starts.
    void connect(run_state state = run_state::startup, bool active = true) {
        machine_.registered();
        machine_.run_state_is(state);
        machine_.active_is(active);
    }
    void start() {
        connect();
        machine_.start_requested();
        ASSERT_EQ(next(), order::startup);
        machine_.startup_ended(true, now_);
        machine_.run_state_is(run_state::running);
    }
    order next() { return machine_.next(now_); }

    service_machine machine_{service_machine::policy{}};
    service_machine::time_point now_{1000s};
};

TEST_F(ServiceMachine, NothingHappensBeforeCtdbdAsks) {
    EXPECT_EQ(next(), order::none);
    connect();
    EXPECT_EQ(next(), order::none);
    EXPECT_TRUE(machine_.stopped_if_it_must());
}

TEST_F(ServiceMachine, ServicesStartWhenAskedForAndAreMonitoredOnceRunning) {
    connect();
    machine_.start_requested();
    EXPECT_EQ(next(), order::startup);
    EXPECT_EQ(next(), order::none) << "one thing at a time";
    machine_.startup_ended(true, now_);
    EXPECT_EQ(machine_.state(), services::up);
    EXPECT_FALSE(machine_.may_monitor());
    machine_.run_state_is(run_state::running);
    EXPECT_TRUE(machine_.may_monitor());
    EXPECT_EQ(next(), order::none);
}

TEST_F(ServiceMachine, AFailedStartupIsTriedAgainAfterGrowingPauses) {
    connect();
    machine_.start_requested();
    for (const auto pause : {5s, 10s, 20s, 30s, 30s}) {
        ASSERT_EQ(next(), order::startup);
        machine_.startup_ended(false, now_);
        EXPECT_EQ(machine_.look_again_at(), now_ + pause);
        now_ += pause - 1s;
        EXPECT_EQ(next(), order::none);
        now_ += 1s;
    }
    ASSERT_EQ(next(), order::startup);
    machine_.startup_ended(true, now_);
    EXPECT_EQ(machine_.look_again_at(), std::nullopt);
}

TEST_F(ServiceMachine, AnInactiveNodeStopsItsServicesAndStartsThemAfterTheRecovery) {
    start();
    machine_.active_is(false);
    EXPECT_FALSE(machine_.stopped_if_it_must());
    EXPECT_EQ(next(), order::shutdown);
    EXPECT_FALSE(machine_.stopped_if_it_must());
    machine_.shutdown_ended();
    EXPECT_TRUE(machine_.stopped_if_it_must());
    EXPECT_EQ(next(), order::none);
    machine_.active_is(true);
    EXPECT_EQ(next(), order::none) << "no recovery has brought it back yet";
    machine_.recovery_is(true, generation{7});
    EXPECT_EQ(next(), order::none);
    machine_.recovery_is(false, generation{8});
    EXPECT_EQ(next(), order::startup); // M4
}

TEST_F(ServiceMachine, ARecoveryThatNeverComesIsNotWaitedForForEver) {
    start();
    machine_.active_is(false);
    (void)next();
    machine_.shutdown_ended();
    machine_.active_is(true);
    EXPECT_EQ(next(), order::none);
    EXPECT_EQ(machine_.look_again_at(), now_ + 30s);
    now_ += 30s;
    EXPECT_EQ(next(), order::startup); // M4
}

TEST_F(ServiceMachine, ServicesMayStayOnAnInactiveNode) {
    machine_.set_stop_when_inactive(false);
    start();
    machine_.active_is(false);
    EXPECT_EQ(next(), order::none);
    EXPECT_TRUE(machine_.stopped_if_it_must());
}

TEST_F(ServiceMachine, ShutdownStopsForGood) {
    start();
    machine_.run_state_is(run_state::shutdown);
    machine_.stop_requested();
    EXPECT_EQ(next(), order::shutdown);
    machine_.shutdown_ended();
    EXPECT_EQ(next(), order::none);
    machine_.start_requested();
    EXPECT_EQ(next(), order::none);
}

TEST_F(ServiceMachine, LosingCtdbdStopsServicesAndItsReturnStartsThem) {
    start();
    machine_.lost();
    EXPECT_FALSE(machine_.may_monitor());
    EXPECT_EQ(next(), order::shutdown);
    machine_.shutdown_ended();
    EXPECT_EQ(next(), order::none);
    connect(run_state::running); // it only hung
    EXPECT_EQ(next(), order::startup);
}

TEST_F(ServiceMachine, AStartupNoLongerWantedIsFollowedByAShutdown) {
    connect();
    machine_.start_requested();
    ASSERT_EQ(next(), order::startup);
    machine_.lost();
    EXPECT_EQ(next(), order::none);
    machine_.startup_ended(true, now_);
    EXPECT_EQ(next(), order::shutdown);
}

TEST_F(ServiceMachine, AHalfDoneStartupIsStoppedToo) {
    connect();
    machine_.start_requested();
    ASSERT_EQ(next(), order::startup);
    machine_.startup_ended(false, now_);
    machine_.active_is(false);
    EXPECT_EQ(next(), order::shutdown);
}

TEST_F(ServiceMachine, ARestartedServicedFindsServicesRunning) {
    connect(run_state::running);
    EXPECT_EQ(machine_.state(), services::up);
    EXPECT_TRUE(machine_.may_monitor());
    EXPECT_EQ(next(), order::none);
}

TEST_F(ServiceMachine, WithItsStarterGoneItStopsServicesAndLeaves) {
    start();
    machine_.starter_gone();
    EXPECT_EQ(next(), order::shutdown);
    machine_.shutdown_ended();
    EXPECT_EQ(next(), order::leave);
}

TEST_F(ServiceMachine, WithItsStarterGoneBeforeAnythingRanItLeavesAtOnce) {
    machine_.starter_gone();
    EXPECT_EQ(next(), order::leave);
}

TEST_F(ServiceMachine, NothingIsStartedBeforeTheNodesActivityIsKnown) {
    machine_.registered();
    machine_.run_state_is(run_state::startup);
    machine_.start_requested();
    EXPECT_EQ(next(), order::none);
}

TEST_F(ServiceMachine, MonitoringRestsDuringARecovery) {
    start();
    machine_.recovery_is(true, generation{7});
    EXPECT_FALSE(machine_.may_monitor());
    machine_.recovery_is(false, generation{8});
    EXPECT_TRUE(machine_.may_monitor());
}

} // namespace
} // namespace ctdb::serviced
