#include "eventd/legacy_view.hpp"

#include <gtest/gtest.h>

namespace ctdb::eventd {
namespace {

TEST(LegacyView, MonitorIsServiceAndFailover) {
    const std::vector<component_event> expected{{"service", "monitor"}, {"failover", "monitor"}};
    EXPECT_EQ(successors_of("monitor"), expected);
    EXPECT_TRUE(successors_of("bogus").empty());
}

TEST(LegacyView, MergedResultsAreSortedByNumberAndKeepTheFailure) {
    event::event_status service;
    service.summary = 1;
    service.scripts = {{"05.system", {}, {}, 0, ""}, {"50.samba", {}, {}, 1, "down"}};
    event::event_status failover;
    failover.scripts = {{"10.pubip", {}, {}, 0, ""}};
    const auto all = merge({service, failover});
    EXPECT_EQ(all.summary, 1);
    ASSERT_EQ(all.scripts.size(), 3U);
    EXPECT_EQ(all.scripts[1].name, "10.pubip");
}

} // namespace
} // namespace ctdb::eventd
