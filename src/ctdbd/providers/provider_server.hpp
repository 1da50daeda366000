// provider_server: provider.socket, root's only. Connections and packets go to the hub.
#pragma once

#include "common/sock/sock_daemon.hpp"
#include "ctdbd/providers/provider_hub.hpp"

namespace ctdb::ctdbd {

class provider_server {
public:
    static result<std::unique_ptr<provider_server>>
    listen(async::event_loop& loop, const std::string& path, provider_hub& hub);

private:
    explicit provider_server(provider_hub& hub) : hub_(hub) {}
    void connect(sock::connection_id id, std::int32_t pid);
    provider_hub& hub_;
    std::map<sock::connection_id, provider_number> numbers_;
    std::unique_ptr<sock::sock_daemon> socket_;
};

} // namespace ctdb::ctdbd
