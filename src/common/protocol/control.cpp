#include "common/protocol/control.hpp"

#include "common/protocol/control_list.hpp"

#include <array>

namespace ctdb::protocol {
namespace {

struct former_name {
    std::uint32_t opcode;
    std::string_view name;
};

// wire-protocol.md 3.3; numbers that never carried a name are left out.
constexpr former_name retired[] = {
    {10, "GET_NODEMAPv4"},
    {11, "SET_DMASTER"},
    {13, "PULL_DB"},
    {14, "PUSH_DB"},
    {19, "SET_CALL"},
    {31, "GET_RECMASTER"},
    {32, "SET_RECMASTER"},
    {34, "THAW"},
    {37, "GET_MONMODE"},
    {42, "TAKEOVER_IPv4"},
    {43, "RELEASE_IPv4"},
    {51, "GET_PUBLIC_IPSv4"},
    {54, "KILL_TCP"},
    {57, "REGISTER_SERVER_ID"},
    {58, "UNREGISTER_SERVER_ID"},
    {59, "CHECK_SERVER_ID"},
    {60, "GET_SERVER_ID_LIST"},
    {62, "PERSISTENT_STORE"},
    {65, "TRANSACTION_START"},
    {66, "TRANSACTION_COMMIT"},
    {75, "ENABLE_MONITOR"},
    {76, "DISABLE_MONITOR"},
    {79, "RUN_EVENTSCRIPTS"},
    {81, "START_PERSISTENT_UPDATE"},
    {82, "CANCEL_PERSISTENT_UPDATE"},
    {83, "TRANS2_COMMIT"},
    {84, "TRANS2_FINISHED"},
    {85, "TRANS2_ERROR"},
    {86, "TRANS2_COMMIT_RETRY"},
    {96, "GET_EVENT_SCRIPT_STATUS"},
    {100, "SET_RECLOCK_FILE"},
    {103, "SET_NATGWSTATE"},
    {107, "ENABLE_SCRIPT"},
    {108, "DISABLE_SCRIPT"},
    {111, "SET_DB_PRIORITY"},
    {112, "GET_DB_PRIORITY"},
    {113, "TRANSACTION_CANCEL"},
    {116, "TRANS2_ACTIVE"},
    {117, "GET_LOG"},
    {118, "CLEAR_LOG"},
    {130, "CHECK_SRVIDS"},
    {136, "RECEIVE_RECORDS"},
};

constexpr std::string_view unknown = "UNKNOWN";

using table_type = std::array<control_info, opcode_count>;

template <class... Controls>
constexpr void add_live(table_type& table, const std::tuple<Controls...>*) {
    ((table[Controls::opcode] =
          {Controls::opcode,
           Controls::name,
           Controls::owned_by,
           Controls::takes_srvid,
           true,
           Controls::size_min}),
     ...);
}

constexpr table_type make_table() {
    table_type table{};
    for (std::uint32_t i = 0; i < opcode_count; ++i) {
        table[i].opcode = i;
        table[i].name = unknown;
    }
    for (const former_name& former : retired) {
        table[former.opcode].name = former.name;
    }
    add_live(table, static_cast<const all_controls*>(nullptr));
    return table;
}

constexpr table_type table = make_table();

} // namespace

control_info find_control(std::uint32_t opcode) noexcept {
    return opcode < opcode_count ? table[opcode]
                                 : control_info{opcode, unknown, owner::ctdbd, false, false, 0};
}

std::string_view opcode_name(std::uint32_t opcode) noexcept {
    return find_control(opcode).name;
}

bool is_live(std::uint32_t opcode) noexcept {
    return find_control(opcode).live;
}

bool is_retired(std::uint32_t opcode) noexcept {
    return !is_live(opcode);
}

owner owner_of(std::uint32_t opcode) noexcept {
    return find_control(opcode).owned_by;
}

} // namespace ctdb::protocol
