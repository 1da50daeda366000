#include "tests/unit/common/protocol/json_payload.hpp"

#include "common/protocol/codec.hpp"

#include <map>

namespace ctdb::protocol::test {

void fill(const json& value, sock_addr& address) {
    const auto ip = parse_ip(value.at("addr").get<std::string>());
    if (!ip) {
        throw std::runtime_error(ip.error().what);
    }
    address = with_port(*ip, value.at("port").get<std::uint16_t>());
    if (auto* const v6 = std::get_if<ipv6_address>(&address.ip)) {
        v6->flow_info = value.at("flowinfo").get<std::uint32_t>();
        v6->scope_id = value.at("scope_id").get<std::uint32_t>();
    }
}

void fill(const json& value, std::string& text) {
    text = value.get<std::string>();
}

void fill(const json& value, marshalled_record& record) {
    fill(value.at("reqid"), record.reqid);
    record.key = bytes_of(value.at("key"));
    record.data = bytes_of(value.at("data"));
    if (!value.at("header").is_null()) {
        record_header header;
        fill(value.at("header"), header);
        record.data = join_header(header, record.data);
    }
}

void fill(const json& value, record_buffer& buffer) {
    fill(value.at("db_id"), buffer.db_id);
    for (const json& record : value.at("records")) {
        fill(record, buffer.records.emplace_back());
    }
}

void fill(const json& value, tunable_list& list) {
    if (value.size() != tunable_count) {
        throw std::runtime_error("tunable_list of another size");
    }
    std::size_t slot = 0;
    for (const json& number : value) {
        fill(number, list.values.at(slot++));
    }
}

void fill(const json& value, var_list& list) {
    list.names = value.at("var").get<std::vector<std::string>>();
}

void fill(const json& value, g_lock_list& list) {
    for (const json& lock : value.at("lock")) {
        fill(lock, list.locks.emplace_back());
    }
}

void fill(const json& value, db_statistics& stats) {
    json_archive archive(value);
    layout<db_statistics>::describe(archive, stats);
    archive.finish({"hot_keys"});
    std::size_t i = 0;
    for (const json& hot : value.at("hot_keys")) {
        fill(hot.at("count"), stats.hot_keys.at(i).count);
        stats.hot_keys.at(i++).key = bytes_of(hot.at("key"));
    }
}

namespace {

struct json_kind {
    bytes (*encode)(const json&);
    bool (*matches)(const json&, byte_view);
};

template <class T>
T value_of(const json& fields) {
    T value{};
    fill(fields, value);
    return value;
}

template <class T>
bytes encode_as(const json& fields) {
    return encode(value_of<T>(fields));
}

template <class T>
bool matches_as(const json& fields, byte_view wire) {
    const auto decoded = decode<T>(wire);
    return decoded && *decoded == value_of<T>(fields);
}

template <class T>
constexpr json_kind kind{&encode_as<T>, &matches_as<T>};

const std::map<std::string_view, json_kind>& kinds() {
    static const std::map<std::string_view, json_kind> all{
        {"latency_counter", kind<latency_counter>},
        {"statistics", kind<statistics>},
        {"statistics_list", kind<statistics_list>},
        {"db_statistics", kind<db_statistics>},
        {"vnn_map", kind<vnn_map>},
        {"dbid", kind<dbid>},
        {"dbid_map", kind<dbid_map>},
        {"pulldb", kind<pulldb>},
        {"pulldb_ext", kind<pulldb_ext>},
        {"db_vacuum", kind<db_vacuum>},
        {"echo_data", kind<echo_data>},
        {"ltdb_header", kind<record_header>},
        {"traverse_start", kind<traverse_start>},
        {"traverse_all", kind<traverse_all>},
        {"traverse_start_ext", kind<traverse_start_ext>},
        {"traverse_all_ext", kind<traverse_all_ext>},
        {"connection", kind<connection>},
        {"connection_list", kind<connection_list>},
        {"tunable", kind<tunable>},
        {"node_flag_change", kind<node_flag_change>},
        {"tunable_list", kind<tunable_list>},
        {"tickle_list", kind<tickle_list>},
        {"addr_info", kind<addr_info>},
        {"transdb", kind<transdb>},
        {"uptime", kind<uptime>},
        {"public_ip", kind<public_ip>},
        {"public_ip_list", kind<public_ip_list>},
        {"node_and_flags", kind<node_and_flags>},
        {"node_map", kind<node_map>},
        {"script", kind<script>},
        {"script_list", kind<script_list>},
        {"ban_state", kind<ban_state>},
        {"notify_data", kind<notify_data>},
        {"iface", kind<iface>},
        {"iface_list", kind<iface_list>},
        {"public_ip_info", kind<public_ip_info>},
        {"key_data", kind<key_data>},
        {"pid_srvid", kind<pid_srvid>},
        {"election_message", kind<election_message>},
        {"srvid_message", kind<srvid_message>},
        {"disable_message", kind<disable_message>},
        {"server_id", kind<server_id>},
        {"g_lock", kind<g_lock>},
        {"g_lock_list", kind<g_lock_list>},
        {"push_record_data", kind<pushed_record>},
        {"rec_data", kind<marshalled_record>},
        {"rec_buffer", kind<record_buffer>},
        {"var_list", kind<var_list>},
        {"u32", kind<std::uint32_t>},
        {"i32", kind<std::int32_t>},
        {"u64", kind<std::uint64_t>},
        {"f64", kind<double>},
        {"u32_pad4", kind<padded_db_id>},
        {"sockaddr", kind<sock_addr>},
        {"string", kind<std::string>},
        {"strn", kind<tunable_name>},
    };
    return all;
}

} // namespace

bool knows_type(std::string_view type) {
    return type.empty() || type == "raw" || type == "string_nonul" || kinds().contains(type);
}

bytes encode_fields(std::string_view type, const json& fields) {
    if (type.empty() || fields.is_null()) {
        return {};
    }
    if (type == "raw") {
        return encode(raw_bytes{bytes_of(fields)});
    }
    if (type == "string_nonul") {
        return encode(plain_text{fields.get<std::string>()});
    }
    return kinds().at(type).encode(fields);
}

bool decodes_to_fields(std::string_view type, const json& fields, byte_view wire) {
    if (type.empty() || fields.is_null()) {
        return wire.empty();
    }
    if (type == "raw") {
        return decode<raw_bytes>(wire) == raw_bytes{bytes_of(fields)};
    }
    if (type == "string_nonul") {
        return decode<plain_text>(wire) == plain_text{fields.get<std::string>()};
    }
    return kinds().at(type).matches(fields, wire);
}

} // namespace ctdb::protocol::test
