#include "common/protocol/control_list.hpp"

#include <set>

#include <gtest/gtest.h>

namespace ctdb::protocol {
namespace {

template <class... Controls>
std::set<std::uint32_t> opcodes(const std::tuple<Controls...>*) {
    return {Controls::opcode...};
}

TEST(Controls, AreAllThereOnce) {
    EXPECT_EQ(std::tuple_size_v<all_controls>, 107U);
    EXPECT_EQ(opcodes(static_cast<const all_controls*>(nullptr)).size(), 107U);
}

TEST(Controls, AreFoundByOpcode) {
    EXPECT_EQ(opcode_name(91), "GET_NODEMAP");
    EXPECT_EQ(opcode_name(83), "TRANS2_COMMIT");
    EXPECT_EQ(opcode_name(2), "UNKNOWN");
    EXPECT_EQ(opcode_name(163), "UNKNOWN");
    EXPECT_EQ(opcode_name(0xFFFFFFFF), "UNKNOWN");
    EXPECT_TRUE(is_live(162));
    EXPECT_TRUE(is_retired(81));
    EXPECT_TRUE(is_retired(0xFFFFFFFF));
    EXPECT_TRUE(find_control(23).takes_srvid);
}

TEST(Controls, BelongToTheDaemonOfTheirSubject) {
    std::set<std::uint32_t> failoverd;
    std::set<std::uint32_t> contrackd;
    for (std::uint32_t opcode = 0; opcode < 200; ++opcode) {
        if (owner_of(opcode) == owner::failoverd) {
            failoverd.insert(opcode);
        } else if (owner_of(opcode) == owner::contrackd) {
            contrackd.insert(opcode);
        }
    }
    EXPECT_EQ(
        failoverd, (std::set<std::uint32_t>{64, 77, 78, 88, 89, 90, 123, 124, 125, 134, 137, 161})
    );
    EXPECT_EQ(contrackd, (std::set<std::uint32_t>{44, 45, 46, 55, 56, 126, 159, 160}));
}

TEST(Controls, IgnoredPayloadIsNotLookedAt) {
    EXPECT_TRUE(decode_request<controls::get_pnn>(bytes(5)));
    EXPECT_FALSE(decode_request<controls::get_node_map>(bytes(5)));
}

// The daemon's own size rule is stricter than the type (3.2: 48, 49).
TEST(Controls, TunableRequestsHaveASmallestSize) {
    EXPECT_FALSE(decode_request<controls::get_tunable>(encode(tunable_name{"A"})));
    EXPECT_TRUE(decode_request<controls::get_tunable>(encode(tunable_name{"AbC"})));
    EXPECT_FALSE(decode_request<controls::set_tunable>(encode(tunable{1, "Ab"})));
    EXPECT_TRUE(decode_request<controls::set_tunable>(encode(tunable{1, "AbC"})));
}

TEST(Controls, HealthAndLockSettingMayBeNothing) {
    EXPECT_EQ(decode_reply<controls::db_get_health>({}).value(), std::nullopt);
    EXPECT_EQ(encode_reply<controls::get_lock_setting>(std::nullopt).size(), 0U);
    const auto reason =
        decode_reply<controls::db_get_health>(view_of(std::string_view("bad\0", 4)));
    EXPECT_EQ(reason.value(), "bad");
}

} // namespace
} // namespace ctdb::protocol
