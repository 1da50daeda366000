// Nothing that a golden vector can be damaged into hurts: every truncation and every single flipped
// bit parses or fails cleanly (sanitizers watch in the asan preset), and what parses can be encoded
// and parsed again.
#include "common/protocol/packet.hpp"
#include "tests/unit/common/protocol/recode.hpp"
#include "tests/unit/common/protocol/samples.hpp"

#include <gtest/gtest.h>

namespace ctdb::protocol::test {
namespace {

bool known(const sample& s) {
    return s.type != "req_header" && s.type != "sock_packet_header";
}

// A copy of exactly the right size, so that a sanitizer sees one byte too many.
result<bytes> attempt(const sample& s, byte_view damaged) {
    const bytes copy = to_bytes(damaged);
    return s.type.empty() ? recode_packet(copy) : recode_type(s.type, copy);
}

// Replies do not say which control they belong to: try a few types that contain lengths.
void attempt_reply_payload(byte_view wire) {
    const auto decoded = decode_packet(wire);
    if (!decoded) {
        return;
    }
    if (const auto* const reply = std::get_if<reply_control>(&decoded->body)) {
        for (const std::uint32_t opcode : {5U, 9U, 50U, 74U, 91U, 123U, 127U, 132U}) {
            static_cast<void>(recode_reply(opcode, reply->data));
        }
    }
}

void expect_stable(const sample& s, const result<bytes>& recoded) {
    if (!recoded) {
        EXPECT_NE(recoded.error().code, 0);
        return;
    }
    // text behind an inner NUL and padding may go in the first round, nothing in the second
    const auto again = attempt(s, *recoded);
    ASSERT_TRUE(again) << again.error().what;
    EXPECT_TRUE(*again == *recoded) << to_hex(*again) << "\n" << to_hex(*recoded);
}

TEST(DamagedInput, TruncatedAnywhereFailsCleanly) {
    for (const sample& s : all_samples()) {
        if (!known(s)) {
            continue;
        }
        SCOPED_TRACE(s.name);
        for (std::size_t size = 0; size < s.wire.size(); ++size) {
            bytes cut(s.wire.begin(), s.wire.begin() + static_cast<std::ptrdiff_t>(size));
            expect_stable(s, attempt(s, cut));
            if (s.type.empty() && size >= header_size) {
                // the same with a length that fits, so that the body is looked at
                const auto length = static_cast<std::uint32_t>(size);
                std::memcpy(cut.data(), &length, sizeof(length));
                expect_stable(s, attempt(s, cut));
                attempt_reply_payload(cut);
            }
        }
    }
}

TEST(DamagedInput, OneFlippedBitFailsCleanly) {
    std::size_t flips = 0;
    for (const sample& s : all_samples()) {
        if (!known(s)) {
            continue;
        }
        SCOPED_TRACE(s.name);
        bytes damaged = s.wire;
        for (std::size_t bit = 0; bit < 8 * s.wire.size(); ++bit) {
            const auto mask = static_cast<std::byte>(1U << (bit % 8));
            damaged[bit / 8] ^= mask;
            expect_stable(s, attempt(s, damaged));
            attempt_reply_payload(damaged);
            damaged[bit / 8] ^= mask;
            ++flips;
        }
    }
    EXPECT_GT(flips, 100'000U);
}

} // namespace
} // namespace ctdb::protocol::test
