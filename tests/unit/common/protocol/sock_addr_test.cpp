#include "common/protocol/sock_addr.hpp"

#include <gtest/gtest.h>

namespace ctdb::protocol {
namespace {

sock_addr ip(std::string_view text) {
    return parse_ip(text).value();
}

TEST(SockAddr, TextAndBack) {
    for (const char* const text :
         {"0.0.0.0", "10.1.2.255", "::", "::1", "fe80::1", "2001:db8::ff:0:1"}) {
        EXPECT_EQ(to_text(ip(text)), text);
    }
    EXPECT_EQ(to_text(sock_addr{}), "");
    EXPECT_EQ(to_text_with_port(sock_addr{}), "");
    EXPECT_EQ(to_text_with_port(with_port(ip("10.0.0.1"), 445)), "10.0.0.1:445");
    EXPECT_EQ(to_text_with_port(with_port(ip("fe80::1"), 445)), "[fe80::1]:445");
}

TEST(SockAddr, RefusesWhatIsNoAddress) {
    for (const std::string_view text :
         {"", "10.0.0", "10.0.0.256", "10.0.0.1 ", "host", "fe80::1%eth0", "[::1]", "1:2"}) {
        EXPECT_FALSE(parse_ip(text)) << text;
    }
    EXPECT_FALSE(parse_ip(std::string_view("10.0.0.1\0x", 10)));
}

TEST(SockAddr, ParsesPorts) {
    EXPECT_EQ(parse_ip_port("10.0.0.1:445").value(), with_port(ip("10.0.0.1"), 445));
    EXPECT_EQ(parse_ip_port("[fe80::1]:445").value(), with_port(ip("fe80::1"), 445));
    EXPECT_EQ(parse_ip_port("fe80::1:445").value(), with_port(ip("fe80::1"), 445));
    for (const char* const text :
         {"10.0.0.1",
          "10.0.0.1:",
          "10.0.0.1:65536",
          "10.0.0.1:-1",
          "10.0.0.1:4x",
          "[10.0.0.1]:1",
          ":1",
          "[]:1"}) {
        EXPECT_FALSE(parse_ip_port(text)) << text;
    }
}

TEST(SockAddr, SameIpIgnoresPorts) {
    EXPECT_TRUE(same_ip(with_port(ip("10.0.0.1"), 1), with_port(ip("10.0.0.1"), 2)));
    EXPECT_FALSE(same_ip(ip("10.0.0.1"), ip("10.0.0.2")));
    EXPECT_FALSE(same_ip(ip("::ffff:10.0.0.1"), ip("10.0.0.1")));
    EXPECT_FALSE(same_ip(sock_addr{}, sock_addr{}));
    EXPECT_NE(with_port(ip("10.0.0.1"), 1), with_port(ip("10.0.0.1"), 2));
}

TEST(SockAddr, ScopeDoesNotDistinguish) {
    sock_addr scoped = ip("fe80::1");
    std::get<ipv6_address>(scoped.ip).scope_id = 7;
    EXPECT_EQ(scoped, ip("fe80::1"));
}

TEST(SockAddr, MappedAddressBecomesIpv4) {
    EXPECT_EQ(
        without_v4_mapping(with_port(ip("::ffff:10.0.0.1"), 445)), with_port(ip("10.0.0.1"), 445)
    );
    EXPECT_EQ(without_v4_mapping(ip("fe80::1")), ip("fe80::1"));
    EXPECT_EQ(without_v4_mapping(ip("10.0.0.1")), ip("10.0.0.1"));
}

TEST(SockAddr, GarbageBehindIpv4IsDropped) {
    bytes wire = encode(ip("10.0.0.1"));
    const bytes clean = wire;
    wire.back() = std::byte{0x55};
    EXPECT_EQ(decode<sock_addr>(wire).value(), ip("10.0.0.1"));
    EXPECT_EQ(encode(decode<sock_addr>(wire).value()), clean);
}

TEST(SockAddr, UnknownFamilyIsNoAddress) {
    bytes wire(sock_addr_size, std::byte{0x77});
    const auto address = decode<sock_addr>(wire);
    ASSERT_TRUE(address);
    EXPECT_TRUE(address->is_none());
    EXPECT_EQ(encode(*address), bytes(sock_addr_size));
}

} // namespace
} // namespace ctdb::protocol
