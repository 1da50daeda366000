// Damaged packets and types are refused, oddities of real peers are accepted
// (tests/vectors/invalid.json).
#include "common/protocol/control.hpp"
#include "common/protocol/packet.hpp"
#include "tests/unit/common/protocol/recode.hpp"
#include "tests/unit/common/protocol/vector_file.hpp"

#include <gtest/gtest.h>

namespace ctdb::protocol::test {
namespace {

// A packet is good if packet and payload are; the payload of a failure is not looked at.
result<void> judge_packet(const json& vector, byte_view wire) {
    const auto decoded = decode_packet(wire);
    if (!decoded) {
        return pass(decoded);
    }
    result<bytes> payload;
    if (const auto* const request = std::get_if<req_control>(&decoded->body)) {
        payload = recode_request(request->opcode, request->data);
    } else if (const auto* const reply = std::get_if<reply_control>(&decoded->body);
               reply != nullptr && succeeded(*reply)) {
        payload = recode_reply(vector.at("opcode").get<std::uint32_t>(), reply->data);
    } else if (const auto* const sent = std::get_if<req_message>(&decoded->body)) {
        payload = recode_message(sent->srvid, sent->data);
    }
    if (!payload) {
        return pass(payload);
    }
    return {};
}

result<void> judge_type(const json& vector, byte_view wire) {
    const auto type = vector.at("type").get<std::string>();
    if (type == "req_header") {
        return peek_header(wire) ? result<void>{} : fail(EBADMSG, "no header");
    }
    const auto recoded = recode_type(type, wire);
    if (!recoded) {
        return pass(recoded);
    }
    return {};
}

TEST(InvalidInput, IsJudgedAsExpected) {
    for (const json& vector : load_vectors("invalid")) {
        if (vector.value("type", "") == "sock_packet_header") {
            continue; // framing of the event daemon's socket
        }
        SCOPED_TRACE(
            vector.at("name").get<std::string>() + ": " + vector.at("reason").get<std::string>()
        );
        const bytes wire = bytes_of(vector.at("hex"));
        const bool packet = vector.at("kind") == "packet";
        const auto verdict = packet ? judge_packet(vector, wire) : judge_type(vector, wire);
        EXPECT_EQ(verdict.has_value(), vector.at("expect") == "accept")
            << (verdict ? "accepted" : verdict.error().what);
        if (!verdict) {
            EXPECT_NE(verdict.error().code, 0);
        }
    }
}

// Where our decoder refuses an empty payload, real daemons answered with failure too.
TEST(InvalidInput, EmptyPayloadsAreRefusedWhereUpstreamRefuses) {
    int refused = 0;
    for (const json& row : load_vectors("empty_payload")) {
        const auto opcode = row.at("opcode").get<std::uint32_t>();
        SCOPED_TRACE(row.at("opcode_name"));
        if (is_live(opcode) && !recode_request(opcode, {})) {
            EXPECT_EQ(row.at("4.25").at("status"), -1);
            ++refused;
        }
        if (is_retired(opcode) && opcode != start_persistent_update_opcode &&
            opcode != cancel_persistent_update_opcode) {
            EXPECT_EQ(row.at("4.25").at("status"), -1);
        }
        if (row.at("opcode_name").is_string()) {
            EXPECT_EQ(row.at("opcode_name"), opcode_name(opcode));
        }
    }
    EXPECT_GT(refused, 30);
}

} // namespace
} // namespace ctdb::protocol::test
