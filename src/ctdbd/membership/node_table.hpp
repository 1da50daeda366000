// node_table: every node of the list with address, flags and capabilities as this node sees them.
//
// One owner per fact (cluster.md 3.1): own flags change only through own_node; DISCONNECTED of a
// peer only through link_up() and link_down(); its other flags only through modify_flags(); DELETED
// only through reload(). Every change is logged as old -> new with its reason and told to the
// subscribers, after it has happened. A subscriber may read the table and subscribe, but must not
// change it (record and wake).
//
//   N1  own node: never DISCONNECTED, never DELETED.   N2  deleted node: DELETED and DISCONNECTED.
//   N3  index = pnn; reload() never renumbers.          N4  capabilities are known only while
//   connected.
#pragma once

#include "common/base/ids.hpp"
#include "common/protocol/types_membership.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ctdb::ctdbd {

// A line of the nodes list; its position is the node's number.
struct listed_node {
    protocol::sock_addr address;
    bool deleted = false;
    bool operator==(const listed_node&) const = default;
};

struct flag_change {
    pnn node;
    protocol::node_flags before;
    protocol::node_flags now;
    std::string_view reason; // valid during the call
};

enum class modify_outcome : std::uint8_t {
    changed,
    unchanged,
    ignored,     // own node or a disconnected one: status 0
    unknown_node // status -1
};

// What reload() did: the transport closes `replaced` and `removed` and connects `replaced` and
// `added`.
struct reload_outcome {
    std::vector<pnn> added;    // new or formerly deleted numbers
    std::vector<pnn> replaced; // another address: a new node under an old number
    std::vector<pnn> removed;  // now deleted
    [[nodiscard]] bool changed() const noexcept {
        return !(added.empty() && replaced.empty() && removed.empty());
    }
};

// "OK", "DISCONNECTED|UNHEALTHY|INACTIVE": as the tools print them (cluster.md 3.4).
[[nodiscard]] std::string flag_names(protocol::node_flags flags);

class node_table {
public:
    // Requires: self is in the list and not deleted.
    node_table(pnn self, const std::vector<listed_node>& nodes);
    node_table(const node_table&) = delete;
    node_table& operator=(const node_table&) = delete;

    [[nodiscard]] pnn self() const noexcept { return self_; }
    [[nodiscard]] std::size_t size() const noexcept { return nodes_.size(); } // deleted included
    [[nodiscard]] bool is_listed(pnn node) const noexcept { return node.value < nodes_.size(); }
    [[nodiscard]] bool is_known(pnn node) const;     // listed and not deleted
    [[nodiscard]] bool is_connected(pnn node) const; // known and connected, or the own node
    [[nodiscard]] bool is_active(pnn node) const;
    [[nodiscard]] bool own_is_banned() const;
    // Requires: is_listed(node).
    [[nodiscard]] protocol::node_flags flags(pnn node) const;
    [[nodiscard]] protocol::node_flags own_flags() const { return flags(self_); }
    [[nodiscard]] const protocol::sock_addr& address(pnn node) const;
    // The live node that owns an address, ports apart.
    [[nodiscard]] std::optional<pnn> find(const protocol::sock_addr& address) const;

    [[nodiscard]] protocol::node_map map() const; // GET_NODEMAP
    // BROADCAST_ALL, _ACTIVE, _CONNECTED (cluster.md 2.7), own node included, in node order; any
    // other number: itself if known.
    [[nodiscard]] std::vector<pnn> expand(pnn destination) const;
    [[nodiscard]] std::vector<pnn> known() const { return expand(protocol::broadcast_all); }
    [[nodiscard]] std::vector<pnn> connected() const {
        return expand(protocol::broadcast_connected);
    }
    [[nodiscard]] std::vector<pnn> active() const { return expand(protocol::broadcast_active); }

    // What a peer announced about itself; forgotten when it disconnects. The own ones are set too.
    void set_capabilities(pnn node, protocol::capabilities announced);
    [[nodiscard]] std::optional<protocol::capabilities> capabilities(pnn node) const;
    [[nodiscard]] bool is_ours(pnn node) const; // known to run this implementation
    [[nodiscard]] bool all_connected_are_ours() const;
    [[nodiscard]] bool all_active_are_ours() const;

    void link_up(pnn node);
    void link_down(pnn node, std::string_view reason);
    // MODIFY_FLAGS from a leader (cluster.md 3.2), restricted to the flags it may carry (W31).
    modify_outcome modify_flags(const protocol::node_flag_change& change);
    // own_node's door.
    void change_own(protocol::node_flags set, protocol::node_flags clear, std::string_view reason);
    // A new list that was parsed completely. EINVAL: own node missing, deleted or with another
    // address; nothing is changed then.
    [[nodiscard]] result<reload_outcome> reload(const std::vector<listed_node>& nodes);

    using listener = std::function<void(const flag_change&)>;
    // Deregisters when destroyed. The table outlives it.
    class subscription {
    public:
        subscription() = default;
        explicit subscription(std::shared_ptr<listener> held) : held_(std::move(held)) {}

    private:
        std::shared_ptr<listener> held_;
    };
    [[nodiscard]] subscription subscribe(listener on_change);

private:
    struct entry {
        protocol::sock_addr address;
        protocol::node_flags flags;
        std::optional<protocol::capabilities> announced;
    };
    [[nodiscard]] static entry fresh(const listed_node& node);
    [[nodiscard]] entry& at(pnn node);
    [[nodiscard]] const entry& at(pnn node) const;
    void put_flags(pnn node, protocol::node_flags now, std::string_view reason);
    void tell(const flag_change& change);
    template <class Wanted>
    [[nodiscard]] std::vector<pnn> select(Wanted wanted) const;

    const pnn self_;
    std::vector<entry> nodes_;
    std::vector<std::weak_ptr<listener>> listeners_;
};

} // namespace ctdb::ctdbd
