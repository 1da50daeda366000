#include "common/protocol/messages.hpp"

namespace ctdb::protocol {
namespace {

struct named {
    srvid address;
    std::string_view name;
};

constexpr named exact[] = {
    {srvids::all, "ALL"},
    {srvids::banning, "BANNING"},
    {srvids::election, "ELECTION"},
    {srvids::leader, "LEADER"},
    {srvids::reconfigure, "RECONFIGURE"},
    {srvids::release_ip, "RELEASE_IP"},
    {srvids::take_ip, "TAKE_IP"},
    {srvids::ip_reallocated, "IPREALLOCATED"},
    {srvids::start_ip_reallocate, "START_IPREALLOCATE"},
    {srvids::set_node_flags, "SET_NODE_FLAGS"},
    {srvids::recd_update_ip, "RECD_UPDATE_IP"},
    {srvids::vacuum_fetch, "VACUUM_FETCH"},
    {srvids::detach_database, "DETACH_DATABASE"},
    {srvids::mem_dump, "MEM_DUMP"},
    {srvids::getlog, "GETLOG"},
    {srvids::clearlog, "CLEARLOG"},
    {srvids::push_node_flags, "PUSH_NODE_FLAGS"},
    {srvids::reload_nodes, "RELOAD_NODES"},
    {srvids::takeover_run, "TAKEOVER_RUN"},
    {srvids::rebalance_node, "REBALANCE_NODE"},
    {srvids::disable_takeover_runs, "DISABLE_TAKEOVER_RUNS"},
    {srvids::disable_recoveries, "DISABLE_RECOVERIES"},
    {srvids::disable_ip_check, "DISABLE_IP_CHECK"},
    {srvids::samba_notify, "SAMBA_NOTIFY"},
};

struct range {
    std::uint64_t mask;
    std::uint64_t value;
    std::string_view name;
};

constexpr std::uint64_t top_byte = 0xFF00000000000000;

constexpr range ranges[] = {
    {0xFFFF000000000000, srvids::recovery.value, "RECOVERY"},
    {top_byte, srvids::samba_notify.value, "SAMBA_RANGE"},
    {top_byte, 0xEE00000000000000, "NFSD_RANGE"},
    {top_byte, 0xDE00000000000000, "ISCSID_RANGE"},
    {top_byte, srvids::tool_range.value, "TOOL_RANGE"},
    {top_byte, srvids::client_range.value, "CLIENT_RANGE"},
    {top_byte, srvids::test_range.value, "TEST_RANGE"},
    {top_byte, srvids::server_range.value, "SERVER_RANGE"},
    {0xFFFFFFFF00000000, 0, "PID_RANGE"},
};

} // namespace

std::string_view srvid_name(srvid address) noexcept {
    for (const named& one : exact) {
        if (one.address == address) {
            return one.name;
        }
    }
    for (const range& one : ranges) {
        if ((address.value & one.mask) == one.value) {
            return one.name;
        }
    }
    return "UNIQUE_ID";
}

} // namespace ctdb::protocol
