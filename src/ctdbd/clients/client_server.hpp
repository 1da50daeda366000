// client_server: ctdbd.socket. Connections and packets go to the hub.
#pragma once

#include "common/sock/sock_daemon.hpp"
#include "ctdbd/clients/client_hub.hpp"

namespace ctdb::ctdbd {

struct client_limits {
    std::uint32_t packet_bytes_max = 64U << 20U; // [cluster] maximum client packet size
};

class client_server {
public:
    static result<std::unique_ptr<client_server>> listen(
        async::event_loop& loop,
        const std::string& path,
        const client_limits& limits,
        client_hub& hub
    );

private:
    explicit client_server(client_hub& hub) : hub_(hub) {}
    void connect(sock::connection_id id, pid_t pid);
    client_hub& hub_;
    std::map<sock::connection_id, client_id> clients_;
    std::unique_ptr<sock::sock_daemon> socket_;
};

} // namespace ctdb::ctdbd
