// The bytes are those that upstream's eventd 4.17.12 and its clients exchange (recorded).
#include "common/event/event_protocol.hpp"

#include <gtest/gtest.h>

namespace ctdb::event {
namespace {

bytes unhex(std::string_view hex) {
    bytes out;
    EXPECT_TRUE(from_hex(hex, out));
    return out;
}

request make_run() {
    run_request run;
    run.component = "legacy";
    run.event = "monitor";
    run.arguments = "a b";
    run.timeout_seconds = 5;
    return request{7, run};
}

constexpr std::string_view run_hex =
    "37000000000000000700000001000000070000006c656761637900080000006d6f6e69746f7200040000006120"
    "62000500000000000000";
constexpr std::string_view status_hex =
    "27000000000000000700000002000000070000006c656761637900080000006d6f6e69746f7200";
constexpr std::string_view enable_hex =
    "28000000000000000700000003000000070000006c6567616379000500000032302e620001000000";
constexpr std::string_view run_reply_hex = "1400000000000000070000000100000000000000";
constexpr std::string_view status_reply_hex =
    "bf0000000000000007000000020000000000000000000000030000000500000031302e61003533036b00000000"
    "952a0700000000003533036b00000000c73007000000000000000000100000006869206d6f6e69746f72206120"
    "620a000500000032302e62003533036b00000000e4300700000000003533036b00000000ed30070000000000f8"
    "ffffff000000000500000033302e63003533036b00000000f3300700000000003533036b000000009735070000"
    "0000000000000000000000";

TEST(EventProtocol, RequestsAreUpstreamsToTheByte) {
    EXPECT_EQ(to_hex(encode(make_run())), run_hex);
    EXPECT_EQ(to_hex(encode(request{7, status_request{"legacy", "monitor"}})), status_hex);
    const script_request enable{"legacy", "20.b", script_request::action::enable};
    EXPECT_EQ(to_hex(encode(request{7, enable})), enable_hex);
}

TEST(EventProtocol, RequestsComeBackFromTheirBytes) {
    const auto run = decode_request(unhex(run_hex));
    ASSERT_TRUE(run.has_value());
    EXPECT_EQ(*run, make_run());
    const auto status = decode_request(unhex(status_hex));
    ASSERT_TRUE(status.has_value());
    EXPECT_EQ(std::get<status_request>(status->body).event, "monitor");
}

TEST(EventProtocol, NoArgumentsIsNotTheEmptyArgument) {
    request asked = make_run();
    std::get<run_request>(asked.body).arguments.reset();
    const bytes packet = encode(asked);
    EXPECT_EQ(
        to_hex(packet),
        "33000000000000000700000001000000070000006c656761637900080000006d6f6e69746f7200"
        "000000000500000000000000"
    );
    EXPECT_EQ(*decode_request(packet), asked);
}

TEST(EventProtocol, AReplyToRunHasNoBody) {
    const auto got = decode_reply(unhex(run_reply_hex));
    ASSERT_TRUE(got.has_value());
    EXPECT_EQ(got->id, 7U);
    EXPECT_EQ(got->to, command::run);
    EXPECT_FALSE(got->status.has_value());
    EXPECT_EQ(to_hex(encode(*got)), run_reply_hex);
}

TEST(EventProtocol, AStatusListsScriptsWithTimesAndOutput) {
    const auto got = decode_reply(unhex(status_reply_hex));
    ASSERT_TRUE(got.has_value());
    ASSERT_TRUE(got->status.has_value());
    ASSERT_EQ(got->status->scripts.size(), 3U);
    EXPECT_EQ(got->status->scripts[0].name, "10.a");
    EXPECT_EQ(got->status->scripts[0].output, "hi monitor a b\n");
    EXPECT_EQ(got->status->scripts[1].result, result_disabled);
    EXPECT_EQ(got->status->scripts[1].output, "");
    EXPECT_LT(got->status->scripts[2].begin, got->status->scripts[2].end);
    EXPECT_EQ(to_hex(encode(*got)), status_reply_hex);
}

TEST(EventProtocol, AFailedStatusHasNoList) {
    const reply never_run{9, command::status, EINVAL, std::nullopt};
    const bytes packet = encode(never_run);
    EXPECT_EQ(packet.size(), 20U);
    EXPECT_EQ(*decode_reply(packet), never_run);
}

TEST(EventProtocol, AnythingCutOffIsRefused) {
    for (const std::string_view hex : {run_hex, status_hex, enable_hex}) {
        const bytes whole = unhex(hex);
        for (std::size_t size = 0; size < whole.size(); ++size) {
            bytes part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
            EXPECT_FALSE(decode_request(part).has_value()) << size;
            if (size >= 4) { // also when the length claims to be right
                const auto claimed = static_cast<std::uint32_t>(size);
                std::memcpy(part.data(), &claimed, sizeof(claimed));
                EXPECT_FALSE(decode_request(part).has_value()) << size;
            }
        }
    }
    const bytes whole = unhex(status_reply_hex);
    for (std::size_t size = 4; size < whole.size(); ++size) {
        bytes part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
        const auto claimed = static_cast<std::uint32_t>(size);
        std::memcpy(part.data(), &claimed, sizeof(claimed));
        EXPECT_FALSE(decode_reply(part).has_value()) << size;
    }
}

TEST(EventProtocol, EveryFlippedBitIsRefusedOrReadsAsSomethingThatEncodesAgain) {
    const bytes whole = unhex(status_reply_hex);
    for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
        bytes flipped = whole;
        flipped[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
        if (const auto got = decode_reply(flipped)) {
            EXPECT_TRUE(decode_reply(encode(*got)).has_value()) << bit;
        }
    }
}

TEST(EventProtocol, AHugeCountAllocatesNothing) {
    bytes packet = unhex("1c000000000000000700000002000000000000000000000000000000");
    const std::uint32_t count = 0x7FFFFFFF;
    std::memcpy(packet.data() + 24, &count, sizeof(count));
    EXPECT_FALSE(decode_reply(packet).has_value());
}

TEST(EventProtocol, UnknownCommandsAndTrailingBytesAreRefused) {
    bytes unknown = unhex(status_hex);
    unknown[12] = std::byte{4};
    EXPECT_EQ(decode_request(unknown).error().code, EINVAL);
    bytes longer = unhex(status_hex);
    longer.push_back(std::byte{0});
    longer[0] = std::byte{0x28};
    EXPECT_EQ(decode_request(longer).error().code, EBADMSG);
}

TEST(EventProtocol, ATextMustEndInItsOnlyNul) {
    bytes packet = unhex(status_hex);
    packet[22] = std::byte{0}; // inside "legacy"
    EXPECT_FALSE(decode_request(packet).has_value());
    packet = unhex(status_hex);
    packet.back() = std::byte{'x'};
    EXPECT_FALSE(decode_request(packet).has_value());
}

} // namespace
} // namespace ctdb::event
