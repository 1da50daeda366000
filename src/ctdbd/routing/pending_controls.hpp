// pending_controls: controls sent to nodes and not yet answered. Each ends exactly once: by its
// reply, by the loss of its node, by its deadline - or silently, when whoever asked has gone.
#pragma once

#include "common/async/runtime.hpp"
#include "common/client/cluster_port.hpp"
#include "common/protocol/packet.hpp"
#include "ctdbd/routing/request_ids.hpp"

#include <functional>
#include <map>
#include <memory>
#include <optional>

namespace ctdb::ctdbd {

enum class control_end : std::uint8_t { answered, node_lost, timed_out };

// Called from the packet handler, the transport or a timer; must not destroy the table.
using control_completion = std::function<void(control_end, client::control_answer)>;

class pending_controls {
public:
    pending_controls(async::runtime& rt, request_ids& ids) : runtime_(rt), ids_(ids) {}

    // `owner`: the local client that waits, if any. No deadline: waits until answered or lost
    // (ControlTimeout 0).
    reqid
    add(pnn to, client_id owner, std::optional<async::time_point> deadline, control_completion done
    );
    // false: nobody waits for this (late reply, or a reply from a node that was not asked).
    bool answered(pnn from, reqid id, const protocol::reply_control& reply);
    void node_lost(pnn node);
    void owner_gone(client_id owner);
    void cancel(reqid id); // the waiter is no longer there

    [[nodiscard]] std::size_t size() const noexcept { return waiting_.size(); }
    [[nodiscard]] std::uint32_t timeouts() const noexcept { return timeouts_; }
    void reset_timeouts() noexcept { timeouts_ = 0; }

private:
    struct entry {
        pnn to;
        client_id owner;
        control_completion done;
        std::unique_ptr<async::timer> timer;
    };
    void finish(reqid id, control_end end, client::control_answer answer);

    async::runtime& runtime_;
    request_ids& ids_;
    std::map<reqid, entry> waiting_;
    std::uint32_t timeouts_ = 0;
};

// The text of answers that the daemon gives on a node's behalf; tools print them
// (wire-protocol.md 2.8).
inline constexpr const char* text_disconnected_node = "ctdb_control to disconnected node";
inline constexpr const char* text_node_lost = "node is disconnected";
inline constexpr const char* text_timed_out = "ctdb_control timed out";

} // namespace ctdb::ctdbd
