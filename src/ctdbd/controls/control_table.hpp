// control_table: opcode -> typed handler. One registration per control; unknown and retired opcodes
// answer -1 (wire-protocol.md 3.1).
//
// A handler gets the decoded request and answers at once (serve) or keeps the reply_to and answers
// later (serve_later). A reply_to that is destroyed unanswered answers -1: every request is
// answered exactly once.
#pragma once

#include "common/protocol/control.hpp"
#include "ctdbd/database/answer.hpp"
#include "ctdbd/routing/router.hpp"

#include <memory>
#include <type_traits>
#include <unordered_map>

namespace ctdb::ctdbd {

using control_reply = std::function<void(client::control_answer)>;

[[nodiscard]] inline asker asker_of(const control_request& request) {
    return {request.origin.node, request.origin.client, request.generation, request.flags};
}

template <class Control>
[[nodiscard]] client::control_answer answer_of(const answer<typename Control::reply>& r) {
    client::control_answer out;
    if (!r) {
        out.status = r.error().status;
        out.text = r.error().text;
        return out;
    }
    if constexpr (Control::answers_by_status) {
        out.status = r->value;
    } else {
        out.status = protocol::status::ok;
        out.data = protocol::encode_reply<Control>(*r);
    }
    return out;
}

// Handlers of controls without reply data may give answer<>.
template <class Control>
[[nodiscard]] answer<typename Control::reply> as_reply(answer<typename Control::reply> r) {
    return r;
}
template <class Control>
requires std::is_same_v<typename Control::reply, protocol::none>
[[nodiscard]] answer<protocol::none> as_reply(const answer<>& r) {
    if (!r) {
        return tl::unexpected<refusal>(r.error());
    }
    return protocol::none{};
}

template <class Control>
class reply_to {
public:
    explicit reply_to(control_reply reply)
        : reply_(
              std::shared_ptr<control_reply>(new control_reply(std::move(reply)), unanswered_fails)
          ) {}

    template <class Answer>
    void operator()(Answer&& r) const {
        if (const control_reply reply = std::exchange(*reply_, {})) {
            reply(answer_of<Control>(as_reply<Control>(std::forward<Answer>(r))));
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
            reply(answer_of<Control>(as_reply<Control>(handler(request, *decoded))));
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
