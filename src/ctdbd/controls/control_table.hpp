// control_table: opcode -> typed handler. One registration per control; unknown and retired opcodes
// answer -1 (wire-protocol.md 3.1).
//
// A handler gets the decoded request and answers at once (serve) or keeps the reply_to and answers
// later (serve_later). A reply_to that is destroyed unanswered answers -1: every request is
// answered exactly once.
#pragma once

#include "common/protocol/control.hpp"
#include "ctdbd/routing/router.hpp"

#include <memory>
#include <unordered_map>

namespace ctdb::ctdbd {

// Why a control failed. The text travels only where upstream sends one too, or where upstream has
// no such failure.
struct control_failure {
    std::int32_t status = protocol::status::failed;
    std::string text;
};

template <class T>
using control_result = tl::expected<T, control_failure>;

using control_reply = std::function<void(client::control_answer)>;

// Failure without a text, logged with its cause.
[[nodiscard]] tl::unexpected<control_failure> refuse(std::string_view control, const error& why);
[[nodiscard]] tl::unexpected<control_failure>
refuse_with(std::int32_t status, std::string text = {});

template <class Control>
[[nodiscard]] client::control_answer answer_of(const control_result<typename Control::reply>& r) {
    client::control_answer answer;
    if (!r) {
        answer.status = r.error().status;
        answer.text = r.error().text;
        return answer;
    }
    if constexpr (Control::answers_by_status) {
        answer.status = r->value;
    } else {
        answer.status = protocol::status::ok;
        answer.data = protocol::encode_reply<Control>(*r);
    }
    return answer;
}

template <class Control>
class reply_to {
public:
    explicit reply_to(control_reply reply)
        : reply_(
              std::shared_ptr<control_reply>(new control_reply(std::move(reply)), unanswered_fails)
          ) {}

    void operator()(const control_result<typename Control::reply>& r) const {
        if (const control_reply reply = std::exchange(*reply_, {})) {
            reply(answer_of<Control>(r));
        }
    }

private:
    static void unanswered_fails(control_reply* reply) {
        const std::unique_ptr<control_reply> owned(reply);
        if (*owned) {
            (*owned)(client::control_answer{});
        }
    }
    std::shared_ptr<control_reply> reply_; // shared: handlers hold it in copyable functions
};

class control_table {
public:
    using raw_handler = std::function<void(const control_request&, control_reply)>;

    template <class Control, class Handler>
    void serve(Handler handler) {
        add(Control::opcode, [handler](const control_request& request, const control_reply& reply) {
            const auto decoded = protocol::decode_request<Control>(request.data);
            if (!decoded) {
                reply(rejected(Control::name, request.origin, decoded.error()));
                return;
            }
            const control_result<typename Control::reply> r = handler(request, *decoded);
            reply(answer_of<Control>(r));
        });
    }
    template <class Control, class Handler>
    void serve_later(Handler handler) {
        add(Control::opcode, [handler](const control_request& request, control_reply reply) {
            auto decoded = protocol::decode_request<Control>(request.data);
            if (!decoded) {
                reply(rejected(Control::name, request.origin, decoded.error()));
                return;
            }
            handler(request, std::move(*decoded), reply_to<Control>(std::move(reply)));
        });
    }
    // For payloads that are better left where they are (record buffers).
    void add(std::uint32_t opcode, raw_handler handler);

    void dispatch(const control_request& request, control_reply reply) const;
    [[nodiscard]] bool has(std::uint32_t opcode) const { return handlers_.contains(opcode); }

private:
    static client::control_answer
    rejected(std::string_view name, const request_origin& origin, const error& why);
    std::unordered_map<std::uint32_t, raw_handler> handlers_;
};

} // namespace ctdb::ctdbd
