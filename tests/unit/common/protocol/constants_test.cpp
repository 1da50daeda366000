#include "common/protocol/constants.hpp"
#include "common/protocol/messages.hpp"
#include "common/protocol/srvids.hpp"

#include <gtest/gtest.h>

namespace ctdb::protocol {
namespace {

TEST(NodeFlags, InactiveIsDisconnectedBannedDeletedOrStopped) {
    EXPECT_EQ(inactive_mask.value, 0x39U);
    EXPECT_EQ(disabled_mask.value, 0x06U);
    EXPECT_FALSE(is_inactive(node_flag::unhealthy));
    EXPECT_TRUE(is_inactive(node_flag::unhealthy | node_flag::banned));
    EXPECT_TRUE(is_disabled(node_flag::permanently_disabled));
    EXPECT_TRUE(is_connected(node_flags{}));
    EXPECT_FALSE(is_connected(node_flag::deleted));
}

TEST(FlagSet, SetsClearsAndKeepsUnknownBits) {
    node_flags flags{0x8000'0001U};
    EXPECT_TRUE(flags.has(node_flag::disconnected));
    flags.set(node_flag::stopped);
    EXPECT_EQ(flags.value, 0x8000'0021U);
    flags.clear(node_flag::disconnected | node_flag::banned);
    EXPECT_EQ(flags.value, 0x8000'0020U);
    EXPECT_FALSE(flags.has(node_flag::stopped | node_flag::banned));
    EXPECT_TRUE(flags.has_any(node_flag::stopped | node_flag::banned));
    EXPECT_EQ(flags.without(flags), node_flags{});
    EXPECT_TRUE(node_flags{}.none());
}

TEST(Constants, HaveTheirWireValues) {
    EXPECT_EQ(upstream_capabilities.value, 0x00030003U);
    EXPECT_EQ(readonly_mask.value, 0x0F000000U);
    EXPECT_EQ(
        (tdb_flag::clear_if_first | tdb_flag::nosync | tdb_flag::disallow_nesting |
         tdb_flag::incompatible_hash | tdb_flag::mutex_locking)
            .value,
        0x1C41
    );
    EXPECT_EQ(release_version(4, 17), 0x00040011U);
    EXPECT_TRUE(is_volatile(db_flag::readonly | db_flag::sticky));
    EXPECT_FALSE(is_volatile(db_flag::replicated));
    EXPECT_TRUE(is_broadcast(broadcast_active));
    EXPECT_FALSE(is_broadcast(current_node));
    EXPECT_FALSE(is_broadcast(multicast));
}

TEST(Srvids, AnswersOfToolAndDaemonHaveTheirForm) {
    EXPECT_EQ(srvids::tool_answer(0x12345678, 3).value, 0xCE01000056780003U);
    EXPECT_EQ(srvids::shutdown_answer(pnn{2}).value, 0x9E00000200000000U);
    EXPECT_EQ(srvids::process(4711).value, 4711U);
}

TEST(Srvids, AreNamedExactlyAndByRange) {
    EXPECT_EQ(srvid_name(srvids::leader), "LEADER");
    EXPECT_EQ(srvid_name(srvid{0xF001000000000007}), "RECOVERY");
    EXPECT_EQ(srvid_name(srvids::samba_notify), "SAMBA_NOTIFY");
    EXPECT_EQ(srvid_name(srvids::samba_process), "SAMBA_RANGE");
    EXPECT_EQ(srvid_name(srvid{1234}), "PID_RANGE");
    EXPECT_EQ(srvid_name(srvid{0x123456789ABCDEF0}), "UNIQUE_ID");
}

} // namespace
} // namespace ctdb::protocol
