// server: eventd's socket. Decodes requests, hands them to their components, sends the answers.
//
// A component is made when its directory is first asked for. A request that does not decode ends
// its connection, as upstream's; the other clients do not notice. An answer whose client is gone is
// dropped, the run itself goes on.
#pragma once

#include "common/path/paths.hpp"
#include "common/sock/sock_daemon.hpp"
#include "eventd/component.hpp"

#include <map>
#include <memory>
#include <string>

namespace ctdb::eventd {

class server {
public:
    // Errors of listening at the socket.
    static result<std::unique_ptr<server>>
    start(async::event_loop& loop, path::paths where, std::string debug_script);
    server(const server&) = delete;
    server& operator=(const server&) = delete;

    void set_debug_script(std::string path) { settings_.debug_script = std::move(path); }
    // Who is connected stays; a new ctdbd's eventd can take the place.
    void give_up_place();
    // Somebody is connected, or a run is going on.
    [[nodiscard]] bool in_use() const;

private:
    server(async::event_loop& loop, path::paths where, std::string debug_script);
    void received(sock::connection_id from, byte_view packet);
    void run(sock::connection_id from, std::uint32_t id, event::run_request what);
    void answer(
        sock::connection_id to,
        std::uint32_t id,
        event::command what,
        std::int32_t code,
        const event::event_status* status = nullptr
    );
    [[nodiscard]] result<component*> find_component(const std::string& name);
    [[nodiscard]] result<event::event_status> status_of(const event::status_request& what);
    [[nodiscard]] result<event::event_status> legacy_status(const std::string& event);
    [[nodiscard]] std::int32_t switch_script(const event::script_request& what);

    async::event_loop& loop_;
    path::paths where_;
    run_settings settings_;
    std::map<std::string, std::unique_ptr<component>, std::less<>> components_;
    std::unique_ptr<sock::sock_daemon> daemon_;
};

} // namespace ctdb::eventd
