// event_client: asks eventd to run events and tells how they ended.
//
// Connects when first needed and again whenever the connection is gone. An event whose connection
// breaks while it runs is asked for once more (events.md 1.9): eventd has been restarted and nobody
// will answer the first time. The socket path is where eventd is or will be; while nobody listens
// there, run() keeps trying for connect_patience. Any number of calls may wait at the same time;
// they must not outlive the client.
#pragma once

#include "common/async/task.hpp"
#include "common/event/event_protocol.hpp"
#include "common/sock/sock_client.hpp"

#include <chrono>
#include <memory>
#include <string>

namespace ctdb::event {

// How a run ended: `code` is eventd's answer (0, ENOENT no such component, ETIMEDOUT, ECANCELED,
// ENOEXEC a script failed, EIO). For a failed or late script its name and what it printed.
struct run_outcome {
    std::int32_t code = 0;
    std::string script;
    std::string output;

    [[nodiscard]] bool ok() const noexcept { return code == 0; }
    // One line for people: `script 50.samba failed: smbd not listening on TCP port 445`.
    [[nodiscard]] std::string reason() const;
};

class event_client {
public:
    static constexpr std::chrono::seconds connect_patience{30}; // eventd's unit restarts it sooner
    // Beyond the event's own time: waiting behind another run of the component and being killed.
    static constexpr std::chrono::seconds answer_patience{60};

    event_client(async::event_loop& loop, std::string socket_path);
    event_client(const event_client&) = delete;
    event_client& operator=(const event_client&) = delete;

    // Errors: ENOENT, ECONNREFUSED... no eventd; ENOTCONN it went away twice; ETIMEDOUT no answer.
    [[nodiscard]] async::task<result<run_outcome>> run(run_request what);

    [[nodiscard]] async::task<result<run_outcome>>
    run(std::string component,
        std::string event,
        std::string arguments,
        std::chrono::seconds timeout);

    // One request, one answer; no retry. For tools.
    [[nodiscard]] async::task<result<reply>> ask(request what, async::time_point deadline);

    // Connects now if possible; being connected keeps eventd alive after ctdbd's death until we
    // have said our last event.
    result<> connect();

private:
    [[nodiscard]] async::task<result<>> connect_patiently();
    [[nodiscard]] async::task<result<reply>> run_once(run_request what);
    [[nodiscard]] async::task<run_outcome> explain(run_request what, std::int32_t code);

    async::event_loop& loop_;
    std::string path_;
    std::unique_ptr<sock::sock_client> client_;
};

} // namespace ctdb::event
