// ctdb-bench-messages SECONDS NUMBER SOCKET SOCKET...: NUMBER messages go round a running cluster,
// ours or upstream's, from a client of node 0 to one of node 1 -> ... -> 0; prints one line of
// JSON: hops (client to client) in a second, median and p99 of a hop.
//
// One process, one connection per SOCKET; a second of warm-up. Exit status 1: an error, on stderr.
#include "common/async/combinators.hpp"
#include "program.hpp"
#include "times.hpp"

#include <cstdio>

#include <fmt/format.h>

namespace {

using namespace ctdb;
using namespace ctdb::bench;
using subscription = std::unique_ptr<client::message_subscription>;

constexpr auto warm_up = std::chrono::seconds(1);
constexpr srvid ring_address{0xBE00000000000042}; // below all ranges that anybody uses

// The messages going round; each carries its index, so that its hops can be timed.
class message_ring {
public:
    message_ring(connections& nodes, time_point from) : nodes_(nodes), measured_from_(from) {}

    void send(std::size_t to, std::size_t index) {
        const std::uint64_t payload = index;
        const std::size_t through = (to + nodes_.size() - 1) % nodes_.size();
        sent_at_[index] = nodes_[0]->loop().now();
        const auto data = std::as_bytes(std::span(&payload, 1));
        nodes_[through]->message(nodes_[to]->self(), ring_address, data);
        nodes_[through]->flush();
    }
    void start(unsigned count) {
        sent_at_.resize(count);
        for (std::size_t i = 0; i < count; ++i) {
            send((i + 1) % nodes_.size(), i);
        }
    }
    void received(std::size_t at, byte_view data) {
        reader in(data);
        const auto index = static_cast<std::size_t>(in.get<std::uint64_t>());
        if (!in.ok() || index >= sent_at_.size() || stopped_) {
            return;
        }
        const time_point now = nodes_[0]->loop().now();
        if (now >= measured_from_) {
            times_.add(now - sent_at_[index]);
        }
        send((at + 1) % nodes_.size(), index);
    }
    const times& stop() {
        stopped_ = true;
        return times_;
    }

private:
    connections& nodes_;
    time_point measured_from_;
    std::vector<time_point> sent_at_;
    times times_;
    bool stopped_ = false;
};

void print(const order& what, const times& hops, seconds elapsed) {
    fmt::print(
        "{{\"mode\":\"messages\",\"number\":{},\"nodes\":{},\"per_second\":{:.0f},"
        "\"p50_us\":{:.1f},\"p99_us\":{:.1f}}}\n",
        what.numbers[1],
        what.sockets.size(),
        static_cast<double>(hops.count()) / elapsed.count(),
        hops.quantile_us(0.50),
        hops.quantile_us(0.99)
    );
}

async::task<result<>> messages(connections& nodes, const order& what) {
    async::event_loop& loop = nodes[0]->loop();
    const time_point deadline = loop.now() + patience;
    const time_point from = loop.now() + warm_up;
    message_ring ring(nodes, from);
    std::vector<subscription> subscribed;
    for (std::size_t i = 0; i < nodes.size(); ++i) {
        std::function<void(byte_view)> handler = [&ring, i](byte_view data) {
            ring.received(i, data);
        };
        auto added =
            co_await nodes[i]->subscribe_confirmed(ring_address, std::move(handler), deadline);
        if (!added) {
            co_return pass(added);
        }
        subscribed.push_back(std::move(*added));
    }
    ring.start(what.numbers[1]);
    const time_point end = from + std::chrono::seconds(what.numbers[0]);
    co_await async::sleep_for(loop, end - loop.now());
    const seconds elapsed = loop.now() - from;
    print(what, ring.stop(), elapsed);
    co_return result<>();
}

constexpr command_line form = {"ctdb-bench-messages SECONDS NUMBER SOCKET SOCKET...", 2, 2};

} // namespace

int main(int argc, char** argv) {
    return measure(form, argc, argv, messages);
}
