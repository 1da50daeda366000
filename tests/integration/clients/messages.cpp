// ctdb-test-messages ADDRESS COUNT PAUSE_US NODE...: exchanges messages with the same program on
// other nodes and judges what arrives.
//
// Every PAUSE_US it sends one numbered message of changing length to each NODE, once that node has
// been heard of. COUNT > 0: so many to each, then it waits until as many have come from each and
// ends. COUNT 0: goes on until SIGTERM or until ctdbd is gone. ADDRESS: distinguishes exchanges.
//
// Always promised, of one run of this program to another: the order, nothing twice, nothing
// changed. Promised only while the link between the two daemons holds: that everything arrives; a
// COUNT demands it. What came is printed, one line per node: "NODE SENT RECEIVED". Exit status: 0
// as promised, 1 a promise was broken or ctdbd is gone before COUNT, 3 something is missing.
#include "common/async/combinators.hpp"
#include "common/async/signal_watch.hpp"
#include "common/client/client.hpp"
#include "common/path/paths.hpp"

#include <algorithm>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <map>
#include <optional>
#include <set>
#include <string_view>

#include <fmt/format.h>

namespace {

using namespace ctdb;

constexpr auto patience = std::chrono::seconds(60);
constexpr std::uint64_t address_base = 0xA15000; // of nobody else
constexpr std::size_t padding_max = 3000;        // messages of one piece and of several

struct order {
    std::uint64_t address = 0;
    std::uint64_t count = 0;
    std::chrono::microseconds pause{0};
    std::vector<pnn> peers;
};

// What is known of one of the others.
struct peer_state {
    bool heard = false; // it listens
    std::uint64_t sent = 0;
    std::uint64_t received = 0;
    std::uint64_t run = 0; // of the program there
    std::uint64_t last = 0;
    std::set<std::uint64_t> former_runs;
};

// number 0: "I listen"
struct content {
    pnn from;
    std::uint64_t run = 0;
    std::uint64_t number = 0;
};

std::byte padding_at(std::uint64_t number, std::size_t i) {
    return static_cast<std::byte>((number * 31 + i * 7) & 0xFF);
}

bytes encode(const content& c) {
    writer out;
    out.put(c.from.value);
    out.put(c.run);
    out.put(c.number);
    const std::size_t padding = c.number * 97 % padding_max;
    for (std::size_t i = 0; i < padding; ++i) {
        out.put(padding_at(c.number, i));
    }
    return out.take();
}

std::optional<content> decode(byte_view data) {
    reader in(data);
    content c;
    c.from = pnn{in.get<std::uint32_t>()};
    c.run = in.get<std::uint64_t>();
    c.number = in.get<std::uint64_t>();
    const bytes expected = encode(c);
    const bool intact =
        in.ok() && std::equal(data.begin(), data.end(), expected.begin(), expected.end());
    return intact ? std::optional(c) : std::nullopt;
}

class exchange {
public:
    exchange(client::client& ctdbd, const order& what)
        : ctdbd_(ctdbd), what_(what), run_(ctdbd.runtime().random() | 1U) {
        for (const pnn peer : what_.peers) {
            peers_.try_emplace(peer);
        }
    }
    void send_round() {
        for (auto& [node, state] : peers_) {
            if (!state.heard) {
                send(node, 0);
            } else if (what_.count == 0 || state.sent < what_.count) {
                send(node, ++state.sent);
            }
        }
    }
    void take(byte_view data) {
        const auto c = decode(data);
        if (!c) {
            broken("a message of {} bytes is not what was sent", data.size());
            return;
        }
        const auto known = peers_.find(c->from);
        if (known == peers_.end()) {
            broken("a message of node {}, which was not asked for", c->from);
            return;
        }
        judge(*c, known->second);
    }
    [[nodiscard]] bool complete() const {
        return what_.count > 0 && std::all_of(peers_.begin(), peers_.end(), [this](const auto& p) {
                   return p.second.sent == what_.count && p.second.received == what_.count;
               });
    }
    [[nodiscard]] bool promise_broken() const noexcept { return broken_; }
    void report() const {
        for (const auto& [node, state] : peers_) {
            fmt::print("{} {} {}\n", node, state.sent, state.received);
        }
    }
    [[nodiscard]] srvid own_address() const { return address_of(ctdbd_.self()); }

private:
    [[nodiscard]] srvid address_of(pnn node) const {
        return srvid{address_base + what_.address * 0x100 + node.value};
    }
    void send(pnn to, std::uint64_t number) {
        const bytes data = encode({ctdbd_.self(), run_, number});
        ctdbd_.message(to, address_of(to), data);
    }
    void judge(const content& c, peer_state& from) {
        if (c.run != from.run) {
            if (from.former_runs.contains(c.run)) {
                broken("node {}: a message of an earlier run", c.from);
                return;
            }
            from.former_runs.insert(from.run);
            from.run = c.run;
            from.last = 0;
        }
        from.heard = true;
        if (c.number == 0) {
            return;
        }
        if (c.number <= from.last) {
            broken("node {}: message {} after {}", c.from, c.number, from.last);
        }
        from.last = c.number;
        ++from.received;
    }
    template <class... Args>
    void broken(fmt::format_string<Args...> text, Args&&... args) {
        fmt::print(
            stderr, "ctdb-test-messages: {}\n", fmt::format(text, std::forward<Args>(args)...)
        );
        broken_ = true;
    }

    client::client& ctdbd_;
    const order& what_;
    const std::uint64_t run_; // tells this run of the program from others
    std::map<pnn, peer_state> peers_;
    bool broken_ = false;
};

struct circumstances {
    bool asked_to_end = false;
    bool disconnected = false;
};

async::task<result<int>>
work(async::event_loop& loop, client::client& ctdbd, const order& what, circumstances& now) {
    exchange talk(ctdbd, what);
    const auto heard = [&talk](byte_view data) { talk.take(data); };
    const auto listening =
        co_await ctdbd.subscribe_confirmed(talk.own_address(), heard, loop.now() + patience);
    if (!listening) {
        co_return pass(listening);
    }
    auto give_up = loop.now() + patience;
    std::uint64_t rounds = 0;
    while (!talk.complete() && !talk.promise_broken() && !now.asked_to_end && !now.disconnected) {
        if (what.count > 0 && loop.now() > give_up) {
            break;
        }
        talk.send_round();
        if (++rounds <= what.count) {
            give_up = loop.now() + patience; // after the last was sent
        }
        co_await async::sleep_for(loop, what.pause);
    }
    talk.report();
    if (talk.promise_broken()) {
        co_return 1;
    }
    if (what.count == 0 || talk.complete()) {
        co_return 0;
    }
    co_return now.disconnected ? 1 : 3;
}

template <class Number>
std::optional<Number> number_in(std::string_view text) {
    Number value{};
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (code != std::errc() || end != text.data() + text.size()) {
        return std::nullopt;
    }
    return value;
}

std::optional<order> parse(int argc, char** argv) {
    if (argc < 5) {
        return std::nullopt;
    }
    const auto address = number_in<std::uint16_t>(argv[1]);
    const auto count = number_in<std::uint32_t>(argv[2]);
    const auto pause = number_in<std::uint32_t>(argv[3]);
    if (!address || !count || !pause) {
        return std::nullopt;
    }
    order what{*address, *count, std::chrono::microseconds(*pause), {}};
    for (int i = 4; i < argc; ++i) {
        const auto node = number_in<std::uint8_t>(argv[i]);
        if (!node) {
            return std::nullopt;
        }
        what.peers.emplace_back(*node);
    }
    return what;
}

result<int> run(const order& what) {
    async::event_loop loop;
    circumstances now;
    const async::signal_watch terminate(loop, SIGTERM, [&] { now.asked_to_end = true; });
    const std::string socket = path::process_paths().socket("ctdbd");
    auto ctdbd = loop.run_until_done(client::client::connect(
        loop,
        socket,
        loop.now() + patience,
        [&](const sock::stream_end&) { now.disconnected = true; }
    ));
    if (!ctdbd) {
        return pass(ctdbd);
    }
    return loop.run_until_done(work(loop, **ctdbd, what, now));
}

} // namespace

int main(int argc, char** argv) {
    const auto what = parse(argc, argv);
    if (!what) {
        fmt::print(stderr, "usage: ctdb-test-messages ADDRESS COUNT PAUSE_US NODE...\n");
        return 2;
    }
    const auto status = run(*what);
    if (!status) {
        fmt::print(stderr, "ctdb-test-messages: {}\n", status.error().what);
        return what->count == 0 ? 0 : 1;
    }
    return *status;
}
