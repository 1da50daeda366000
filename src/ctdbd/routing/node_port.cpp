#include "ctdbd/routing/node_port.hpp"

#include "common/async/slot.hpp"

namespace ctdb::ctdbd {

namespace {

struct control_outcome {
    control_end end = control_end::timed_out;
    client::control_answer answer;
};

// Forgets the request when the waiting coroutine is cancelled.
class cancel_on_exit {
public:
    cancel_on_exit(pending_controls& pending, reqid id) : pending_(pending), id_(id) {}
    cancel_on_exit(const cancel_on_exit&) = delete;
    cancel_on_exit& operator=(const cancel_on_exit&) = delete;
    ~cancel_on_exit() {
        if (armed_) {
            pending_.cancel(id_);
        }
    }
    void done() noexcept { armed_ = false; } // the id may already serve another request

private:
    pending_controls& pending_;
    reqid id_;
    bool armed_ = true;
};

class subscription final : public client::message_subscription {
public:
    subscription(srvid_registry& registry, registration_id id) : registry_(registry), id_(id) {}
    ~subscription() override { registry_.remove(id_); }

private:
    srvid_registry& registry_;
    registration_id id_;
};

} // namespace

async::task<result<client::control_answer>>
node_port::control(client::control_call call, async::time_point deadline) {
    async::slot<control_outcome> answered(router_.runtime());
    const auto completed = [&answered](control_end end, client::control_answer answer) {
        answered.set(control_outcome{end, std::move(answer)});
    };
    const reqid id = router_.send_control(call, client_id{0}, deadline, completed);
    cancel_on_exit guard(router_.pending(), id);
    control_outcome outcome = co_await answered.take();
    guard.done();
    if (outcome.end == control_end::node_lost) {
        co_return fail(
            ENOTCONN, "control {} to node {}: node is disconnected", call.opcode, call.to
        );
    }
    if (outcome.end == control_end::timed_out) {
        co_return fail(ETIMEDOUT, "control {} to node {}: no answer in time", call.opcode, call.to);
    }
    co_return std::move(outcome.answer);
}

void node_port::control_without_reply(client::control_call call) {
    router_.send_control_without_reply(call, client_id{0});
}

void node_port::message(pnn to, ctdb::srvid address, byte_view data) {
    if (to == router_.self() || to == protocol::current_node) {
        const protocol::req_message body{address, data};
        router_.send_packet(
            router_.self(), protocol::encode(router_.header_to(router_.self(), reqid{0}), body)
        );
        return;
    }
    router_.send_message(to, address, data);
}

std::unique_ptr<client::message_subscription>
node_port::subscribe(ctdb::srvid address, std::function<void(byte_view data)> handler) {
    const registration_id id = router_.registry().add(
        address,
        client_id{0},
        [handler = std::move(handler)](srvid, byte_view data) { handler(data); }
    );
    return std::make_unique<subscription>(router_.registry(), id);
}

} // namespace ctdb::ctdbd
