// What a control is: opcode, name, request and reply types, owner. controls.hpp declares them all,
// once.
//
//   struct get_node_map : control<91, none, node_map> { name = "GET_NODEMAP" };
//   bytes payload = encode_request<controls::set_recovery_mode>(recovery_mode::active);
//   result<node_map> map = decode_reply<controls::get_node_map>(reply.data);
//
// The request is what travels in the packet's data; controls with `takes_srvid` carry their
// argument in the packet's srvid field. Controls whose answer is the status itself have `reply =
// status_value` and no payload.
#pragma once

#include "common/base/bytes.hpp"
#include "common/base/result.hpp"
#include "common/protocol/codec.hpp"

#include <cstdint>
#include <string_view>
#include <type_traits>

namespace ctdb::protocol {

// The daemon that answers a control; ctdbd routes (wire-protocol.md 3, cluster.md 12.3).
enum class owner : std::uint8_t { ctdbd, failoverd, contrackd };

// The reply's status is the answer: a number, or 0 / -1 for yes / no.
struct status_value {
    std::int32_t value = 0;
    friend constexpr bool operator==(status_value, status_value) noexcept = default;
};

struct control_traits {
    owner owned_by = owner::ctdbd;
    bool takes_srvid = false;  // argument in the packet's srvid field
    bool any_payload = false;  // whatever is sent is not looked at
    std::uint8_t size_min = 0; // smallest payload, where it is more than the type's own
};

template <
    std::uint32_t Opcode,
    class Request,
    class Reply,
    control_traits Traits = control_traits{}>
struct control {
    static constexpr std::uint32_t opcode = Opcode;
    using request = Request;
    using reply = Reply;
    static constexpr owner owned_by = Traits.owned_by;
    static constexpr bool takes_srvid = Traits.takes_srvid;
    static constexpr bool any_payload = Traits.any_payload;
    static constexpr std::uint8_t size_min = Traits.size_min;
    static constexpr bool answers_by_status = std::is_same_v<Reply, status_value>;
};

template <class Control>
[[nodiscard]] bytes encode_request(const typename Control::request& request) {
    return encode(request);
}

// EINVAL: the payload breaks the control's size rule or is not of its type.
template <class Control>
[[nodiscard]] result<typename Control::request> decode_request(byte_view payload) {
    if constexpr (Control::any_payload) {
        return typename Control::request{};
    } else {
        if (payload.size() < Control::size_min) {
            return bad_payload(Control::name, payload.size());
        }
        return decode<typename Control::request>(payload);
    }
}

template <class Control>
requires(!Control::answers_by_status) [[nodiscard]] bytes
    encode_reply(const typename Control::reply& reply) {
    return encode(reply);
}

template <class Control>
requires(!Control::answers_by_status)
    [[nodiscard]] result<typename Control::reply> decode_reply(byte_view payload) {
    return decode<typename Control::reply>(payload);
}

// What is known of an opcode at run time: routing tables, logs, statistics.
struct control_info {
    std::uint32_t opcode = 0;
    std::string_view name;
    owner owned_by = owner::ctdbd;
    bool takes_srvid = false;
    bool live = false;
    std::uint8_t size_min = 0; // of the request, where it is more than the type's own
};

inline constexpr std::uint32_t opcode_count = 163; // 163 and up are not assigned

// "GET_NODEMAP", the former name of a retired opcode, "UNKNOWN" for those that never had one.
[[nodiscard]] std::string_view opcode_name(std::uint32_t opcode) noexcept;
[[nodiscard]] bool is_live(std::uint32_t opcode) noexcept;
// Not live: answered with -1 whatever the request contains. (81 and 82 count as retired; upstream
// answers 0.)
[[nodiscard]] bool is_retired(std::uint32_t opcode) noexcept;
[[nodiscard]] owner owner_of(std::uint32_t opcode) noexcept; // ctdbd if not live
[[nodiscard]] control_info find_control(std::uint32_t opcode) noexcept;

// Old, unused, yet answered with status 0 (3.3).
inline constexpr std::uint32_t start_persistent_update_opcode = 81;
inline constexpr std::uint32_t cancel_persistent_update_opcode = 82;

} // namespace ctdb::protocol
