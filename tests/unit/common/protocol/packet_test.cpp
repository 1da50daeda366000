#include "common/protocol/packet.hpp"

#include <gtest/gtest.h>

namespace ctdb::protocol {
namespace {

const packet_header to_node_1{
    .generation = generation{9}, .destnode = pnn{1}, .srcnode = pnn{0}, .reqid = reqid{7}};

void set_u32(bytes& packet, std::size_t at, std::uint32_t value) {
    std::memcpy(packet.data() + at, &value, sizeof(value));
}

TEST(PacketEncode, DaemonsKeepToMinimumSizes) {
    EXPECT_EQ(encode(to_node_1, reply_call{}).size(), 48U);
    EXPECT_EQ(encode(to_node_1, reply_control{}).size(), 48U);
    EXPECT_EQ(encode(to_node_1, req_message{}).size(), 48U);
    EXPECT_EQ(encode(to_node_1, req_tunnel{}).size(), 56U);
    EXPECT_EQ(encode(to_node_1, req_control{}).size(), 64U);
    EXPECT_EQ(encode(to_node_1, keepalive{1, 1}).size(), 40U);
    EXPECT_EQ(encode(to_node_1, req_tunnel{}, framing::padded).size(), 48U);
    EXPECT_EQ(encode(to_node_1, req_control{}, framing::exact).size(), 60U);
}

TEST(PacketEncode, FillsInLengthMagicVersionOperation) {
    packet_header wrong = to_node_1;
    wrong.length = 5;
    wrong.magic = 0;
    wrong.version = 3;
    wrong.operation = operation::keepalive;
    const auto header = parse_header(encode(wrong, req_message{srvid{1}, view_of("hello")}));
    ASSERT_TRUE(header) << header.error().what;
    EXPECT_EQ(header->length, 56U);
    EXPECT_EQ(header->operation, operation::req_message);
    EXPECT_EQ(header->generation, generation{9});
}

TEST(PacketDecode, ViewsPointIntoThePacket) {
    const bytes wire = encode(to_node_1, req_message{srvid{1}, view_of("hello")});
    const auto packet = decode_packet(wire);
    ASSERT_TRUE(packet);
    const auto& body = std::get<req_message>(packet->body);
    EXPECT_EQ(body.data.data(), wire.data() + 44);
    EXPECT_EQ(text_of(body.data), "hello");
}

TEST(PacketFraming, IsJudgedApartFromTheBody) {
    bytes wire = encode(to_node_1, req_call{.key = view_of("key")});
    set_u32(wire, 48, 0xFFFFFFFF); // key length
    EXPECT_EQ(judge_framing(wire), framing_error::none);
    const auto decoded = decode_packet(wire);
    ASSERT_FALSE(decoded);
    EXPECT_EQ(decoded.error().code, EINVAL);
}

TEST(PacketFraming, NamesTheDefect) {
    const bytes good = encode(to_node_1, req_control{});
    const auto with = [&good](std::size_t at, std::uint32_t value) {
        bytes bad = good;
        set_u32(bad, at, value);
        return judge_framing(bad, {1000, alignment::multiple_of_8});
    };
    EXPECT_EQ(with(0, 64), framing_error::none);
    EXPECT_EQ(with(0, 0), framing_error::too_short);
    EXPECT_EQ(with(0, 31), framing_error::too_short);
    EXPECT_EQ(with(0, 1001), framing_error::too_long);
    EXPECT_EQ(with(0, 72), framing_error::length_differs);
    EXPECT_EQ(with(4, 1), framing_error::bad_magic);
    EXPECT_EQ(with(8, 2), framing_error::bad_version);
    const bytes odd = encode(to_node_1, req_control{}, framing::exact);
    EXPECT_EQ(judge_framing(odd), framing_error::none);
    EXPECT_EQ(judge_framing(odd, {1000, alignment::multiple_of_8}), framing_error::misaligned);
    EXPECT_EQ(judge_framing(byte_view(good).first(31)), framing_error::too_short);
    EXPECT_EQ(framed_length(byte_view(good).first(3)), std::nullopt);
}

TEST(PacketDecode, UnknownOperationHasItsOwnError) {
    bytes wire = encode(to_node_1, req_control{});
    for (const std::uint32_t unknown : {6U, 11U, 0xFFFFFFFFU}) {
        set_u32(wire, 16, unknown);
        const auto decoded = decode_packet(wire);
        ASSERT_FALSE(decoded);
        EXPECT_EQ(decoded.error().code, EOPNOTSUPP);
    }
}

TEST(PacketDecode, EmptyKeyIsRefused) {
    EXPECT_FALSE(decode_packet(encode(to_node_1, req_call{})));
}

TEST(Keepalive, BareHeaderIsRefusedButRecognised) {
    bytes wire = encode(to_node_1, keepalive{release_version(4, 17), 5});
    EXPECT_EQ(std::get<keepalive>(decode_packet(wire)->body).uptime_s, 5U);
    for (const std::uint32_t size : {36U, 32U}) {
        wire.resize(size);
        set_u32(wire, 0, size);
        EXPECT_FALSE(decode_packet(wire));
        EXPECT_EQ(is_bare_keepalive(parse_header(wire).value()), size == 32);
    }
}

TEST(DmasterTrailer, IsReadIfFourMoreBytesAreThere) {
    const bytes without = encode(to_node_1, req_dmaster{.key = view_of("k")}, framing::exact);
    EXPECT_EQ(std::get<req_dmaster>(decode_packet(without)->body).flags, std::nullopt);
    req_dmaster body{.key = view_of("k")};
    body.flags = record_flag::migrated_with_data;
    const bytes with = encode(to_node_1, body, framing::exact);
    EXPECT_EQ(with.size(), without.size() + 4);
    EXPECT_EQ(std::get<req_dmaster>(decode_packet(with)->body).flags, body.flags);
}

TEST(Operations, ClientsMaySendRequestsOnly) {
    EXPECT_TRUE(allowed_from_client(operation::req_tunnel));
    EXPECT_FALSE(allowed_from_client(operation::reply_control));
    EXPECT_FALSE(allowed_from_client(operation::keepalive));
    EXPECT_FALSE(allowed_from_client(operation{6}));
    EXPECT_TRUE(generation_matters(operation::reply_dmaster));
    EXPECT_FALSE(generation_matters(operation::reply_error));
}

TEST(ErrorText, EndsAtTheFirstNul) {
    EXPECT_EQ(text_until_nul(view_of("node gone")), "node gone");
    EXPECT_EQ(text_until_nul(view_of(std::string_view("gone\0x", 6))), "gone");
    EXPECT_EQ(text_until_nul({}), "");
}

TEST(PacketPatch, ChangesSingleFields) {
    bytes wire = encode(to_node_1, req_control{});
    patch_destnode(wire, pnn{5});
    patch_srcnode(wire, pnn{6});
    patch_reqid(wire, reqid{8});
    patch_generation(wire, generation{10});
    const auto header = parse_header(wire).value();
    EXPECT_EQ(header.destnode, pnn{5});
    EXPECT_EQ(header.srcnode, pnn{6});
    EXPECT_EQ(header.reqid, reqid{8});
    EXPECT_EQ(header.generation, generation{10});
}

} // namespace
} // namespace ctdb::protocol
