// Every live control, declared once (wire-protocol.md 3.2). Names: ours in snake_case, the wire's
// in `name`.
//
// In namespace controls because some share their name with the type they carry.
#pragma once

#include "common/protocol/control.hpp"
#include "common/protocol/types_address.hpp"
#include "common/protocol/types_database.hpp"
#include "common/protocol/types_membership.hpp"
#include "common/protocol/types_record.hpp"
#include "common/protocol/types_statistics.hpp"
#include "common/protocol/types_tunable.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace ctdb::protocol::controls {

using text_name = std::string_view;

inline constexpr control_traits by_failoverd{.owned_by = owner::failoverd};
inline constexpr control_traits by_contrackd{.owned_by = owner::contrackd};
inline constexpr control_traits payload_ignored{.any_payload = true};
inline constexpr control_traits srvid_only{.takes_srvid = true, .any_payload = true};
inline constexpr control_traits at_least_12{.size_min = 12};
inline constexpr control_traits at_least_8{.size_min = 8};

// ---- Daemon and node ----

struct process_exists : control<0, std::int32_t, status_value> {
    static constexpr text_name name = "PROCESS_EXISTS";
};
struct get_statistics : control<1, none, statistics> {
    static constexpr text_name name = "STATISTICS";
};
struct ping : control<3, none, status_value> {
    static constexpr text_name name = "PING";
};
struct get_debug : control<7, none, std::int32_t> {
    static constexpr text_name name = "GET_DEBUG";
};
struct set_debug : control<8, std::int32_t, none> {
    static constexpr text_name name = "SET_DEBUG";
};
struct reset_statistics : control<17, none, none> {
    static constexpr text_name name = "STATISTICS_RESET";
};
struct dump_memory : control<29, none, plain_text> {
    static constexpr text_name name = "DUMP_MEMORY";
};
struct get_pid : control<30, none, status_value, payload_ignored> {
    static constexpr text_name name = "GET_PID";
};
struct get_pnn : control<35, none, status_value, payload_ignored> {
    static constexpr text_name name = "GET_PNN";
};
struct shutdown : control<36, none, none, payload_ignored> {
    static constexpr text_name name = "SHUTDOWN";
};
struct get_uptime : control<69, none, uptime, payload_ignored> {
    static constexpr text_name name = "UPTIME";
};
struct get_stat_history : control<127, none, statistics_list> {
    static constexpr text_name name = "GET_STAT_HISTORY";
};
struct get_run_state : control<138, none, run_state> {
    static constexpr text_name name = "GET_RUNSTATE";
};
struct echo : control<156, echo_data, echo_data> {
    static constexpr text_name name = "ECHO_DATA";
};

// ---- Tunables ----

struct set_tunable : control<48, tunable, none, at_least_12> {
    static constexpr text_name name = "SET_TUNABLE";
};
struct get_tunable : control<49, tunable_name, std::uint32_t, at_least_8> {
    static constexpr text_name name = "GET_TUNABLE";
};
struct list_tunables : control<50, none, var_list, payload_ignored> {
    static constexpr text_name name = "LIST_TUNABLES";
};
struct get_all_tunables : control<53, none, tunable_list> {
    static constexpr text_name name = "GET_ALL_TUNABLES";
};

// ---- Membership, leadership, recovery mode ----

struct get_vnn_map : control<5, none, vnn_map> {
    static constexpr text_name name = "GETVNNMAP";
};
struct set_vnn_map : control<6, vnn_map, none> {
    static constexpr text_name name = "SETVNNMAP";
};
struct get_recovery_mode : control<15, none, status_value, payload_ignored> {
    static constexpr text_name name = "GET_RECMODE";
};
struct set_recovery_mode : control<16, recovery_mode, none> {
    static constexpr text_name name = "SET_RECMODE";
};
struct freeze : control<33, none, none> {
    static constexpr text_name name = "FREEZE";
};
struct startup : control<47, none, none> {
    static constexpr text_name name = "STARTUP";
};
struct modify_flags : control<52, node_flag_change, none> {
    static constexpr text_name name = "MODIFY_FLAGS";
};
struct start_recovery : control<70, none, none, payload_ignored> {
    static constexpr text_name name = "START_RECOVERY";
};
struct end_recovery : control<71, none, none, payload_ignored> {
    static constexpr text_name name = "END_RECOVERY";
};
struct reload_nodes_file : control<72, none, none> {
    static constexpr text_name name = "RELOAD_NODES_FILE";
};
struct get_capabilities : control<80, none, capabilities, payload_ignored> {
    static constexpr text_name name = "GET_CAPABILITIES";
};
struct recd_ping : control<87, none, none> {
    static constexpr text_name name = "RECD_PING";
};
struct get_node_map : control<91, none, node_map> {
    static constexpr text_name name = "GET_NODEMAP";
};
struct report_lock_latency : control<98, double, none> {
    static constexpr text_name name = "RECD_RECLOCK_LATENCY";
};
struct get_lock_setting : control<99, none, std::optional<std::string>> {
    static constexpr text_name name = "GET_RECLOCK_FILE";
};
struct stop_node : control<101, none, none> {
    static constexpr text_name name = "STOP_NODE";
};
struct continue_node : control<102, none, none> {
    static constexpr text_name name = "CONTINUE_NODE";
};
struct set_lmaster_role : control<104, std::uint32_t, none> {
    static constexpr text_name name = "SET_LMASTERROLE";
};
struct set_leader_role : control<105, std::uint32_t, none> {
    static constexpr text_name name = "SET_RECMASTERROLE";
};
struct set_ban_state : control<109, ban_state, none> {
    static constexpr text_name name = "SET_BAN_STATE";
};
struct get_ban_state : control<110, none, ban_state> {
    static constexpr text_name name = "GET_BAN_STATE";
};
struct get_nodes_file : control<140, none, node_map> {
    static constexpr text_name name = "GET_NODES_FILE";
};
struct disable_node : control<157, none, none> {
    static constexpr text_name name = "DISABLE_NODE";
};
struct enable_node : control<158, none, none> {
    static constexpr text_name name = "ENABLE_NODE";
};

// ---- Messages, notifications, tunnels, processes ----

struct register_srvid : control<23, none, none, srvid_only> {
    static constexpr text_name name = "REGISTER_SRVID";
};
struct deregister_srvid : control<24, none, none, srvid_only> {
    static constexpr text_name name = "DEREGISTER_SRVID";
};
struct register_notify : control<114, notify_data, none> {
    static constexpr text_name name = "REGISTER_NOTIFY";
};
struct deregister_notify : control<115, srvid, none> {
    static constexpr text_name name = "DEREGISTER_NOTIFY";
};
struct check_pid_srvid : control<151, pid_srvid, status_value> {
    static constexpr text_name name = "CHECK_PID_SRVID";
};
struct register_tunnel : control<152, none, none, srvid_only> {
    static constexpr text_name name = "TUNNEL_REGISTER";
};
struct deregister_tunnel : control<153, none, none, srvid_only> {
    static constexpr text_name name = "TUNNEL_DEREGISTER";
};

// ---- Databases ----

struct get_db_path : control<4, db_id, std::string> {
    static constexpr text_name name = "GETDBPATH";
};
struct get_db_map : control<9, none, dbid_map> {
    static constexpr text_name name = "GET_DBMAP";
};
struct db_attach : control<18, std::string, db_id> {
    static constexpr text_name name = "DB_ATTACH";
};
struct get_db_name : control<25, db_id, std::string> {
    static constexpr text_name name = "GET_DBNAME";
};
struct enable_seqnum : control<26, db_id, none> {
    static constexpr text_name name = "ENABLE_SEQNUM";
};
struct update_seqnum : control<27, db_id, none> {
    static constexpr text_name name = "UPDATE_SEQNUM";
};
struct db_attach_persistent : control<61, std::string, db_id> {
    static constexpr text_name name = "DB_ATTACH_PERSISTENT";
};
struct get_db_seqnum : control<120, padded_db_id, std::uint64_t> {
    static constexpr text_name name = "GET_DB_SEQNUM";
};
struct db_set_healthy : control<121, db_id, none> {
    static constexpr text_name name = "DB_SET_HEALTHY";
};
struct db_get_health : control<122, db_id, std::optional<std::string>> {
    static constexpr text_name name = "DB_GET_HEALTH";
};
struct set_db_readonly : control<129, db_id, none> {
    static constexpr text_name name = "SET_DB_READONLY";
};
struct get_db_statistics : control<132, db_id, db_statistics> {
    static constexpr text_name name = "GET_DB_STATISTICS";
};
struct set_db_sticky : control<133, db_id, none> {
    static constexpr text_name name = "SET_DB_STICKY";
};
struct db_detach : control<139, db_id, none> {
    static constexpr text_name name = "DB_DETACH";
};
struct db_open_flags : control<149, db_id, tdb_flags> {
    static constexpr text_name name = "DB_OPEN_FLAGS";
};
struct db_attach_replicated : control<150, std::string, db_id> {
    static constexpr text_name name = "DB_ATTACH_REPLICATED";
};

// ---- Records, vacuuming, traverse ----

struct start_traverse : control<20, traverse_start, none> {
    static constexpr text_name name = "TRAVERSE_START";
};
struct traverse_node : control<21, traverse_all, none> {
    static constexpr text_name name = "TRAVERSE_ALL";
};
struct traverse_data : control<22, marshalled_record, none> {
    static constexpr text_name name = "TRAVERSE_DATA";
};
struct update_record : control<63, record_buffer, none> {
    static constexpr text_name name = "UPDATE_RECORD";
};
struct try_delete_records : control<74, record_buffer, record_buffer> {
    static constexpr text_name name = "TRY_DELETE_RECORDS";
};
struct kill_traverse : control<97, traverse_start, none> {
    static constexpr text_name name = "TRAVERSE_KILL";
};
struct trans3_commit : control<119, record_buffer, none> {
    static constexpr text_name name = "TRANS3_COMMIT";
};
struct schedule_for_deletion : control<128, key_data, none> {
    static constexpr text_name name = "SCHEDULE_FOR_DELETION";
};
struct start_traverse_ext : control<131, traverse_start_ext, none> {
    static constexpr text_name name = "TRAVERSE_START_EXT";
};
struct traverse_node_ext : control<135, traverse_all_ext, none> {
    static constexpr text_name name = "TRAVERSE_ALL_EXT";
};
struct vacuum_fetch : control<154, record_buffer, none> {
    static constexpr text_name name = "VACUUM_FETCH";
};
struct vacuum_db : control<155, db_vacuum, none> {
    static constexpr text_name name = "DB_VACUUM";
};
struct push_record : control<162, pushed_record, none> {
    static constexpr text_name name = "PUSH_RECORD";
};

// ---- Recovery of databases ----

struct wipe_database : control<67, transdb, none> {
    static constexpr text_name name = "WIPE_DATABASE";
};
struct db_freeze : control<141, db_id, none> {
    static constexpr text_name name = "DB_FREEZE";
};
struct db_thaw : control<142, db_id, none> {
    static constexpr text_name name = "DB_THAW";
};
struct db_transaction_start : control<143, transdb, none> {
    static constexpr text_name name = "DB_TRANSACTION_START";
};
struct db_transaction_commit : control<144, transdb, none> {
    static constexpr text_name name = "DB_TRANSACTION_COMMIT";
};
struct db_transaction_cancel : control<145, db_id, none> {
    static constexpr text_name name = "DB_TRANSACTION_CANCEL";
};
struct db_pull : control<146, pulldb_ext, std::uint32_t> {
    static constexpr text_name name = "DB_PULL";
};
struct db_push_start : control<147, pulldb_ext, none> {
    static constexpr text_name name = "DB_PUSH_START";
};
struct db_push_confirm : control<148, db_id, std::uint32_t> {
    static constexpr text_name name = "DB_PUSH_CONFIRM";
};

// ---- Public addresses ----

struct send_gratuitous_arp : control<64, addr_info, none, by_failoverd> {
    static constexpr text_name name = "SEND_GRATUITOUS_ARP";
};
struct add_public_ip : control<77, addr_info, none, by_failoverd> {
    static constexpr text_name name = "ADD_PUBLIC_IP";
};
struct del_public_ip : control<78, addr_info, none, by_failoverd> {
    static constexpr text_name name = "DEL_PUBLIC_IP";
};
struct release_ip : control<88, public_ip, none, by_failoverd> {
    static constexpr text_name name = "RELEASE_IP";
};
struct takeover_ip : control<89, public_ip, none, by_failoverd> {
    static constexpr text_name name = "TAKEOVER_IP";
};
struct get_public_ips : control<90, none, public_ip_list, by_failoverd> {
    static constexpr text_name name = "GET_PUBLIC_IPS";
};
struct get_public_ip_info : control<123, sock_addr, public_ip_info, by_failoverd> {
    static constexpr text_name name = "GET_PUBLIC_IP_INFO";
};
struct get_ifaces : control<124, none, iface_list, by_failoverd> {
    static constexpr text_name name = "GET_IFACES";
};
struct set_iface_link_state : control<125, iface, none, by_failoverd> {
    static constexpr text_name name = "SET_IFACE_LINK_STATE";
};
struct reload_public_ips : control<134, none, none, by_failoverd> {
    static constexpr text_name name = "RELOAD_PUBLIC_IPS";
};
struct ip_reallocated : control<137, none, none, by_failoverd> {
    static constexpr text_name name = "IPREALLOCATED";
};
struct start_ip_reallocate : control<161, none, none, by_failoverd> {
    static constexpr text_name name = "START_IPREALLOCATE";
};

// ---- TCP connections of public addresses ----

struct tcp_client : control<44, connection, none, by_contrackd> {
    static constexpr text_name name = "TCP_CLIENT";
};
struct tcp_add : control<45, connection, none, by_contrackd> {
    static constexpr text_name name = "TCP_ADD";
};
struct tcp_remove : control<46, connection, none, by_contrackd> {
    static constexpr text_name name = "TCP_REMOVE";
};
struct get_tcp_tickle_list : control<55, sock_addr, tickle_list, by_contrackd> {
    static constexpr text_name name = "GET_TCP_TICKLE_LIST";
};
struct set_tcp_tickle_list : control<56, tickle_list, none, by_contrackd> {
    static constexpr text_name name = "SET_TCP_TICKLE_LIST";
};
struct tcp_add_delayed_update : control<126, connection, none, by_contrackd> {
    static constexpr text_name name = "TCP_ADD_DELAYED_UPDATE";
};
struct tcp_client_disconnected : control<159, connection, none, by_contrackd> {
    static constexpr text_name name = "TCP_CLIENT_DISCONNECTED";
};
struct tcp_client_passed : control<160, connection, none, by_contrackd> {
    static constexpr text_name name = "TCP_CLIENT_PASSED";
};

} // namespace ctdb::protocol::controls
