#include "common/client/client.hpp"

#include "common/base/log.hpp"
#include "common/client/dispatcher.hpp"
#include "common/protocol/controls.hpp"
#include "common/protocol/srvids.hpp"
#include "common/sock/unix_socket.hpp"

#include <algorithm>
#include <cstring>

namespace ctdb::client {

namespace {

namespace controls = protocol::controls;
using space = dispatcher::space;

constexpr std::size_t reqid_offset = 28;
constexpr std::uint32_t packet_length_max = 256U << 20U; // as ctdbd takes from its peers
constexpr auto connect_retry = std::chrono::milliseconds(10);

bool is_reply(byte_view packet) {
    const auto header = protocol::peek_header(packet);
    if (!header) {
        return false;
    }
    const protocol::operation operation = header->operation;
    return operation == protocol::operation::reply_control ||
           operation == protocol::operation::reply_call ||
           operation == protocol::operation::reply_error;
}

sock::request_framing framing() {
    sock::request_framing f;
    f.policy.length_min = protocol::header_size;
    f.policy.length_max = packet_length_max;
    f.number_at = reqid_offset;
    f.is_reply = is_reply;
    return f;
}

async::task<result<unique_fd>>
connect_by(async::event_loop& loop, std::string path, async::time_point deadline) {
    for (;;) {
        auto fd = sock::connect_unix(path);
        if (fd || fd.error().code != EAGAIN) {
            co_return fd;
        }
        if (loop.now() >= deadline) {
            co_return fail(ETIMEDOUT, "{}: does not accept connections", path);
        }
        co_await async::sleep_for(loop, connect_retry);
    }
}

} // namespace

client::client(async::event_loop& loop, end_handler on_end)
    : loop_(loop), on_end_(std::move(on_end)),
      dispatcher_(std::make_shared<dispatcher>([this](space where, std::uint64_t id, bool wanted) {
          control_call call;
          call.to = self_;
          call.srvid = srvid(id);
          if (where == space::messages) {
              call.opcode =
                  wanted ? controls::register_srvid::opcode : controls::deregister_srvid::opcode;
          } else {
              call.opcode =
                  wanted ? controls::register_tunnel::opcode : controls::deregister_tunnel::opcode;
          }
          control_without_reply(std::move(call));
      })) {}

client::~client() {
    dispatcher_->close();
}

async::task<result<std::unique_ptr<client>>> client::connect(
    async::event_loop& loop, std::string socket_path, async::time_point deadline, end_handler on_end
) {
    auto fd = co_await connect_by(loop, std::move(socket_path), deadline);
    if (!fd) {
        co_return pass(fd);
    }
    std::unique_ptr<client> self(new client(loop, std::move(on_end)));
    sock::sock_client::handlers handlers;
    handlers.on_other = [raw = self.get()](sock::received_packet p) { raw->received(p.view()); };
    handlers.on_end = [raw = self.get()](const sock::stream_end& end) {
        const end_handler call = raw->on_end_; // may destroy the client
        if (call) {
            call(end);
        }
    };
    self->sock_ =
        std::make_unique<sock::sock_client>(loop, std::move(*fd), framing(), std::move(handlers));
    control_call ask;
    ask.to = protocol::current_node;
    ask.opcode = controls::get_pnn::opcode;
    const result<control_answer> answer = co_await self->control(std::move(ask), deadline);
    if (!answer) {
        co_return pass(answer);
    }
    if (answer->status < 0) {
        co_return fail(EPROTO, "ctdbd does not know its node number: {}", answer->text);
    }
    self->self_ = pnn(static_cast<std::uint32_t>(answer->status));
    co_return std::move(self);
}

protocol::packet_header client::header_to(pnn to) const {
    protocol::packet_header header;
    header.generation = generation(0);
    header.destnode = to;
    header.srcnode = self_;
    return header;
}

bytes client::encode_control(const control_call& call) const {
    protocol::req_control body;
    body.opcode = call.opcode;
    body.srvid = call.srvid;
    body.flags = call.flags;
    body.data = call.data;
    return protocol::encode(header_to(call.to), body);
}

async::task<result<control_answer>> client::control(control_call call, async::time_point deadline) {
    const result<bytes> packet = co_await sock_->request(encode_control(call), deadline);
    if (!packet) {
        co_return pass(packet);
    }
    const auto decoded = protocol::decode_packet(*packet);
    if (!decoded) {
        co_return pass(decoded);
    }
    const auto* reply = std::get_if<protocol::reply_control>(&decoded->body);
    if (reply == nullptr) {
        co_return fail(EPROTO, "control {}: answered with another kind of packet", call.opcode);
    }
    control_answer answer;
    answer.status = reply->status;
    answer.data = to_bytes(reply->data);
    answer.text = protocol::text_until_nul(reply->error_text);
    co_return answer;
}

void client::control_without_reply(control_call call) {
    call.flags |= protocol::control_flag::noreply;
    sock_->send(encode_control(call));
}

void client::message(pnn to, ctdb::srvid address, byte_view data) {
    protocol::req_message body;
    body.srvid = address;
    body.data = data;
    sock_->send(protocol::encode(header_to(to), body));
}

std::unique_ptr<message_subscription>
client::add_handler(ctdb::srvid address, std::function<void(byte_view data)> handler) {
    return dispatcher_->add(
        space::messages,
        address.value,
        [call = std::move(handler)](std::uint32_t, byte_view data) { call(data); }
    );
}

std::unique_ptr<message_subscription>
client::subscribe(ctdb::srvid address, std::function<void(byte_view data)> handler) {
    return add_handler(address, std::move(handler));
}

// A registration is handled by ctdbd in the order of our packets: when a later control is answered,
// it is in force.
async::task<result<std::unique_ptr<message_subscription>>> client::subscribe_confirmed(
    ctdb::srvid address, std::function<void(byte_view data)> handler, async::time_point deadline
) {
    auto kept = add_handler(address, std::move(handler));
    control_call ask;
    ask.to = self_;
    ask.opcode = controls::get_pnn::opcode;
    const result<control_answer> answer = co_await control(std::move(ask), deadline);
    if (!answer) {
        co_return pass(answer);
    }
    co_return std::move(kept);
}

async::task<result<std::unique_ptr<message_subscription>>>
client::open_tunnel(std::uint64_t tunnel, tunnel_handler handler, async::time_point deadline) {
    if (dispatcher_->wanted(space::tunnels, tunnel)) {
        co_return fail(EADDRINUSE, "tunnel {:#x} is open already", tunnel);
    }
    control_call ask;
    ask.to = self_;
    ask.opcode = controls::register_tunnel::opcode;
    ask.srvid = srvid(tunnel);
    const result<control_answer> answer = co_await control(std::move(ask), deadline);
    if (!answer) {
        co_return pass(answer);
    }
    if (answer->status != 0) {
        co_return fail(EADDRINUSE, "tunnel {:#x}: refused, {}", tunnel, answer->text);
    }
    dispatcher::handler call = [to = std::move(handler)](std::uint32_t flags, byte_view data) {
        to(protocol::tunnel_flags(flags), data);
    };
    co_return dispatcher_->add_registered(space::tunnels, tunnel, std::move(call));
}

void client::send_tunnel(
    pnn to, std::uint64_t tunnel, protocol::tunnel_flags flags, byte_view data
) {
    protocol::req_tunnel body;
    body.tunnel_id = tunnel;
    body.flags = flags;
    body.data = data;
    sock_->send(protocol::encode(header_to(to), body));
}

async::task<result<call_answer>>
client::call(protocol::req_call request, async::time_point deadline) {
    const result<bytes> packet =
        co_await sock_->request(protocol::encode(header_to(pnn(0)), request), deadline);
    if (!packet) {
        co_return pass(packet);
    }
    const auto decoded = protocol::decode_packet(*packet);
    if (!decoded) {
        co_return pass(decoded);
    }
    if (const auto* error_reply = std::get_if<protocol::reply_error>(&decoded->body)) {
        const auto why = protocol::text_until_nul(error_reply->message);
        co_return fail(EREMOTEIO, "record call: status {}: {}", error_reply->status, why);
    }
    const auto* reply = std::get_if<protocol::reply_call>(&decoded->body);
    if (reply == nullptr) {
        co_return fail(EPROTO, "record call: answered with another kind of packet");
    }
    call_answer answer;
    answer.status = reply->status;
    answer.data = to_bytes(reply->data);
    co_return answer;
}

void client::received(byte_view packet) {
    const auto decoded = protocol::decode_packet(packet);
    if (!decoded) {
        log_warning("packet from ctdbd dropped: {}", decoded.error().what);
        return;
    }
    const auto kept = dispatcher_; // a handler may end the last subscription
    if (const auto* m = std::get_if<protocol::req_message>(&decoded->body)) {
        kept->dispatch(space::messages, m->srvid.value, 0, m->data);
        if (m->srvid != protocol::srvids::all) {
            kept->dispatch(space::messages, protocol::srvids::all.value, 0, m->data);
        }
    } else if (const auto* t = std::get_if<protocol::req_tunnel>(&decoded->body)) {
        kept->dispatch(space::tunnels, t->tunnel_id, t->flags.value, t->data);
    }
    // else: a reply to a request that is not waited for any more
}

} // namespace ctdb::client
