#include "tests/unit/common/protocol/recode.hpp"

#include "common/protocol/control_list.hpp"
#include "common/protocol/messages.hpp"
#include "common/protocol/packet.hpp"

#include <algorithm>
#include <array>

namespace ctdb::protocol::test {
namespace {

using recode_function = result<bytes> (*)(byte_view);

template <class T>
result<bytes> recode(byte_view payload) {
    const auto value = decode<T>(payload);
    if (!value) {
        return pass(value);
    }
    return encode(*value);
}

template <class Control>
result<bytes> recode_request_of(byte_view payload) {
    const auto value = decode_request<Control>(payload);
    if (!value) {
        return pass(value);
    }
    return encode_request<Control>(*value);
}

template <class Control>
result<bytes> recode_reply_of(byte_view payload) {
    if constexpr (Control::answers_by_status) {
        return recode<none>(payload);
    } else {
        return recode<typename Control::reply>(payload);
    }
}

struct control_functions {
    recode_function request = nullptr;
    recode_function reply = nullptr;
};

template <class... Controls>
std::array<control_functions, opcode_count> control_table(const std::tuple<Controls...>*) {
    std::array<control_functions, opcode_count> table{};
    ((table[Controls::opcode] = {&recode_request_of<Controls>, &recode_reply_of<Controls>}), ...);
    return table;
}

const std::array<control_functions, opcode_count>& controls() {
    static const auto table = control_table(static_cast<const all_controls*>(nullptr));
    return table;
}

template <class Message>
bool is_address_of(srvid address) {
    if (Message::address == srvids::recovery) {
        return srvid_name(address) == "RECOVERY";
    }
    return Message::address == address;
}

template <class... Messages>
recode_function find_message(srvid address, const std::tuple<Messages...>*) {
    recode_function found = &recode<raw_bytes>;
    ((is_address_of<Messages>(address) ? void(found = &recode<typename Messages::payload>) : void()
     ),
     ...);
    return found;
}

struct named_type {
    std::string_view name;
    recode_function function;
};

constexpr named_type types[] = {
    {"latency_counter", &recode<latency_counter>},
    {"statistics", &recode<statistics>},
    {"statistics_list", &recode<statistics_list>},
    {"db_statistics", &recode<db_statistics>},
    {"vnn_map", &recode<vnn_map>},
    {"dbid", &recode<dbid>},
    {"dbid_map", &recode<dbid_map>},
    {"pulldb", &recode<pulldb>},
    {"pulldb_ext", &recode<pulldb_ext>},
    {"db_vacuum", &recode<db_vacuum>},
    {"echo_data", &recode<echo_data>},
    {"ltdb_header", &recode<record_header>},
    {"traverse_start", &recode<traverse_start>},
    {"traverse_all", &recode<traverse_all>},
    {"traverse_start_ext", &recode<traverse_start_ext>},
    {"traverse_all_ext", &recode<traverse_all_ext>},
    {"connection", &recode<connection>},
    {"connection_list", &recode<connection_list>},
    {"tunable", &recode<tunable>},
    {"node_flag_change", &recode<node_flag_change>},
    {"tunable_list", &recode<tunable_list>},
    {"tickle_list", &recode<tickle_list>},
    {"addr_info", &recode<addr_info>},
    {"transdb", &recode<transdb>},
    {"uptime", &recode<uptime>},
    {"public_ip", &recode<public_ip>},
    {"public_ip_list", &recode<public_ip_list>},
    {"node_and_flags", &recode<node_and_flags>},
    {"node_map", &recode<node_map>},
    {"script", &recode<script>},
    {"script_list", &recode<script_list>},
    {"ban_state", &recode<ban_state>},
    {"notify_data", &recode<notify_data>},
    {"iface", &recode<iface>},
    {"iface_list", &recode<iface_list>},
    {"public_ip_info", &recode<public_ip_info>},
    {"key_data", &recode<key_data>},
    {"pid_srvid", &recode<pid_srvid>},
    {"election_message", &recode<election_message>},
    {"srvid_message", &recode<srvid_message>},
    {"disable_message", &recode<disable_message>},
    {"server_id", &recode<server_id>},
    {"g_lock", &recode<g_lock>},
    {"g_lock_list", &recode<g_lock_list>},
    {"push_record_data", &recode<pushed_record>},
    {"rec_data", &recode<marshalled_record>},
    {"rec_buffer", &recode<record_buffer>},
    {"var_list", &recode<var_list>},
    {"string", &recode<std::string>},
    {"sockaddr", &recode<sock_addr>},
};

result<bytes>
call_control(std::uint32_t opcode, recode_function control_functions::*which, byte_view data) {
    if (!is_live(opcode)) {
        return fail(EOPNOTSUPP, "opcode {} is not live", opcode);
    }
    return (controls()[opcode].*which)(data);
}

} // namespace

result<bytes> recode_request(std::uint32_t opcode, byte_view payload) {
    return call_control(opcode, &control_functions::request, payload);
}

result<bytes> recode_reply(std::uint32_t opcode, byte_view payload) {
    return call_control(opcode, &control_functions::reply, payload);
}

result<bytes> recode_message(srvid address, byte_view payload) {
    return find_message(address, static_cast<const all_messages*>(nullptr))(payload);
}

result<bytes> recode_packet(byte_view packet) {
    const auto decoded = decode_packet(packet);
    if (!decoded) {
        return pass(decoded);
    }
    if (const auto* const control = std::get_if<req_control>(&decoded->body)) {
        static_cast<void>(recode_request(control->opcode, control->data));
    } else if (const auto* const sent = std::get_if<req_message>(&decoded->body)) {
        static_cast<void>(recode_message(sent->srvid, sent->data));
    }
    return encode(decoded->header, decoded->body, framing::exact);
}

result<bytes> recode_type(std::string_view type, byte_view payload) {
    const auto* const found =
        std::find_if(std::begin(types), std::end(types), [type](const auto& one) {
            return one.name == type;
        });
    if (found == std::end(types)) {
        return fail(ENOENT, "no type {}", type);
    }
    return found->function(payload);
}

std::vector<std::string_view> type_names() {
    std::vector<std::string_view> names;
    for (const named_type& one : types) {
        names.push_back(one.name);
    }
    return names;
}

} // namespace ctdb::protocol::test
