#include "common/provider/messages.hpp"

#include "common/protocol/codec.hpp"

#include <array>
#include <tuple>
#include <type_traits>
#include <utility>

namespace ctdb::provider {

namespace {

constexpr std::size_t kinds = std::variant_size_v<message>;
static_assert(kinds == 19, "kinds are numbered by their place: add at the end only");

// The fields of each message in their order on the wire; one table for both directions.
template <class T>
struct tag {};

template <class M>
auto tied(M& m, tag<register_provider>) {
    return std::tie(m.version, m.name, m.pid, m.opcodes, m.srvids);
}
template <class M>
auto tied(M& m, tag<answer>) {
    return std::tie(m.status, m.data, m.text);
}
template <class M>
auto tied(M& m, tag<acknowledge>) {
    return std::tie(m.status, m.text);
}
template <class M>
auto tied(M& m, tag<set_health>) {
    return std::tie(m.healthy, m.reason);
}
template <class M>
auto tied(M& m, tag<publish_answer>) {
    return std::tie(m.opcode, m.data);
}
template <class M>
auto tied(M& m, tag<set_holding>) {
    return std::tie(m.count);
}
template <class M>
auto tied(M& m, tag<registered>) {
    return std::tie(m.status, m.text, m.self, m.heartbeat_ms, m.silence_limit_ms);
}
template <class M>
auto tied(M& m, tag<request>) {
    return std::tie(m.from.client, m.from.pid, m.from.node, m.flags, m.opcode, m.srvid, m.data);
}
template <class M>
auto tied(M& m, tag<deliver>) {
    return std::tie(m.srvid, m.from, m.data);
}
template <class M>
auto tied(M& m, tag<client_gone>) {
    return std::tie(m.client, m.pid);
}
template <class M>
auto tied(M& m, tag<node_map_changed>) {
    return std::tie(m.map, m.all_ours);
}
template <class M>
auto tied(M& m, tag<activity_changed>) {
    return std::tie(m.active, m.flags);
}
template <class M>
auto tied(M& m, tag<leader_changed>) {
    return std::tie(m.leader, m.epoch, m.lock_configured);
}
template <class M>
auto tied(M& m, tag<recovery_changed>) {
    return std::tie(m.in_recovery, m.generation);
}
template <class M>
auto tied(M& m, tag<run_state_changed>) {
    return std::tie(m.state);
}
template <class M>
auto tied(M&, tag<start_services>) {
    return std::tie();
}
template <class M>
auto tied(M& m, tag<shutting_down>) {
    return std::tie(m.phase);
}
template <class M>
auto tied(M& m, tag<tunables_changed>) {
    return std::tie(m.tunables);
}
template <class M>
auto tied(M& m, tag<heartbeat>) {
    return std::tie(m.lock_verified_ms);
}

template <class T>
constexpr bool is_scalar = requires(writer& w, reader& r, T& t) {
    protocol::codec<T>::put(w, t);
}
&&(std::is_arithmetic_v<T> || std::is_enum_v<T>);

template <class T>
constexpr bool is_wrapped = requires(T& t) {
    t.value;
}; // strong_id, flag_set

void put_sized(writer& out, byte_view content) {
    out.put(static_cast<std::uint32_t>(content.size()));
    out.put_bytes(content);
}

byte_view take_sized(reader& in) {
    return in.take(in.get<std::uint32_t>());
}

// Scalars as they are; text, bytes, lists and the protocol's own structures with their size in
// front.
template <class T>
void put_field(writer& out, const T& value) {
    if constexpr (is_scalar<T>) {
        protocol::codec<T>::put(out, value);
    } else if constexpr (is_wrapped<T>) {
        out.put(value.value);
    } else if constexpr (std::is_same_v<T, std::string>) {
        put_sized(out, view_of(value));
    } else if constexpr (std::is_same_v<T, bytes>) {
        put_sized(out, value);
    } else {
        put_sized(out, protocol::encode(value));
    }
}

template <class T>
void put_field(writer& out, const std::vector<T>& list) requires(!std::is_same_v<T, std::byte>) {
    out.put(static_cast<std::uint32_t>(list.size()));
    for (const T& item : list) {
        put_field(out, item);
    }
}

template <class T>
void get_field(reader& in, T& value) {
    if constexpr (is_scalar<T>) {
        protocol::codec<T>::get(in, value);
    } else if constexpr (is_wrapped<T>) {
        value.value = in.get<decltype(value.value)>();
    } else if constexpr (std::is_same_v<T, std::string>) {
        value = text_of(take_sized(in));
    } else if constexpr (std::is_same_v<T, bytes>) {
        value = to_bytes(take_sized(in));
    } else {
        auto decoded = protocol::decode<T>(take_sized(in));
        if (decoded) {
            value = std::move(*decoded);
        } else {
            in.reject();
        }
    }
}

template <class T>
void get_field(reader& in, std::vector<T>& list) requires(!std::is_same_v<T, std::byte>) {
    static_assert(opcodes_max == srvids_max);
    const auto count = in.get<std::uint32_t>();
    if (count > opcodes_max || count * sizeof(T) > in.remaining()) {
        in.reject();
        return;
    }
    list.resize(count);
    for (T& item : list) {
        get_field(in, item);
    }
}

template <class M>
void put_body(writer& out, const M& m) {
    std::apply([&out](const auto&... field) { (put_field(out, field), ...); }, tied(m, tag<M>{}));
}

template <class M>
message get_body(reader& in) {
    M m;
    std::apply([&in](auto&... field) { (get_field(in, field), ...); }, tied(m, tag<M>{}));
    return m;
}

template <std::size_t... Kind>
auto decoders(std::index_sequence<Kind...>) {
    using decoder = message (*)(reader&);
    return std::array<decoder, kinds>{get_body<std::variant_alternative_t<Kind, message>>...};
}

constexpr std::array<std::string_view, kinds> names{
    "register_provider",
    "answer",
    "acknowledge",
    "set_health",
    "publish_answer",
    "set_holding",
    "registered",
    "request",
    "deliver",
    "client_gone",
    "node_map_changed",
    "activity_changed",
    "leader_changed",
    "recovery_changed",
    "run_state_changed",
    "start_services",
    "shutting_down",
    "tunables_changed",
    "heartbeat"};

} // namespace

bytes encode(std::uint32_t number, const message& m) {
    writer out;
    out.put(std::uint32_t{0});
    out.put(protocol_version);
    out.put(number);
    out.put(static_cast<std::uint32_t>(m.index()));
    std::visit([&out](const auto& body) { put_body(out, body); }, m);
    out.patch_u32(0, static_cast<std::uint32_t>(out.size()));
    return out.take();
}

result<packet> decode(byte_view whole) {
    static const auto by_kind = decoders(std::make_index_sequence<kinds>{});
    reader in(whole);
    const auto length = in.get<std::uint32_t>();
    const auto version = in.get<std::uint32_t>();
    packet out;
    out.number = in.get<std::uint32_t>();
    const auto kind = in.get<std::uint32_t>();
    if (!in.ok() || length != whole.size() || kind >= kinds) {
        return fail(EBADMSG, "provider packet of {} bytes, kind {}: unknown", whole.size(), kind);
    }
    if (version != protocol_version) {
        return fail(EBADMSG, "provider protocol {}, expected {}", version, protocol_version);
    }
    out.message = by_kind[kind](in);
    if (!in.ok() || in.remaining() != 0) {
        return fail(EBADMSG, "provider packet of {} bytes: bad {}", whole.size(), names[kind]);
    }
    return out;
}

std::string_view name_of(const message& m) noexcept {
    return names[m.index()];
}

} // namespace ctdb::provider
