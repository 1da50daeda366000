// node_context: what the databases need to know of this node and its cluster, and the few things
// that they ask for. A door: the daemon's composition, or a test.
//
// It outlives everything that is given it. Facts may change between two calls, never during one.
#pragma once

#include "common/async/runtime.hpp"
#include "common/client/cluster_port.hpp"
#include "common/protocol/tunables.hpp"
#include "common/protocol/types_membership.hpp"

#include <string>
#include <vector>

namespace ctdb::ctdbd {

class node_context {
public:
    node_context() = default;
    node_context(const node_context&) = delete;
    node_context& operator=(const node_context&) = delete;
    virtual ~node_context() = default;

    [[nodiscard]] virtual client::cluster_port& port() = 0; // and through it runtime and own pnn
    [[nodiscard]] virtual const protocol::vnn_map& vnn_map() const = 0;
    [[nodiscard]] virtual protocol::recovery_mode recovery_mode() const = 0;
    [[nodiscard]] virtual protocol::run_state run_state() const = 0;
    [[nodiscard]] virtual const protocol::tunable_list& tunables() const = 0;

    [[nodiscard]] virtual bool is_inactive() const = 0;                // this node
    [[nodiscard]] virtual std::vector<pnn> active_nodes() const = 0;   // in node order
    [[nodiscard]] virtual std::size_t nodes_without_flags() const = 0; // flags == 0
    // A member of the vnn map without a link to this node: others may count on it all the same.
    [[nodiscard]] virtual bool is_connected(pnn /*node*/) const { return true; }
    // Every active node announces the capability bit of our implementation.
    [[nodiscard]] virtual bool all_active_are_ours() const = 0;

    // The node announces that bit.
    [[nodiscard]] virtual bool is_ours(pnn /*node*/) const { return true; }

    // Sets the own recovery mode ACTIVE: that is how a recovery is asked for (databases.md 6.2).
    virtual void request_recovery(const std::string& reason) = 0;
    // Hands a message to the local listeners of `address` only, without copies to srvid ALL
    // (traverse, wire-protocol.md 3.5).
    virtual void deliver_traverse(ctdb::srvid address, byte_view data) = 0;
    // Bytes waiting to be sent to a node: long jobs pause while it is much.
    [[nodiscard]] virtual std::size_t queued_bytes(pnn /*to*/) const { return 0; }
    // What a local listener of this address has not read yet; the most of one.
    [[nodiscard]] virtual std::size_t unread_bytes(ctdb::srvid /*address*/) const { return 0; }

    [[nodiscard]] pnn self() { return port().self(); }
    [[nodiscard]] async::runtime& runtime() { return port().runtime(); }
    [[nodiscard]] bool recovering() const {
        return recovery_mode() != protocol::recovery_mode::normal;
    }
    [[nodiscard]] std::uint32_t tunable(protocol::tunable_id id) const { return tunables()[id]; }
};

} // namespace ctdb::ctdbd
