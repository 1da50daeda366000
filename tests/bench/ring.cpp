// ctdb-bench-ring MODE SECONDS NUMBER SOCKET...: measures a running cluster through the client
// sockets of its nodes, ours or upstream's, and prints one line of JSON.
//
//   messages  NUMBER messages go round node 0 -> 1 -> ... -> 0; one hop = client to client
//   fetch     one record is fetched and stored under its lock on node 0, 1, ... in turn (NUMBER is
//             ignored); one hop = migration, lock, store, unlock
//
// One process, one connection per SOCKET; a second of warm-up. Exit status 1: an error, on stderr.
#include "common/async/combinators.hpp"
#include "common/client/database.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <functional>
#include <optional>
#include <string_view>

#include <fmt/format.h>

namespace {

using namespace ctdb;
using connections = std::vector<std::unique_ptr<client::client>>;
using subscription = std::unique_ptr<client::message_subscription>;
using async::time_point;
using seconds = std::chrono::duration<double>;

constexpr auto warm_up = std::chrono::seconds(1);
constexpr auto patience = std::chrono::seconds(60);
constexpr srvid ring_address{0xBE00000000000042}; // below all ranges that anybody uses

struct order {
    std::string mode;
    unsigned duration_s = 0;
    unsigned number = 0;
    std::vector<std::string> sockets;
};

std::optional<unsigned> number_in(std::string_view text) {
    unsigned value = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (code != std::errc() || end != text.data() + text.size() || value == 0) {
        return std::nullopt;
    }
    return value;
}

// ---- figures ----

class hop_times {
public:
    void add(async::duration d) {
        microseconds_.push_back(std::chrono::duration<double, std::micro>(d).count());
    }
    void print(const order& what, seconds elapsed) {
        std::sort(microseconds_.begin(), microseconds_.end());
        fmt::print(
            "{{\"mode\":\"{}\",\"number\":{},\"nodes\":{},\"seconds\":{:.3f},\"hops\":{},"
            "\"per_second\":{:.0f},\"p50_us\":{:.1f},\"p99_us\":{:.1f}}}\n",
            what.mode,
            what.number,
            what.sockets.size(),
            elapsed.count(),
            microseconds_.size(),
            static_cast<double>(microseconds_.size()) / elapsed.count(),
            quantile(0.50),
            quantile(0.99)
        );
    }

private:
    [[nodiscard]] double quantile(double q) const {
        if (microseconds_.empty()) {
            return 0;
        }
        const auto last = static_cast<double>(microseconds_.size() - 1);
        return microseconds_[static_cast<std::size_t>(q * last)];
    }
    std::vector<double> microseconds_; // sorted when printed
};

// ---- messages ----

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
    hop_times& stop() {
        stopped_ = true;
        return times_;
    }

private:
    connections& nodes_;
    time_point measured_from_;
    std::vector<time_point> sent_at_;
    hop_times times_;
    bool stopped_ = false;
};

async::task<result<>> messages(async::event_loop& loop, connections& nodes, const order& what) {
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
    ring.start(what.number);
    const time_point end = from + std::chrono::seconds(what.duration_s);
    co_await async::sleep_for(loop, end - loop.now());
    const seconds elapsed = loop.now() - from;
    ring.stop().print(what, elapsed);
    co_return result<>();
}

// ---- fetch ----

// The handles of one database on every node.
struct attached {
    std::vector<std::unique_ptr<client::databases>> owners;
    std::vector<std::shared_ptr<client::database>> on;
};

async::task<result<attached>>
attach_everywhere(connections& nodes, std::string name, time_point deadline) {
    attached out;
    for (const auto& node : nodes) {
        auto owner = std::make_unique<client::databases>(*node, client::waiting::blocking);
        client::attach_options options;
        auto db = co_await owner->attach(name, options, deadline);
        if (!db) {
            co_return pass(db);
        }
        out.owners.push_back(std::move(owner));
        out.on.push_back(std::move(*db));
    }
    co_return std::move(out);
}

async::task<result<>> store(client::database& db, bytes key, byte_view data, time_point deadline) {
    const auto record =
        co_await db.fetch_locked(std::move(key), client::record_access::write, deadline);
    if (!record) {
        co_return pass(record);
    }
    co_return (*record)->store(data);
}

async::task<result<>> fetches(async::event_loop& loop, connections& nodes, const order& what) {
    const auto db = co_await attach_everywhere(nodes, "bench_fetch.tdb", loop.now() + patience);
    if (!db) {
        co_return pass(db);
    }
    const bytes key = to_bytes("record of the ring");
    hop_times times;
    std::uint64_t hops = 0;
    const time_point from = loop.now() + warm_up;
    const time_point end = from + std::chrono::seconds(what.duration_s);
    time_point before = loop.now();
    while (before < end) {
        const byte_view data = std::as_bytes(std::span(&hops, 1));
        const auto done =
            co_await store(*db->on[hops % nodes.size()], key, data, before + patience);
        if (!done) {
            co_return pass(done);
        }
        const time_point now = loop.now();
        if (before >= from) {
            times.add(now - before);
        }
        before = now;
        ++hops;
    }
    times.print(what, before - from);
    co_return result<>();
}

// ---- the program ----

std::optional<order> parse(int argc, char** argv) {
    const std::vector<std::string> words(argv + 1, argv + argc);
    if (words.size() < 5) {
        return std::nullopt;
    }
    const auto duration = number_in(words[1]);
    const auto number = number_in(words[2]);
    const bool known = words[0] == "messages" || words[0] == "fetch";
    if (!known || !duration || !number) {
        return std::nullopt;
    }
    return order{words[0], *duration, *number, {words.begin() + 3, words.end()}};
}

result<> run(const order& what) {
    async::event_loop loop;
    connections nodes;
    for (const std::string& socket : what.sockets) {
        const time_point deadline = loop.now() + patience;
        auto node = loop.run_until_done(client::client::connect(loop, socket, deadline));
        if (!node) {
            return pass(node);
        }
        nodes.push_back(std::move(*node));
    }
    if (what.mode == "messages") {
        return loop.run_until_done(messages(loop, nodes, what));
    }
    return loop.run_until_done(fetches(loop, nodes, what));
}

} // namespace

int main(int argc, char** argv) {
    const auto what = parse(argc, argv);
    if (!what) {
        fmt::print(
            stderr, "usage: ctdb-bench-ring messages|fetch SECONDS NUMBER SOCKET SOCKET...\n"
        );
        return 2;
    }
    const auto done = run(*what);
    if (!done) {
        fmt::print(stderr, "ctdb-bench-ring: {}\n", done.error().what);
    }
    return done ? 0 : 1;
}
