// router: every packet between this node and the others, the own node included.
//
// Sending: to the own node through the loop, in order, never re-entrantly (databases.md 0.4); to
// another over the peer links; broadcasts expanded over the node table's view. Receiving: frames
// were judged by the transport; here body, source and destination are, then the packet goes to its
// subject. What does not fit is dropped, counted and logged, never fatal.
#pragma once

#include "common/async/runtime.hpp"
#include "common/client/cluster_port.hpp"
#include "common/protocol/packet.hpp"
#include "common/protocol/types_statistics.hpp"
#include "ctdbd/routing/epoch.hpp"
#include "ctdbd/routing/pending_controls.hpp"
#include "ctdbd/routing/request_ids.hpp"
#include "ctdbd/routing/srvid_registry.hpp"

#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace ctdb::ctdbd {

// The links to the other nodes: sockets in the daemon, a faulty network in the simulation.
class peer_links {
public:
    peer_links() = default;
    peer_links(const peer_links&) = delete;
    peer_links& operator=(const peer_links&) = delete;
    virtual ~peer_links() = default;
    // Takes a whole, padded packet; silently lost if there is no outgoing link (databases.md 0.4).
    virtual void send(pnn to, bytes packet) = 0;
    virtual void fail(pnn peer, std::string why) = 0; // it is silent: close both connections
    [[nodiscard]] virtual std::size_t queued_bytes(pnn to) const = 0;
};

// What the router must know of the other nodes; the node table answers.
class node_directory {
public:
    node_directory() = default;
    node_directory(const node_directory&) = delete;
    node_directory& operator=(const node_directory&) = delete;
    virtual ~node_directory() = default;
    [[nodiscard]] virtual bool is_known(pnn node) const = 0;     // in the list and not deleted
    [[nodiscard]] virtual bool is_connected(pnn node) const = 0; // or the own node
    [[nodiscard]] virtual std::vector<pnn> expand(pnn broadcast) const = 0; // own node included
    [[nodiscard]] virtual bool own_is_banned() const = 0;
};

// Where a request comes from. `client` is set only for a client of this very node (W28): ids of
// other nodes' clients mean nothing here.
struct request_origin {
    pnn node;
    client_id client;
    [[nodiscard]] bool is_local_client() const noexcept { return client.value != 0; }
};

struct control_request {
    request_origin origin;
    ctdb::generation generation; // the sender's, from the packet header
    std::uint32_t opcode = 0;
    ctdb::srvid srvid;
    protocol::control_flags flags;
    byte_view data; // valid during the call
};

// The receivers of what arrives from nodes.
class packet_subjects {
public:
    packet_subjects() = default;
    packet_subjects(const packet_subjects&) = delete;
    packet_subjects& operator=(const packet_subjects&) = delete;
    virtual ~packet_subjects() = default;
    // Record packets: generation already checked; `packet` holds the bytes the views point into.
    virtual void record_packet(const protocol::packet& packet, byte_view raw) = 0;
    virtual void
    control(const control_request& request, std::function<void(client::control_answer)> reply) = 0;
    virtual void
    tunnel(const protocol::packet_header& header, const protocol::req_tunnel& body) = 0;
    // Nothing: the bare header that releases before 4.7 send.
    virtual void keepalive(pnn from, const std::optional<protocol::keepalive>& body) = 0;
};

class router {
public:
    router(
        async::runtime& rt,
        pnn self,
        peer_links& links,
        const node_directory& nodes,
        const epoch& current,
        packet_subjects& subjects
    );

    [[nodiscard]] pnn self() const noexcept { return self_; }
    [[nodiscard]] async::runtime& runtime() noexcept { return runtime_; }
    [[nodiscard]] request_ids& ids() noexcept { return ids_; }
    [[nodiscard]] srvid_registry& registry() noexcept { return registry_; }
    [[nodiscard]] const srvid_registry& registry() const noexcept { return registry_; }
    [[nodiscard]] pending_controls& pending() noexcept { return pending_; }
    [[nodiscard]] protocol::statistics& counters() noexcept { return counters_; }

    // Header with the vnn map's generation; destination and id as given.
    [[nodiscard]] protocol::packet_header header_to(pnn to, reqid id) const;
    void send_packet(pnn to, bytes packet); // to one node, self included

    void
    send_message(pnn to, srvid address, byte_view data); // one node, current_node or a broadcast
    // `deadline` none: ControlTimeout 0. The completion is called once, from the loop or
    // (unreachable node) before this returns. Returns the id to cancel with; 0 if it has already
    // completed.
    reqid send_control(
        const client::control_call& call,
        client_id on_behalf_of,
        std::optional<async::time_point> deadline,
        control_completion done
    );
    void send_control_without_reply(const client::control_call& call, client_id on_behalf_of);
    void send_tunnel(pnn to, const protocol::req_tunnel& body);

    // A whole packet from the node that owns the link it came over.
    void receive(pnn peer, byte_view packet);
    void node_lost(pnn node);

    // While a message is delivered: the node it came from.
    [[nodiscard]] pnn message_source() const noexcept { return message_source_; }
    // During packet_subjects::record_packet(): whose link brought it; a redirected REQ_CALL names
    // its originator as srcnode.
    [[nodiscard]] pnn record_peer() const noexcept { return record_peer_; }
    [[nodiscard]] std::uint64_t dropped() const noexcept { return dropped_; }

private:
    void receive_from(pnn peer, byte_view packet);
    void dispatch(pnn peer, const protocol::packet& p, byte_view raw);
    void dispatch_control(const protocol::packet_header& header, const protocol::req_control& body);
    void dispatch_record(const protocol::packet& p, byte_view raw);
    [[nodiscard]] bool source_is_true(pnn peer, const protocol::packet& p) const;
    [[nodiscard]] bool took_bare_keepalive(pnn peer, byte_view packet);
    void drop(pnn peer, const char* why);
    void serve_self();
    bytes encode_control(pnn to, reqid id, const client::control_call& call, client_id owner) const;

    async::runtime& runtime_;
    const pnn self_;
    peer_links& links_;
    const node_directory& nodes_;
    const epoch& epoch_;
    packet_subjects& subjects_;
    request_ids ids_;
    srvid_registry registry_;
    pending_controls pending_;
    protocol::statistics counters_;
    std::deque<bytes> to_self_;
    async::deferred self_turn_;
    std::uint64_t dropped_ = 0;
    pnn message_source_ = unknown_pnn;
    pnn record_peer_ = unknown_pnn;
};

} // namespace ctdb::ctdbd
