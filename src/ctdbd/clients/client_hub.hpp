// client_hub: the local clients of this node and what they may do (cluster.md 9).
//
// A client is known by a non-zero id from the day it connects until client_gone(). Everything it
// registered dies with it: addresses, tunnels, pending controls and calls; its notifications are
// sent to all connected nodes then.
#pragma once

#include "ctdbd/routing/router.hpp"

#include <map>
#include <memory>
#include <optional>
#include <unordered_map>

#include <sys/types.h>

namespace ctdb::ctdbd {

// The way to one client: a socket in the daemon, a simulated process in the simulation.
class client_link {
public:
    client_link() = default;
    client_link(const client_link&) = delete;
    client_link& operator=(const client_link&) = delete;
    virtual ~client_link() = default;
    virtual void send(bytes packet) = 0;
    [[nodiscard]] virtual std::size_t queued_packets() const = 0;
    [[nodiscard]] virtual std::size_t queued_bytes() const { return 0; }
    // Ends the connection from the loop; client_gone() follows.
    virtual void close(std::string_view why) = 0;
};

struct record_call {
    client_id client;
    reqid id; // the client's own
    protocol::req_call call;
};

// What the hub needs of the rest of the node.
class client_services {
public:
    client_services() = default;
    client_services(const client_services&) = delete;
    client_services& operator=(const client_services&) = delete;
    virtual ~client_services() = default;
    virtual void call(const record_call& call) = 0;
    virtual void
    control(const control_request& request, std::function<void(client::control_answer)> reply) = 0;
    [[nodiscard]] virtual bool routed_elsewhere(pnn to
    ) const = 0;                                     // another node, or not a node at all
    virtual void client_ended(client_id client) = 0; // databases, providers: forget it
    // It had persistent updates counted that it did not cancel (databases.md 7.4).
    virtual void updates_abandoned(client_id client) = 0;
    [[nodiscard]] virtual std::uint32_t control_timeout_s() const = 0;
    [[nodiscard]] virtual std::uint32_t max_queue_drop_msg() const = 0;
};

class client_hub {
public:
    client_hub(router& r, client_services& services) : router_(r), services_(services) {}

    client_id connected(std::unique_ptr<client_link> link, pid_t pid);
    // One whole packet; bad ones are logged and dropped, the connection stays
    // (wire-protocol.md 1.5).
    void packet(client_id client, byte_view raw);
    void client_gone(client_id client);

    void reply_to_call(client_id client, reqid id, std::int32_t status, byte_view data);
    void refuse_call(client_id client, reqid id, std::int32_t status, std::string_view text);
    void tunnel(const protocol::packet_header& header, const protocol::req_tunnel& body);

    [[nodiscard]] std::size_t count() const noexcept { return clients_.size(); }
    [[nodiscard]] bool is_known(client_id client) const { return clients_.contains(client); }
    [[nodiscard]] std::optional<pid_t> pid_of(client_id client) const;
    [[nodiscard]] std::optional<client_id> client_of(pid_t pid) const;
    [[nodiscard]] bool has_registered(pid_t pid, srvid address) const;
    void disconnect(client_id client, std::string_view why);
    [[nodiscard]] std::size_t queued_bytes(client_id client) const; // that it has not read

    // Controls of a client about itself; false or nullopt: not a client of this node, or refused as
    // the comment says.
    bool register_srvid(client_id client, srvid address);
    bool deregister_srvid(client_id client, srvid address); // false: was not registered
    void deliver_message(client_id client, srvid address, byte_view data); // to this client alone
    bool register_tunnel(client_id client, std::uint64_t tunnel);          // false: taken
    bool deregister_tunnel(client_id client, std::uint64_t tunnel); // false: not this client's
    bool register_notify(
        client_id client, const protocol::notify_data& notify
    ); // false: has one for the address
    bool deregister_notify(client_id client, srvid address);
    void count_persistent_update(client_id client, int step);

private:
    struct client_state {
        std::unique_ptr<client_link> link;
        pid_t pid = 0;
        std::map<srvid, bytes> notifications;
        int persistent_updates = 0; // obsolete controls 81, 82
    };
    void call(client_id client, const protocol::packet& p);
    void control(client_id client, const protocol::packet& p);
    void refuse_control_to_all(client_id client, reqid id, std::uint32_t opcode);
    void own_control(
        client_id client, const protocol::packet_header& h, const protocol::req_control& body
    );
    void forward_control(
        client_id client, const protocol::packet_header& h, const protocol::req_control& body
    );
    void send_tunnel(client_id client, const protocol::packet& p);
    void reply_control(client_id client, reqid id, const client::control_answer& answer);
    void send_to(client_id client, bytes packet);
    [[nodiscard]] protocol::packet_header header_for(reqid id) const;

    router& router_;
    client_services& services_;
    std::unordered_map<client_id, client_state> clients_;
    std::unordered_map<std::uint64_t, client_id> tunnels_;
};

} // namespace ctdb::ctdbd
