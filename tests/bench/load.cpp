// ctdb-bench-load MODE SECONDS CLIENTS SOCKET...: loads a running cluster, ours or upstream's, with
// client processes, each with connections of its own, and prints one line of JSON: what was done
// in a second, median, p99 and the longest time of one step.
//
//   fetch   CLIENTS processes, each with a record of its own that it fetches and stores under its
//           lock on node 0, 1, ... in turn; a step = migration, lock, store, unlock
//   hot     CLIENTS processes on each node, which all fetch and store one record, each 0.1 ms after
//           its last time: who locks it again at once leaves the others no chance. Moves: steps
//           that found the value of another node
//   held    the same, and each has the lock for 5 ms
//   read    CLIENTS processes on each node read one record that is delegated to the nodes, one time
//           after the other
//   revoke  the same, each 0.1 ms after its last time, while a process on node 0 stores it every
//           20 ms
//   commit  CLIENTS processes on each node commit changes, each of a record of its own in a
//           persistent database
//   disk    the same changes, each process in a file of its own beside the database and by itself:
//           what the disks allow. A commit changes the file of every node
//
// Exit status 1: an error, on stderr.
#include "common/client/transaction.hpp"
#include "crew.hpp"
#include "program.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <thread>

#include <fmt/format.h>

namespace {

using namespace ctdb;
using namespace ctdb::bench;

constexpr auto hold_time = std::chrono::milliseconds(5);
constexpr auto pause = std::chrono::microseconds(100);
constexpr auto store_interval = std::chrono::milliseconds(20);

// What a client process has to do with its databases, one for each of its nodes.
struct client_side {
    attached dbs;
    std::unique_ptr<tdb::file> own_file; // made when it is needed first
    bytes own_key;
    bytes common_key;
    std::uint64_t steps = 0;
    bool moved = false; // the record of the last step came from another node
};
using step = async::task<result<>> (*)(client_side& of);

byte_view number_of(const client_side& of) {
    return std::as_bytes(std::span(&of.steps, 1));
}

async::task<result<>> fetch_in_turn(client_side& of) {
    return store(*of.dbs.on[of.steps % of.dbs.on.size()], of.own_key, number_of(of));
}

// The value begins with the number of the node that stored it.
async::task<result<>> change_common(client_side& of, async::duration hold) {
    client::database& db = *of.dbs.on[0];
    const time_point deadline = db.through().loop().now() + patience;
    const auto record =
        co_await db.fetch_locked(of.common_key, client::record_access::write, deadline);
    if (!record) {
        co_return pass(record);
    }
    const std::array<std::uint64_t, 2> value = {db.through().self().value, of.steps};
    const bytes before = (*record)->data();
    const auto node = std::as_bytes(std::span(value)).first(sizeof value[0]);
    of.moved = before.size() != sizeof value ||
               !std::ranges::equal(node, byte_view(before).first(node.size()));
    std::this_thread::sleep_for(hold);
    co_return (*record)->store(std::as_bytes(std::span(value)));
}

async::task<result<>> store_common(client_side& of) {
    return change_common(of, async::duration::zero());
}

async::task<result<>> hold_common(client_side& of) {
    return change_common(of, hold_time);
}

async::task<result<>> read_common(client_side& of) {
    client::database& db = *of.dbs.on[0];
    const time_point deadline = db.through().loop().now() + patience;
    const auto record =
        co_await db.fetch_locked(of.common_key, client::record_access::read, deadline);
    co_return record ? result<>() : pass(record);
}

async::task<result<>> commit_own(client_side& of) {
    const time_point deadline = of.dbs.on[0]->through().loop().now() + patience;
    return client::store_persistent(
        *of.dbs.owners[0], of.dbs.on[0], of.own_key, to_bytes(number_of(of)), deadline
    );
}

result<> make_own_file(client_side& of) {
    tdb::open_options options;
    options.path = fmt::format("{}.{}", of.dbs.on[0]->path(), text_of(of.own_key));
    options.creation = tdb::create::if_missing;
    auto made = tdb::file::open(options);
    if (!made) {
        return pass(made);
    }
    of.own_file = std::move(*made);
    return {};
}

result<> commit_to_own_file(client_side& of) {
    if (!of.own_file) {
        if (const auto made = make_own_file(of); !made) {
            return made;
        }
    }
    auto done = of.own_file->begin(tdb::locking::on);
    if (done) {
        done = of.own_file->write(of.own_key, number_of(of));
    }
    return done ? of.own_file->commit(tdb::locking::on) : done;
}

async::task<result<>> commit_alone(client_side& of) {
    co_return commit_to_own_file(of);
}

enum class place : std::uint8_t { on_all_nodes, on_each_node };

struct load_mode {
    std::string_view name;
    step of_client;
    async::duration pause{}; // of a client after each step
    step of_extra = nullptr; // of one more process on node 0, every 20 ms, which is not counted
    place clients = place::on_each_node;
    client::attach_options database{};
};

constexpr client::attach_options volatile_one{};
constexpr client::attach_options readonly_one{client::database_kind::volatile_records, true, false};
constexpr client::attach_options persistent_one{client::database_kind::persistent, false, false};
constexpr async::duration no_pause{};
constexpr std::array modes = {
    load_mode{"fetch", fetch_in_turn, no_pause, nullptr, place::on_all_nodes, volatile_one},
    load_mode{"hot", store_common, pause, nullptr, place::on_each_node, volatile_one},
    load_mode{"held", hold_common, pause, nullptr, place::on_each_node, volatile_one},
    load_mode{"read", read_common, no_pause, nullptr, place::on_each_node, readonly_one},
    load_mode{"revoke", read_common, pause, store_common, place::on_each_node, readonly_one},
    load_mode{"commit", commit_own, no_pause, nullptr, place::on_each_node, persistent_one},
    load_mode{"disk", commit_alone, no_pause, nullptr, place::on_each_node, persistent_one},
};

const load_mode* mode_named(std::string_view name) {
    const auto found = std::ranges::find(modes, name, &load_mode::name);
    return found == modes.end() ? nullptr : &*found;
}

// ---- one client process ----

enum class counting : std::uint8_t { no, yes };

async::task<result<>>
steps(client_side& of, step what, async::duration pause_after, worker& me, counting how) {
    const auto begun = me.wait_for_start();
    if (!begun) {
        co_return pass(begun);
    }
    while (!me.over()) {
        const time_point before = async::clock::now();
        const auto done = co_await what(of);
        if (!done) {
            co_return pass(done);
        }
        ++of.steps;
        if (how == counting::yes) {
            me.add(before, async::clock::now(), of.moved);
        }
        std::this_thread::sleep_for(pause_after);
    }
    co_return result<>();
}

result<> work(const load_mode& mode, const order& what, worker& me) {
    const bool extra = mode.of_extra != nullptr && me.index() + 1 == me.count();
    const std::size_t node = extra ? 0 : me.index() % what.sockets.size();
    const bool all = mode.clients == place::on_all_nodes;
    async::event_loop loop;
    auto nodes =
        loop.run_until_done(connect_all(loop, all ? what.sockets : strings{what.sockets[node]}));
    if (!nodes) {
        return pass(nodes);
    }
    std::string name = fmt::format("bench_{}.tdb", mode.name);
    auto dbs = loop.run_until_done(attach_everywhere(*nodes, std::move(name), mode.database));
    if (!dbs) {
        return pass(dbs);
    }
    client_side own{
        std::move(*dbs), nullptr, to_bytes(fmt::format("own.{}", me.index())), to_bytes("all")};
    if (extra) {
        return loop.run_until_done(steps(own, mode.of_extra, store_interval, me, counting::no));
    }
    return loop.run_until_done(steps(own, mode.of_client, mode.pause, me, counting::yes));
}

unsigned processes_of(const load_mode& mode, const order& what) {
    const unsigned clients = what.numbers[1];
    if (mode.clients == place::on_all_nodes) {
        return clients;
    }
    const auto nodes = static_cast<unsigned>(what.sockets.size());
    return clients * nodes + (mode.of_extra != nullptr ? 1 : 0);
}

result<> run(const load_mode& mode, const order& what) {
    const unsigned duration_s = what.numbers[0];
    const std::function<result<>(worker&)> job = [&](worker& me) { return work(mode, what, me); };
    const auto took = run_crew(processes_of(mode, what), std::chrono::seconds(duration_s), job);
    if (!took) {
        return pass(took);
    }
    fmt::print(
        "{{\"mode\":\"{}\",\"clients\":{},\"nodes\":{},\"per_second\":{:.1f},\"moves_per_second\":{"
        ":.1f},"
        "\"p50_us\":{:.1f},\"p99_us\":{:.1f},\"longest_us\":{:.1f}}}\n",
        mode.name,
        what.numbers[1],
        what.sockets.size(),
        static_cast<double>(took->steps.count()) / duration_s,
        static_cast<double>(took->moves) / duration_s,
        took->steps.quantile_us(0.50),
        took->steps.quantile_us(0.99),
        took->steps.quantile_us(1)
    );
    return {};
}

constexpr command_line form = {
    "ctdb-bench-load fetch|hot|held|read|revoke|commit|disk SECONDS CLIENTS SOCKET...", 2, 1};

} // namespace

int main(int argc, char** argv) {
    strings words = words_of(argc, argv);
    const load_mode* const mode = words.empty() ? nullptr : mode_named(words.front());
    if (mode == nullptr) {
        words.clear(); // not a command line
    } else {
        words.erase(words.begin());
    }
    return run_program(form, words, [mode](const order& what) { return run(*mode, what); });
}
