// ctdb-test-hold-record DB KEY: fetches a record of the volatile database DB under its lock, prints
// "held" and keeps it until the process is killed.
#include "common/client/database.hpp"
#include "common/path/paths.hpp"

#include <cstdio>

#include <fmt/format.h>

#include <unistd.h>

namespace {

using namespace ctdb;

async::task<result<>>
hold(async::event_loop& loop, client::client& ctdbd, std::string name, std::string key) {
    const auto deadline = loop.now() + std::chrono::seconds(60);
    client::databases databases(ctdbd);
    client::attach_options options;
    const auto db = co_await databases.attach(std::move(name), options, deadline);
    if (!db) {
        co_return pass(db);
    }
    const auto record =
        co_await (*db)->fetch_locked(to_bytes(key), client::record_access::write, deadline);
    if (!record) {
        co_return pass(record);
    }
    fmt::print("held\n");
    std::fflush(stdout);
    for (;;) {
        ::pause();
    }
}

result<> run(std::string name, std::string key) {
    async::event_loop loop;
    const std::string socket = path::process_paths().socket("ctdbd");
    const auto deadline = loop.now() + std::chrono::seconds(60);
    auto ctdbd = loop.run_until_done(client::client::connect(loop, socket, deadline));
    if (!ctdbd) {
        return pass(ctdbd);
    }
    return loop.run_until_done(hold(loop, **ctdbd, std::move(name), std::move(key)));
}

} // namespace

int main(int argc, char** argv) {
    if (argc != 3) {
        fmt::print(stderr, "usage: ctdb-test-hold-record DB KEY\n");
        return 2;
    }
    const auto done = run(argv[1], argv[2]);
    fmt::print(stderr, "ctdb-test-hold-record: {}\n", done ? "ended" : done.error().what);
    return 1;
}
