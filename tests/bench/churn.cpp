// ctdb-bench-churn SECONDS LIVING PER_SECOND SOCKET...: records come and go in one volatile
// database of a running cluster, ours or upstream's, for as long as it is told. Each record has a
// key that was never used before, is made through one node, changed through another and deleted
// through a third, when LIVING younger ones are there. A line of JSON every minute and at the end:
//
//   seconds, made      so far
//   living             records that should be there
//   records            found in the files of the nodes, empty ones and copies included
//   file_kib           the largest of the nodes' files
//   daemon_kib         anonymous memory of the daemons, all nodes
//
// What is not removed shows as growth. At the end all are deleted; the last line is written when
// no file has one left, or after 60 s. Exit status 1: an error, on stderr.
#include "common/async/combinators.hpp"
#include "daemons.hpp"
#include "program.hpp"

#include <deque>
#include <filesystem>

#include <fmt/format.h>

namespace {

using namespace ctdb;
using namespace ctdb::bench;

constexpr auto report_interval = std::chrono::minutes(1);
constexpr auto look_interval = std::chrono::seconds(1); // at the end, for what is left

struct churn_state {
    attached dbs;
    std::deque<unsigned> living; // numbers of records, the oldest first
    unsigned made = 0;
    time_point begun;
};

// Through node `turn`, round and round.
client::database& node_of(const churn_state& of, unsigned turn) {
    return *of.dbs.on[turn % of.dbs.on.size()];
}

async::task<result<>> erase(client::database& db, unsigned number) {
    const time_point deadline = db.through().loop().now() + patience;
    const auto record =
        co_await db.fetch_locked(key_of(number), client::record_access::write, deadline);
    co_return record ? (*record)->erase() : pass(record);
}

async::task<result<>> make(churn_state& of) {
    const bytes data(200, std::byte{'x'});
    const unsigned number = of.made;
    auto stored = co_await store(node_of(of, number), key_of(number), data);
    if (stored) {
        stored = co_await store(node_of(of, number + 1), key_of(number), data);
    }
    if (stored) {
        of.living.push_back(number);
        ++of.made;
    }
    co_return stored;
}

async::task<result<>> erase_oldest(churn_state& of) {
    const unsigned number = of.living.front();
    const auto erased = co_await erase(node_of(of, number + 2), number);
    if (erased) {
        of.living.pop_front();
    }
    co_return erased;
}

struct sizes {
    std::size_t records = 0;
    std::uintmax_t file_kib = 0;
};

result<sizes> sizes_of(const attached& dbs) {
    sizes all;
    for (const auto& db : dbs.on) {
        const auto here = db->walk_local([](byte_view, byte_view) {});
        if (!here) {
            return pass(here);
        }
        std::error_code unknown; // a size of 0 then
        const std::uintmax_t size = std::filesystem::file_size(db->path(), unknown);
        all.records += *here;
        all.file_kib = std::max(all.file_kib, unknown ? 0 : size / 1024);
    }
    return all;
}

async::task<result<>> report(const connections& nodes, const churn_state& of) {
    const auto found = sizes_of(of.dbs);
    if (!found) {
        co_return pass(found);
    }
    long daemons_kib = 0;
    for (const auto& node : nodes) {
        const auto here = co_await daemon_memory(*node);
        daemons_kib += here ? *here : 0;
    }
    const seconds since = nodes.front()->loop().now() - of.begun;
    fmt::print(
        "{{\"seconds\":{:.0f},\"made\":{},\"living\":{},\"records\":{},\"file_kib\":{},\"daemon_"
        "kib\":{}}}\n",
        since.count(),
        of.made,
        of.living.size(),
        found->records,
        found->file_kib,
        daemons_kib
    );
    std::fflush(stdout);
    co_return result<>();
}

// One record made, and the oldest deleted when there are enough.
async::task<result<>> one_step(churn_state& of, std::size_t living) {
    auto done = co_await make(of);
    if (done && of.living.size() > living) {
        done = co_await erase_oldest(of);
    }
    co_return done;
}

async::task<result<>> come_and_go(connections& nodes, churn_state& of, const order& what) {
    async::event_loop& loop = nodes.front()->loop();
    const auto step_time = std::chrono::nanoseconds(std::chrono::seconds(1)) / what.numbers[2];
    const time_point end = of.begun + std::chrono::seconds(what.numbers[0]);
    time_point next_report = of.begun + report_interval;
    result<> done;
    for (time_point next = of.begun; done && next < end; next += step_time) {
        co_await async::sleep_until(loop, next);
        done = co_await one_step(of, what.numbers[1]);
        if (done && loop.now() >= next_report) {
            next_report += report_interval;
            done = co_await report(nodes, of);
        }
    }
    co_return done;
}

async::task<result<>> wait_until_empty(async::event_loop& loop, const churn_state& of) {
    const time_point end = loop.now() + patience;
    auto left = sizes_of(of.dbs);
    while (left && left->records > 0 && loop.now() < end) {
        co_await async::sleep_for(loop, look_interval);
        left = sizes_of(of.dbs);
    }
    co_return left ? result<>() : pass(left);
}

async::task<result<>> churn(connections& nodes, const order& what) {
    async::event_loop& loop = nodes.front()->loop();
    client::attach_options options;
    auto dbs = co_await attach_everywhere(nodes, "bench_churn.tdb", options);
    if (!dbs) {
        co_return pass(dbs);
    }
    churn_state state;
    state.dbs = std::move(*dbs);
    state.begun = loop.now();
    auto done = co_await come_and_go(nodes, state, what);
    while (done && !state.living.empty()) {
        done = co_await erase_oldest(state);
    }
    if (done) {
        done = co_await wait_until_empty(loop, state);
    }
    if (done) {
        done = co_await report(nodes, state);
    }
    co_return done;
}

constexpr command_line form = {"ctdb-bench-churn SECONDS LIVING PER_SECOND SOCKET...", 3, 1};

} // namespace

int main(int argc, char** argv) {
    return measure(form, argc, argv, churn);
}
