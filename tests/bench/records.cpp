// ctdb-bench-records NUMBER SOCKET...: fills one volatile database of a running cluster, ours or
// upstream's, with NUMBER records through its first node, traverses it, deletes every record and
// vacuums until no node has one left; prints one line of JSON.
//
//   fill_s     fetch, lock, store, unlock of all records, one after the other
//   traverse_s from TRAVERSE_START to the end marker; traversed: records seen
//   delete_s   fetch, lock, empty, SCHEDULE_FOR_DELETION of all
//   vacuum_s   DB_VACUUM on each node in turn, as often as it takes (60 s at most); left: records
//              that still lie in the files of all nodes
//   grown_kib  anonymous memory of the first node's ctdbd: filled minus empty
//
// Exit status 1: an error, on stderr.
#include "common/async/combinators.hpp"
#include "common/protocol/controls.hpp"
#include "common/protocol/record_buffer.hpp"
#include "daemons.hpp"
#include "program.hpp"

#include <fmt/format.h>

namespace {

using namespace ctdb;
using namespace ctdb::bench;
namespace controls = protocol::controls;

constexpr auto vacuum_patience = std::chrono::seconds(60);
constexpr srvid traverse_address{0xBE00000000000043};

enum class change : std::uint8_t { store, erase };

async::task<result<>> change_all(client::database& db, unsigned count, change what) {
    const bytes data(200, std::byte{'x'});
    for (unsigned i = 0; i < count; ++i) {
        const auto deadline = db.through().loop().now() + patience;
        const auto record =
            co_await db.fetch_locked(key_of(i), client::record_access::write, deadline);
        if (!record) {
            co_return pass(record);
        }
        const auto done = what == change::store ? (*record)->store(data) : (*record)->erase();
        if (!done) {
            co_return pass(done);
        }
    }
    co_return result<>();
}

async::task<result<std::size_t>> traverse(client::client& node, db_id db) {
    std::size_t count = 0;
    async::slot<bool> ended(node.loop());
    std::function<void(byte_view)> heard = [&count, &ended](byte_view data) {
        const auto record = protocol::view_record(data);
        if (record && record->key.empty() && record->data.empty()) {
            ended.set(true);
        } else {
            ++count;
        }
    };
    const auto kept = co_await node.subscribe_confirmed(
        traverse_address, std::move(heard), node.loop().now() + patience
    );
    if (!kept) {
        co_return pass(kept);
    }
    protocol::traverse_start start;
    start.db_id = db;
    start.reqid = reqid(1);
    start.srvid = traverse_address;
    const auto begun = co_await client::call<controls::start_traverse>(
        node, node.self(), start, node.loop().now() + patience
    );
    if (!begun) {
        co_return pass(begun);
    }
    co_await ended.take(); // ctdbd ends it after TraverseTimeout
    co_return count;
}

result<std::size_t> records_left(const attached& all) {
    std::size_t left = 0;
    for (const auto& db : all.on) {
        const auto here = db->walk_local([](byte_view, byte_view) {});
        if (!here) {
            return pass(here);
        }
        left += *here;
    }
    return left;
}

async::task<result<std::size_t>> vacuum(connections& nodes, const attached& all) {
    const auto end = nodes.front()->loop().now() + vacuum_patience;
    result<std::size_t> left = records_left(all);
    while (left && *left > 0 && nodes.front()->loop().now() < end) {
        for (const auto& node : nodes) {
            protocol::db_vacuum run;
            run.db_id = all.on.front()->id();
            const auto ran = co_await client::call<controls::vacuum_db>(
                *node, node->self(), run, node->loop().now() + vacuum_patience
            );
            static_cast<void>(ran); // refused while one started by the timer runs
        }
        left = records_left(all);
    }
    co_return left;
}

async::task<result<>> records(connections& nodes, const order& what) {
    async::event_loop& loop = nodes[0]->loop();
    const unsigned count = what.numbers[0];
    client::attach_options options;
    const auto db = co_await attach_everywhere(nodes, "bench_records.tdb", options);
    if (!db) {
        co_return pass(db);
    }
    const auto empty = co_await daemon_memory(*nodes.front());
    auto before = loop.now();
    const auto lap = [&before, &loop] {
        const seconds taken = loop.now() - before;
        before = loop.now();
        return taken.count();
    };
    const auto filled = co_await change_all(*db->on.front(), count, change::store);
    if (!filled) {
        co_return pass(filled);
    }
    const double fill_s = lap();
    const auto full = co_await daemon_memory(*nodes.front());
    lap();
    const auto seen = co_await traverse(*nodes.front(), db->on.front()->id());
    const double traverse_s = lap();
    const auto deleted = co_await change_all(*db->on.front(), count, change::erase);
    const double delete_s = lap();
    const auto left = co_await vacuum(nodes, *db);
    const double vacuum_s = lap();
    if (!seen || !deleted || !left || !empty || !full) {
        co_return fail(EIO, "a step failed");
    }
    fmt::print(
        "{{\"records\":{},\"nodes\":{},\"fill_s\":{:.3f},\"traverse_s\":{:.3f},\"traversed\":{},"
        "\"delete_s\":{:.3f},\"vacuum_s\":{:.3f},\"left\":{},\"grown_kib\":{}}}\n",
        count,
        nodes.size(),
        fill_s,
        traverse_s,
        *seen,
        delete_s,
        vacuum_s,
        *left,
        *full - *empty
    );
    co_return result<>();
}

constexpr command_line form = {"ctdb-bench-records NUMBER SOCKET...", 1, 1};

} // namespace

int main(int argc, char** argv) {
    return measure(form, argc, argv, records);
}
