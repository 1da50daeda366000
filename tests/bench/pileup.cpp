// ctdb-bench-pileup SECONDS RATE SOCKET SOCKET...: clients ask for RATE records in a second while
// another process has the whole file locked on the node where they are, and then it lets go; of a
// running cluster, ours or upstream's. Prints one line of JSON.
//
//   answered        of `requests`, each for a record of its own from node 0 to one of the others
//   caught_up_ms    from letting go until the last answer
//   p50_ms          of a request
//   longest_ping_ms of node 0's daemon, asked every 10 ms by a second client all the time
//   recoveries      1 if the generation is another one afterwards
//
// Exit status 1: an error, on stderr.
#include "common/async/combinators.hpp"
#include "common/async/task_set.hpp"
#include "common/protocol/controls.hpp"
#include "program.hpp"
#include "times.hpp"

#include <cstdio>

#include <fmt/format.h>

#include <unistd.h>

namespace {

using namespace ctdb;
using namespace ctdb::bench;
namespace controls = protocol::controls;
using milliseconds = std::chrono::duration<double, std::milli>;

constexpr auto ping_interval = std::chrono::milliseconds(10);

unsigned requests_in(const order& what) {
    return what.numbers[0] * what.numbers[1];
}

struct progress {
    unsigned answered = 0;
    unsigned failed = 0;
    times waits;
    time_point let_go;
    time_point last_answer;
    times pings;
    bool over = false;
};

async::task<result<db_id>> fill(connections& nodes, std::string name, unsigned count) {
    client::attach_options options;
    const auto db = co_await attach_everywhere(nodes, std::move(name), options);
    if (!db) {
        co_return pass(db);
    }
    const bytes data(100, std::byte{'x'});
    for (unsigned i = 0; i < count; ++i) {
        const auto stored = co_await store(*db->on[0], key_of(i), data);
        if (!stored) {
            co_return pass(stored);
        }
    }
    co_return db->on[0]->id();
}

async::task<> ask(client::client& through, db_id id, unsigned number, progress& so_far) {
    const time_point begun = async::clock::now();
    const bytes key = key_of(number);
    protocol::req_call request;
    request.flags = protocol::call_flag::immediate_migration;
    request.db_id = id;
    request.key = key;
    const auto answer = co_await through.call(request, begun + patience);
    so_far.last_answer = async::clock::now();
    so_far.waits.add(so_far.last_answer - begun);
    ++(answer ? so_far.answered : so_far.failed);
}

async::task<> ping(client::client& node, progress& so_far) {
    while (!so_far.over) {
        const time_point asked = async::clock::now();
        const auto pid = co_await client::call<controls::get_pid>(
            node, node.self(), protocol::none(), asked + patience
        );
        so_far.pings.add(pid ? async::clock::now() - asked : patience);
        co_await async::sleep_for(node.loop(), ping_interval);
    }
}

async::task<result<generation>> generation_of(client::client& node) {
    const auto map = co_await client::call<controls::get_vnn_map>(
        node, node.self(), protocol::none(), node.loop().now() + patience
    );
    if (!map) {
        co_return pass(map);
    }
    co_return map->generation;
}

// Requests at the rate until the time is over; then what is asked for is waited for.
async::task<>
pile_up(connections& nodes, const order& what, db_id id, tdb::file& locked, progress& so_far) {
    async::event_loop& loop = nodes[0]->loop();
    async::task_set requests(loop);
    const time_point begun = loop.now();
    const unsigned rate = what.numbers[1];
    for (unsigned i = 0; i < requests_in(what); ++i) {
        const seconds due(static_cast<double>(i) / rate);
        co_await async::sleep_for(
            loop, begun + std::chrono::duration_cast<async::duration>(due) - loop.now()
        );
        requests.spawn(ask(*nodes[1 + i % (nodes.size() - 1)], id, i, so_far));
    }
    locked.unlock_all();
    so_far.let_go = loop.now();
    while (!requests.empty()) {
        co_await async::sleep_for(loop, std::chrono::milliseconds(1));
    }
    so_far.over = true;
}

void print(const order& what, const progress& seen, bool recovered) {
    fmt::print(
        "{{\"requests\":{},\"answered\":{},\"failed\":{},\"caught_up_ms\":{:.1f},\"p50_ms\":{:.1f},"
        "\"longest_ping_ms\":{:.1f},\"recoveries\":{}}}\n",
        requests_in(what),
        seen.answered,
        seen.failed,
        milliseconds(seen.last_answer - seen.let_go).count(),
        seen.waits.quantile_us(0.50) / 1e3,
        seen.pings.quantile_us(1) / 1e3,
        recovered ? 1 : 0
    );
}

async::task<result<>> pileup(connections& nodes, const order& what) {
    auto second = co_await connect_all(nodes[0]->loop(), what.sockets);
    if (!second) {
        co_return pass(second);
    }
    std::string name = fmt::format("bench_pileup_{}.tdb", getpid());
    const auto id = co_await fill(nodes, std::move(name), requests_in(what));
    if (!id) {
        co_return pass(id);
    }
    const auto file = co_await open_file(*nodes[0], *id);
    const auto before = co_await generation_of(*nodes[0]);
    if (!file || !before) {
        co_return file ? pass(before) : pass(file);
    }
    if (const auto locked = (*file)->wait_lock_all(); !locked) {
        co_return pass(locked);
    }
    progress seen;
    std::vector<async::task<>> all;
    all.push_back(pile_up(nodes, what, *id, **file, seen));
    all.push_back(ping(*(*second)[0], seen));
    async::all_of everything(std::move(all));
    co_await everything;
    const auto after = co_await generation_of(*nodes[0]);
    if (!after) {
        co_return pass(after);
    }
    print(what, seen, *after != *before);
    co_return result<>();
}

constexpr command_line form = {"ctdb-bench-pileup SECONDS RATE SOCKET SOCKET...", 2, 2};

} // namespace

int main(int argc, char** argv) {
    return measure(form, argc, argv, pileup);
}
