// cluster_port: the one place that asks. Sends controls and messages to any node, gives the answer
// or an error by the deadline.
//
// Recovery, leadership and failover are written against it. In ctdbd it is the daemon's own
// transport, in other daemons and tools the client socket (client.hpp), in the simulation a network
// with faults.
#pragma once

#include "common/async/runtime.hpp"
#include "common/async/task.hpp"
#include "common/base/bytes.hpp"
#include "common/base/ids.hpp"
#include "common/base/result.hpp"
#include "common/protocol/constants.hpp"
#include "common/protocol/control.hpp"

#include <concepts>
#include <functional>
#include <memory>
#include <string>

namespace ctdb::client {

struct control_call {
    pnn to; // a node, current_node, or with no_reply a broadcast
    std::uint32_t opcode = 0;
    ctdb::srvid srvid;
    protocol::control_flags flags;
    bytes data;
};

struct control_answer {
    std::int32_t status = -1;
    bytes data;
    std::string text; // why, if the peer said so
};

// Keeps a message handler registered; destroying it deregisters.
class message_subscription {
public:
    message_subscription() = default;
    message_subscription(const message_subscription&) = delete;
    message_subscription& operator=(const message_subscription&) = delete;
    virtual ~message_subscription() = default;
};

class cluster_port {
public:
    cluster_port() = default;
    cluster_port(const cluster_port&) = delete;
    cluster_port& operator=(const cluster_port&) = delete;
    virtual ~cluster_port() = default;

    [[nodiscard]] virtual async::runtime& runtime() = 0;
    [[nodiscard]] virtual pnn self() const = 0;
    // ETIMEDOUT: no answer by the deadline; ENOTCONN: the node is, or went, disconnected. Any
    // status is an answer, not an error.
    [[nodiscard]] virtual async::task<result<control_answer>>
    control(control_call call, async::time_point deadline) = 0;
    virtual void control_without_reply(control_call call) = 0;
    virtual void message(pnn to, ctdb::srvid address, byte_view data) = 0;
    // `handler` runs from the loop for each message to `address` that reaches this node, until the
    // subscription is destroyed.
    [[nodiscard]] virtual std::unique_ptr<message_subscription>
    subscribe(ctdb::srvid address, std::function<void(byte_view data)> handler) = 0;
    // Inside a message handler: the node that the message came from; unknown_pnn where the port
    // cannot tell.
    [[nodiscard]] virtual pnn message_source() const { return unknown_pnn; }
};

// Turns an answer into the reply type of Control. EREMOTEIO: a failure status, with the peer's
// text. For controls whose answer is the status itself (reply = status_value) every status is a
// value.
template <class Control>
[[nodiscard]] result<typename Control::reply> reply_of(const control_answer& answer, pnn from) {
    if constexpr (Control::answers_by_status) {
        return protocol::status_value{answer.status};
    } else {
        if (answer.status != 0) {
            return fail(
                EREMOTEIO,
                "{} to node {}: status {}{}{}",
                Control::name,
                from,
                answer.status,
                answer.text.empty() ? "" : ": ",
                answer.text
            );
        }
        return protocol::decode_reply<Control>(answer.data);
    }
}

template <class Control>
[[nodiscard]] control_call call_of(
    pnn to,
    const typename Control::request& request,
    srvid header_srvid,
    protocol::control_flags flags
) {
    control_call call;
    call.to = to;
    call.opcode = Control::opcode;
    call.srvid = header_srvid;
    call.flags = flags;
    call.data = protocol::encode_request<Control>(request);
    return call;
}

// auto map = co_await client::call<protocol::controls::get_node_map>(port, node, request,
// deadline);
template <class Control>
async::task<result<typename Control::reply>> call(
    cluster_port& port,
    pnn to,
    typename Control::request request,
    async::time_point deadline,
    srvid header_srvid = srvid{},
    protocol::control_flags flags = {}
) {
    control_call packed = call_of<Control>(to, request, header_srvid, flags);
    const result<control_answer> answer = co_await port.control(std::move(packed), deadline);
    if (!answer) {
        co_return pass(answer);
    }
    co_return reply_of<Control>(*answer, to);
}

template <class Control>
void send(
    cluster_port& port,
    pnn to,
    const typename Control::request& request,
    srvid header_srvid = srvid{},
    protocol::control_flags flags = {}
) {
    flags |= protocol::control_flag::noreply;
    port.control_without_reply(call_of<Control>(to, request, header_srvid, flags));
}

} // namespace ctdb::client
