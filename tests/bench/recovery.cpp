// ctdb-bench-recovery DATABASES RECORDS ROUNDS SOCKET...: makes volatile databases with RECORDS
// records of 200 bytes each in a running cluster, ours or upstream's, has it recover once to spread
// them, then tells the first node ROUNDS times to recover and prints one line of JSON for each.
//
//   request_to_normal_ms  from the request until every node is in normal mode with one new
//                         generation (asked every 5 ms)
//   uptime_ms             from start to end as UPTIME of the nodes tells, the longest
//   answer_ms             meanwhile the longest time that a node took to answer a second client,
//                         which asks every 2 ms; [per node]. Where programs outnumber processors
//                         it is waiting for one of them as well
//
// Records are put into the files as a client with the lock would, each on one node in turn. Exit
// status 1: an error, on stderr.
#include "common/async/combinators.hpp"
#include "common/protocol/controls.hpp"
#include "common/protocol/types_record.hpp"
#include "program.hpp"

#include <algorithm>
#include <cstdio>

#include <fmt/format.h>

namespace {

using namespace ctdb;
using namespace ctdb::bench;
namespace controls = protocol::controls;
using milliseconds = std::chrono::duration<double, std::milli>;

constexpr auto limit = std::chrono::seconds(300);
constexpr auto poll_interval = std::chrono::milliseconds(5);
constexpr auto ping_interval = std::chrono::milliseconds(2);
constexpr auto between_rounds = std::chrono::seconds(12); // RerecoveryTimeout is 10 s

unsigned databases_of(const order& what) {
    return what.numbers[0];
}
unsigned records_of(const order& what) {
    return what.numbers[1];
}
unsigned rounds_of(const order& what) {
    return what.numbers[2];
}

// ---- the databases ----

// Every `nodes`-th record, the node being their dmaster.
result<> put_records(tdb::file& file, const order& what, pnn node, std::size_t index) {
    const bytes value(200, std::byte{'x'});
    protocol::record_header header;
    header.rsn = rsn(1);
    header.dmaster = node;
    const bytes head = protocol::encode(header);
    for (auto i = static_cast<unsigned>(index); i < records_of(what);
         i += static_cast<unsigned>(what.sockets.size())) {
        const auto written = file.write(key_of(i), head, value);
        if (!written) {
            return written;
        }
    }
    return {};
}

async::task<result<>>
fill(client::client& node, std::string name, const order& what, std::size_t index) {
    const time_point deadline = node.loop().now() + limit;
    const auto id =
        co_await client::call<controls::db_attach>(node, node.self(), std::move(name), deadline);
    if (!id) {
        co_return pass(id);
    }
    const auto file = co_await open_file(node, *id);
    if (!file) {
        co_return pass(file);
    }
    if (const auto locked = (*file)->wait_lock_all(); !locked) {
        co_return pass(locked);
    }
    const auto written = put_records(**file, what, node.self(), index);
    (*file)->unlock_all();
    co_return written;
}

async::task<result<>> fill_all(connections& nodes, const order& what) {
    for (unsigned d = 0; d < databases_of(what); ++d) {
        for (std::size_t i = 0; i < nodes.size(); ++i) {
            std::string name = fmt::format("bench_{}_{}.tdb", records_of(what), d);
            const auto filled = co_await fill(*nodes[i], std::move(name), what, i);
            if (!filled) {
                co_return filled;
            }
        }
    }
    co_return result<>();
}

// ---- is it over? ----

// The generation that all nodes have in normal mode; nothing while they do not agree.
async::task<result<std::optional<generation>>>
settled_generation(connections& nodes, time_point deadline) {
    std::optional<generation> common;
    for (const auto& node : nodes) {
        const auto mode = co_await client::call<controls::get_recovery_mode>(
            *node, node->self(), protocol::none(), deadline
        );
        if (!mode) {
            co_return pass(mode);
        }
        const auto map = co_await client::call<controls::get_vnn_map>(
            *node, node->self(), protocol::none(), deadline
        );
        if (!map) {
            co_return pass(map);
        }
        const bool normal = mode->value == static_cast<int>(protocol::recovery_mode::normal);
        if (!normal || (common && *common != map->generation)) {
            co_return std::optional<generation>();
        }
        common = map->generation;
    }
    co_return common;
}

async::task<result<generation>> wait_settled(
    async::event_loop& loop,
    connections& nodes,
    std::optional<generation> other_than,
    time_point deadline
) {
    for (;;) {
        const auto now = co_await settled_generation(nodes, deadline);
        if (!now) {
            co_return pass(now);
        }
        if (*now && *now != other_than) {
            co_return **now;
        }
        if (loop.now() >= deadline) {
            co_return fail(ETIMEDOUT, "the nodes do not agree on a generation in normal mode");
        }
        co_await async::sleep_for(loop, poll_interval);
    }
}

double seconds_of(const protocol::time_value& t) {
    return static_cast<double>(t.seconds) + static_cast<double>(t.microseconds) / 1e6;
}

// Waits for the end as the node tells it: upstream is in normal mode before.
async::task<result<double>> recovery_in_uptime(client::client& node, time_point deadline) {
    for (;;) {
        const auto up = co_await client::call<controls::get_uptime>(
            node, node.self(), protocol::none(), deadline
        );
        if (!up) {
            co_return pass(up);
        }
        const double took =
            seconds_of(up->last_recovery_finished) - seconds_of(up->last_recovery_started);
        if (took > 0) {
            co_return took;
        }
        if (node.loop().now() >= deadline) {
            co_return fail(ETIMEDOUT, "UPTIME does not tell the end of the recovery");
        }
        co_await async::sleep_for(node.loop(), poll_interval);
    }
}

async::task<result<double>> longest_in_uptime(connections& nodes, time_point deadline) {
    double longest = 0;
    for (const auto& node : nodes) {
        const auto took = co_await recovery_in_uptime(*node, deadline);
        if (!took) {
            co_return pass(took);
        }
        longest = std::max(longest, *took);
    }
    co_return longest;
}

// ---- answers meanwhile ----

async::task<> ping(client::client& node, const bool& over, async::duration& longest) {
    while (!over) {
        const time_point asked = node.loop().now();
        const auto pid = co_await client::call<controls::get_pid>(
            node, node.self(), protocol::none(), asked + limit
        );
        longest = std::max<async::duration>(longest, node.loop().now() - asked);
        if (!pid) {
            longest = limit; // says itself that something is wrong
            co_return;
        }
        co_await async::sleep_for(node.loop(), ping_interval);
    }
}

// ---- one recovery ----

struct figures {
    double total_ms = 0;
    double uptime_ms = 0;
    std::vector<async::duration> longest_answers;
};

async::task<result<>>
recover_once(async::event_loop& loop, connections& nodes, figures& out, bool& over) {
    const time_point deadline = loop.now() + limit;
    const std::optional<generation> none_yet;
    const auto old = co_await wait_settled(loop, nodes, none_yet, deadline);
    if (!old) {
        co_return pass(old);
    }
    const time_point begun = loop.now();
    const auto asked = co_await client::call<controls::set_recovery_mode>(
        *nodes[0], nodes[0]->self(), protocol::recovery_mode::active, deadline
    );
    if (!asked) {
        co_return pass(asked);
    }
    const auto settled = co_await wait_settled(loop, nodes, *old, deadline);
    if (!settled) {
        co_return pass(settled);
    }
    out.total_ms = milliseconds(loop.now() - begun).count();
    over = true;
    const auto longest = co_await longest_in_uptime(nodes, deadline);
    if (!longest) {
        co_return pass(longest);
    }
    out.uptime_ms = *longest * 1e3;
    co_return result<>();
}

async::task<>
recover_into(async::event_loop& loop, connections& nodes, figures& out, bool& over, result<>& how) {
    how = co_await recover_once(loop, nodes, out, over);
    over = true;
}

async::task<result<figures>>
watch_recovery(async::event_loop& loop, connections& nodes, connections& second) {
    figures out;
    out.longest_answers.resize(nodes.size());
    bool over = false;
    result<> how;
    std::vector<async::task<>> all;
    all.push_back(recover_into(loop, nodes, out, over, how));
    for (std::size_t i = 0; i < nodes.size(); ++i) {
        all.push_back(ping(*second[i], over, out.longest_answers[i]));
    }
    async::all_of everything(std::move(all));
    co_await everything;
    if (!how) {
        co_return pass(how);
    }
    co_return std::move(out);
}

void print(const order& what, const figures& of) {
    std::string answers;
    for (const async::duration& longest : of.longest_answers) {
        answers +=
            fmt::format("{}{:.1f}", answers.empty() ? "" : ",", milliseconds(longest).count());
    }
    const auto worst = std::max_element(of.longest_answers.begin(), of.longest_answers.end());
    fmt::print(
        "{{\"databases\":{},\"records\":{},\"request_to_normal_ms\":{:.1f},\"uptime_ms\":{:.1f},"
        "\"longest_answer_ms\":{:.1f},\"answer_ms\":[{}]}}\n",
        databases_of(what),
        records_of(what),
        of.total_ms,
        of.uptime_ms,
        milliseconds(*worst).count(),
        answers
    );
    static_cast<void>(std::fflush(stdout));
}

async::task<result<>> recoveries(connections& nodes, const order& what) {
    async::event_loop& loop = nodes[0]->loop();
    auto second = co_await connect_all(loop, what.sockets);
    if (!second) {
        co_return pass(second);
    }
    const auto filled = co_await fill_all(nodes, what);
    if (!filled) {
        co_return filled;
    }
    for (unsigned round = 0; round <= rounds_of(what); ++round) {
        co_await async::sleep_for(loop, between_rounds);
        const auto result_of_round = co_await watch_recovery(loop, nodes, *second);
        if (!result_of_round) {
            co_return pass(result_of_round);
        }
        if (round > 0) { // the first one spreads the records
            print(what, *result_of_round);
        }
    }
    co_return result<>();
}

// ---- the program ----

constexpr command_line form = {
    "ctdb-bench-recovery DATABASES RECORDS ROUNDS SOCKET SOCKET...", 3, 2};

} // namespace

int main(int argc, char** argv) {
    return measure(form, argc, argv, recoveries);
}
