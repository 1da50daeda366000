#include "common/conf/nodes_list.hpp"
#include "common/conf/public_addresses.hpp"
#include "conf_fixture.hpp"

namespace ctdb::conf {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// "pnn address", "pnn deleted".
std::vector<std::string> nodes(std::string_view text) {
    std::vector<std::string> all;
    for (const node_entry& n : parse_nodes(text).nodes) {
        all.push_back(
            fmt::format("{} {}", n.pnn, n.deleted ? "deleted" : protocol::to_text(n.address))
        );
    }
    return all;
}

TEST(NodesList, ThePositionIsTheNumber) {
    EXPECT_THAT(nodes("10.0.0.1\nfd00::2\n"), ElementsAre("0 10.0.0.1", "1 fd00::2"));
    EXPECT_THAT(nodes("10.0.0.1"), ElementsAre("0 10.0.0.1"));
    EXPECT_THAT(nodes(""), IsEmpty());
}

TEST(NodesList, DeletedNodesKeepTheirNumberBlankLinesHaveNone) {
    EXPECT_THAT(
        nodes("10.0.0.1\n\n#10.0.0.2\n   \t\n  # gone\n\t10.0.0.3  \r\n\n\n"),
        ElementsAre("0 10.0.0.1", "1 deleted", "2 deleted", "3 10.0.0.3")
    );
}

TEST(NodesList, MappedAddressesAreIpv4AndBracketsAreOptional) {
    EXPECT_THAT(nodes("::ffff:10.0.0.9\n[fd00::1]\n"), ElementsAre("0 10.0.0.9", "1 fd00::1"));
}

using Lists = conf_fixture;

TEST_F(Lists, EveryWrongNodeIsNamedWithItsLine) {
    EXPECT_THAT(
        texts(parse_nodes("node1\n10.0.0.1\n10.0.0.1:4379\n::ffff:10.0.0.1\n10.0.0.2 x\n").findings
        ),
        ElementsAre(
            "F:1: node 0: \"node1\" is no address; expected an IPv4 or IPv6 address without name "
            "or port",
            "F:3: node 2: \"10.0.0.1:4379\" is no address; expected an IPv4 or IPv6 address "
            "without name or port",
            "F:4: node 3 has the address of node 1; expected an address other than that in line 2",
            "F:5: node 4: \"10.0.0.2 x\" is no address; expected an IPv4 or IPv6 address without "
            "name or port"
        )
    );
}

TEST_F(Lists, AnEndlessListIsCut) {
    std::string endless;
    for (std::size_t i = 0; i < nodes_max + 10; ++i) {
        endless += "#\n";
    }
    const parsed_nodes parsed = parse_nodes(endless);
    EXPECT_EQ(parsed.nodes.size(), nodes_max);
    EXPECT_EQ(parsed.findings.size(), 10U);
}

TEST_F(Lists, NodesComeFromAFileOrAProgram) {
    const config defaults(where);
    EXPECT_EQ(source_of_nodes(defaults).file, where.etc + "/nodes");
    const auto elsewhere = read("[cluster]\nnodes list = /x/nodes\n");
    EXPECT_EQ(source_of_nodes(*elsewhere.settings).file, "/x/nodes");
    const auto program = read("[cluster]\nnodes list = ! /bin/list  -a 'b c'\n");
    const nodes_source source = source_of_nodes(*program.settings);
    ASSERT_TRUE(source.is_program());
    EXPECT_THAT(source.program, ElementsAre("/bin/list", "-a", "'b", "c'"));
    EXPECT_FALSE(check_nodes("", source)); // a program that prints nothing failed
}

TEST_F(Lists, OneWrongLineMakesTheListInvalidAndIsLogged) {
    file("nodes", "10.0.0.1\nbad\n");
    const config defaults(where);
    const auto loaded = load_nodes_file(source_of_nodes(defaults));
    ASSERT_FALSE(loaded);
    EXPECT_EQ(loaded.error().code, EINVAL);
    EXPECT_THAT(logged, ElementsAre(HasSubstr("/nodes:2: node 1: \"bad\" is no address")));
    file("nodes", "10.0.0.1\n10.0.0.2\n");
    EXPECT_EQ(load_nodes_file(source_of_nodes(defaults))->size(), 2U);
}

TEST(SplitProgram, SplitsAtBlanksAndTabsOnly) {
    EXPECT_THAT(split_program("!/a b\t\tc "), ElementsAre("/a", "b", "c"));
    EXPECT_THAT(split_program("! "), IsEmpty());
    EXPECT_THAT(split_program(""), IsEmpty());
}

TEST(PublicAddresses, LinesNameAddressMaskAndInterfaces) {
    const auto parsed =
        parse_public_addresses("# comment\n\n 10.0.2.31/24 eth2\n10.0.2.33/24\teth2,eth3 and more "
                               "words\nfd00:3::41/64 eth3");
    EXPECT_TRUE(parsed.findings.empty());
    ASSERT_EQ(parsed.addresses.size(), 3U);
    EXPECT_EQ(protocol::to_text(parsed.addresses[0].address), "10.0.2.31");
    EXPECT_EQ(parsed.addresses[0].prefix_bits, 24U);
    EXPECT_THAT(parsed.addresses[1].interfaces, ElementsAre("eth2", "eth3"));
    EXPECT_EQ(parsed.addresses[2].prefix_bits, 64U);
    EXPECT_EQ(parsed.addresses[2].line, 5);
}

TEST_F(Lists, EveryWrongPublicAddressIsNamedWithItsLine) {
    const auto parsed = parse_public_addresses("10.0.0.1/24\n"
                                               "10.0.0.300/24 eth0\n"
                                               "10.0.0.1/33 eth0\n"
                                               "10.0.0.1 eth0\n"
                                               "10.0.0.2/24 eth0\n"
                                               "10.0.0.2/16 eth1\n"
                                               "10.0.0.3/24 abcdefghijklmnop\n"
                                               "10.0.0.4/24 ,\n");
    EXPECT_EQ(parsed.addresses.size(), 1U);
    EXPECT_THAT(
        texts(parsed.findings),
        ElementsAre(
            HasSubstr("F:1: no interface"),
            HasSubstr("F:2: \"10.0.0.300\" is no address"),
            HasSubstr("F:3: \"10.0.0.1/33\": network bits are 0 to 32"),
            HasSubstr("F:4: \"10.0.0.1\" has no network bits"),
            HasSubstr("F:6: 10.0.0.2 is already in the list"),
            HasSubstr("F:7: interface name \"abcdefghijklmnop\" is too long"),
            HasSubstr("F:8: \",\" names no interface")
        )
    );
    EXPECT_THAT(
        parsed.findings[4].upstream,
        ElementsAre(
            "Duplicate public IP address '10.0.0.2'",
            "Failed to add line 6 to the public address list"
        )
    );
}

TEST_F(Lists, WithoutTheFileThereAreNoPublicAddresses) {
    const auto none = load_public_addresses(where.public_addresses_file());
    ASSERT_TRUE(none);
    EXPECT_TRUE(none->empty());
    EXPECT_THAT(
        logged,
        ElementsAre("Not loading public addresses, no file " + where.etc + "/public_addresses")
    );
    file("public_addresses", "x\n");
    EXPECT_FALSE(load_public_addresses(where.public_addresses_file()));
}

} // namespace
} // namespace ctdb::conf
