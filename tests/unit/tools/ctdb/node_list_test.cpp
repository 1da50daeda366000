#include "tools/ctdb/node_list.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using namespace ctdb;
using namespace ctdb::tool;
using protocol::node_flag;
using testing::ElementsAre;

// Five nodes, 10.0.0.1 to 10.0.0.5: node 1 is stopped, 2 deleted, 3 disconnected.
cluster_facts five_nodes() {
    cluster_facts facts;
    for (std::uint8_t i = 0; i < 5; ++i) {
        facts.nodes.nodes.push_back(
            {pnn(i), {}, protocol::ipv4({10, 0, 0, static_cast<std::uint8_t>(i + 1)})}
        );
    }
    facts.nodes.nodes[1].flags.set(node_flag::stopped);
    facts.nodes.nodes[2].flags.set(node_flag::deleted);
    facts.nodes.nodes[3].flags.set(node_flag::disconnected);
    facts.self = pnn(4);
    facts.leader = pnn(0);
    return facts;
}

std::vector<std::uint32_t> chosen(std::string_view list) {
    std::vector<std::uint32_t> numbers;
    const auto nodes = nodes_of(list, five_nodes());
    EXPECT_TRUE(nodes) << list;
    for (const pnn node : nodes.value_or(std::vector<pnn>{})) {
        numbers.push_back(node.value);
    }
    return numbers;
}

std::string refusal(std::string_view list, const cluster_facts& facts = five_nodes()) {
    const auto nodes = nodes_of(list, facts);
    return nodes ? "" : nodes.error();
}

TEST(NodeList, NamesNodesByWordNumberRangeAndAddress) {
    EXPECT_THAT(chosen("all"), ElementsAre(0, 1, 3, 4));
    EXPECT_THAT(chosen("active"), ElementsAre(0, 4));
    EXPECT_THAT(chosen("leader"), ElementsAre(0));
    EXPECT_THAT(chosen("local"), ElementsAre(4));
    EXPECT_THAT(chosen("3"), ElementsAre(3));
    EXPECT_THAT(chosen("3-4"), ElementsAre(3, 4));
    EXPECT_THAT(chosen("10.0.0.2"), ElementsAre(1));
}

TEST(NodeList, NamesEachNodeOnceInTheOrderGiven) {
    EXPECT_THAT(chosen("local,0-1,10.0.0.1,all"), ElementsAre(4, 0, 1, 3));
}

TEST(NodeList, RefusesWhatIsNotThere) {
    EXPECT_EQ("Node 9 does not exist", refusal("0,9"));
    EXPECT_EQ("Node 2 does not exist", refusal("1-3"));
    EXPECT_EQ("Node 5 does not exist", refusal("4-4294967295"));
    EXPECT_EQ("No node has the address 10.0.0.9", refusal("10.0.0.9"));
    cluster_facts leaderless = five_nodes();
    leaderless.leader = unknown_pnn;
    EXPECT_EQ("There is no leader", refusal("all,leader", leaderless));
}

TEST(NodeList, IsRecognisedByItsWords) {
    for (const char* list :
         {"all", "active,leader,local", "0", "0,2-4", "192.0.2.1", "fd00::1,0"}) {
        EXPECT_TRUE(is_node_list(list)) << list;
    }
    for (const char* other :
         {"", ",", "0,", "abc", "-1", "2-0", "0-", "0x1", "4294967296", "ALL"}) {
        EXPECT_FALSE(is_node_list(other)) << other;
    }
    EXPECT_TRUE(names_leader("0,leader"));
    EXPECT_FALSE(names_leader("0,local"));
}

} // namespace
