// sim_network: the links between simulated nodes.
//
// Between two attached nodes there is a connection or none. Packets of an ordered pair arrive in
// the order sent, after a random delay. When a connection breaks, in each direction a random part
// of what is under way still arrives, the rest is lost; afterwards both ends are told, each in its
// own time; what is sent before the end is told is lost too. A new connection is told in the same
// way. A paused node's packets wait until it goes on.
#pragma once

#include "common/base/bytes.hpp"
#include "common/base/ids.hpp"
#include "tests/simulation/support/sim_world.hpp"

#include <chrono>
#include <map>
#include <set>
#include <tuple>

namespace ctdb::simulation {

// A node as the network sees it. May send from within these; must not attach or detach.
class network_port {
public:
    network_port() = default;
    network_port(const network_port&) = delete;
    network_port& operator=(const network_port&) = delete;
    virtual ~network_port() = default;
    virtual void deliver(pnn from, byte_view packet) = 0;
    virtual void connection_made(pnn to) = 0;
    virtual void connection_lost(pnn to) = 0;
};

struct delay_range {
    std::chrono::microseconds least{50};
    std::chrono::microseconds most{500};
};

class sim_network final : public event_source {
public:
    explicit sim_network(sim_world& world);

    void set_delays(delay_range packets) { delays_ = packets; }
    // A node that runs: connections to all others that are attached come up by themselves.
    void attach(pnn node, network_port& port, const sim_runtime& runtime);
    void detach(pnn node);  // gone: every connection of it breaks
    void resumed(pnn node); // Requires: its runtime goes on again

    bool send(pnn from, pnn to, bytes packet); // false: `from` knows of no connection
    void break_link(pnn a, pnn b);
    void heal_link(pnn a, pnn b);
    [[nodiscard]] bool connected(pnn a, pnn b) const; // the link, whatever the ends know
    // `a` knows of the connection that there is now.
    [[nodiscard]] bool usable(pnn a, pnn b) const;
    [[nodiscard]] std::size_t in_flight() const noexcept { return packets_; }

    [[nodiscard]] std::optional<async::time_point> next_event() const override;
    void perform_next() override;

private:
    enum class kind : std::uint8_t { packet, made, lost };
    struct event {
        kind is = kind::packet;
        pnn from;
        pnn to;
        std::uint64_t life = 0; // of the connection
        bytes packet;
    };
    using place = std::tuple<async::time_point, std::uint64_t>;
    using pair = std::pair<pnn, pnn>;
    struct end {                // one direction, as the sender and the clock see it
        bool up = false;        // the sender knows of a connection
        std::uint64_t life = 0; // which one
        async::time_point last; // FIFO: nothing overtakes this
    };
    struct node {
        network_port* port = nullptr;
        const sim_runtime* runtime = nullptr;
        std::map<place, event> waiting; // for a paused node
    };
    [[nodiscard]] static pair unordered(pnn a, pnn b) { return a < b ? pair{a, b} : pair{b, a}; }
    void schedule(pnn from, pnn to, event e, std::chrono::microseconds delay);
    void lose_some(pnn from, pnn to);
    void perform(const event& e);

    sim_world& world_;
    delay_range delays_;
    std::map<pnn, node> nodes_;
    std::map<pair, end> ends_;
    std::map<pair, std::uint64_t> lives_; // unordered pair: the connection's number, 0 = none
    std::map<place, event> events_;
    std::uint64_t sequence_ = 0;
    std::uint64_t last_life_ = 0;
    std::size_t packets_ = 0;
};

} // namespace ctdb::simulation
