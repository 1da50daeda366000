// provider_client: how serviced, failoverd and contrackd hang on ctdbd: registers, serves its
// requests, hears its events, pushes values, and comes back when ctdbd has been away.
//
// Connecting starts with the constructor's loop turn and goes on for ever, with pauses of 50 ms to
// 1 s. Each request and event runs as a task of its own, started in the order of arrival; a task
// may outlive the connection, its answer is then dropped. What was pushed last (health, holding,
// answers) is pushed again after every registration. ctdbd closing its socket, or saying nothing
// for the time it has announced (it hangs), is `on_lost`: the moment to release addresses and stop
// services, without asking anybody. Handlers run from the loop and must not destroy the client.
#pragma once

#include "common/async/event_loop.hpp"
#include "common/async/slot.hpp"
#include "common/async/task_set.hpp"
#include "common/provider/messages.hpp"
#include "common/sock/packet_stream.hpp"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace ctdb::provider {

struct identity {
    std::string name;
    std::vector<std::uint32_t> opcodes;
    std::vector<srvid> srvids;
};

class provider_client {
public:
    struct handlers {
        std::function<async::task<answer>(request what)> serve; // none: every request answers -1
        // One of the events of messages.hpp; the result goes back if ctdbd waits for it.
        std::function<async::task<acknowledge>(message event)> on_event; // required
        std::function<void(const deliver& what)> on_message;
        std::function<void(const client_gone& who)> on_client_gone;
        std::function<void(const registered& terms)> on_registered;
        std::function<void(const heartbeat& beat)> on_heartbeat;
        std::function<void(const error& why)> on_lost; // once per connection that was registered
    };
    provider_client(
        async::event_loop& loop, std::string socket_path, identity who, handlers to_call
    );
    provider_client(const provider_client&) = delete;
    provider_client& operator=(const provider_client&) = delete;
    ~provider_client();

    [[nodiscard]] bool is_registered() const noexcept { return terms_.has_value(); }
    [[nodiscard]] pnn self() const noexcept { return terms_ ? terms_->self : unknown_pnn; }

    void push(set_health value);
    void push(set_holding value);
    void push(publish_answer value);

private:
    async::task<void> keep_connected();
    async::task<void> run_request(std::uint32_t number, request what);
    async::task<void> run_event(std::uint32_t number, message event);
    [[nodiscard]] result<void> open();
    void received(byte_view whole);
    void handle(std::uint32_t number, message m);
    void handle_registered(const registered& terms);
    void handle_heartbeat(const heartbeat& beat);
    void lost(error why);
    void send(std::uint32_t number, const message& m);
    void reply(std::uint64_t connection, std::uint32_t number, const message& m);

    async::event_loop& loop_;
    std::string path_;
    identity who_;
    handlers to_call_;
    std::unique_ptr<sock::packet_stream> stream_;
    std::uint64_t connection_ = 0; // counts, so that late answers are recognised
    std::optional<registered> terms_;
    std::optional<set_health> health_;
    std::optional<set_holding> holding_;
    std::map<std::uint32_t, publish_answer> answers_;
    async::timer silence_;
    async::deferred drop_; // the stream cannot be destroyed while it calls
    async::slot<bool>* waiting_for_loss_ = nullptr;
    async::task_set tasks_;
};

} // namespace ctdb::provider
