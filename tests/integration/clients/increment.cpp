// ctdb-test-increment DB KEY COUNT [--until-error | --pause-us N]: adds one to a number COUNT
// times, each time under the record's lock, and prints how many additions were acknowledged.
//
// --pause-us: that long between two additions, so that the work lasts.
// The record of the volatile database DB holds decimal text; the first one makes it. An addition is
// acknowledged once it is stored under the lock while ctdbd is there. SIGTERM ends the work after
// the addition that is going on. Exit status: 0 = COUNT reached or asked to end; 1 = an error, with
// --until-error 0 as well. The count is printed in every case, the error goes to stderr.
#include "common/async/combinators.hpp"
#include "common/async/signal_watch.hpp"
#include "common/client/database.hpp"
#include "common/path/paths.hpp"

#include <charconv>
#include <csignal>
#include <cstdio>
#include <optional>
#include <string_view>

#include <fmt/format.h>

namespace {

using namespace ctdb;

// Longer than a node's death and the recovery after it may take.
constexpr auto patience = std::chrono::seconds(60);

struct order {
    std::string database;
    std::string key;
    std::uint64_t count = 0;
    bool until_error = false;
    std::chrono::microseconds pause{0};
};

struct progress {
    std::uint64_t acknowledged = 0;
    bool asked_to_end = false;
    bool disconnected = false;
};

std::optional<std::uint64_t> number_in(std::string_view text) {
    std::uint64_t value = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (code != std::errc() || end != text.data() + text.size()) {
        return std::nullopt;
    }
    return value;
}

std::optional<order> parse(int argc, char** argv) {
    const std::string_view option = argc > 4 ? argv[4] : "";
    const bool until_error = argc == 5 && option == "--until-error";
    const bool paused = argc == 6 && option == "--pause-us";
    const auto count = argc > 3 ? number_in(argv[3]) : std::nullopt;
    const auto pause = paused ? number_in(argv[5]) : std::optional<std::uint64_t>(0);
    if (!count || !pause || (argc != 4 && !until_error && !paused)) {
        return std::nullopt;
    }
    return order{argv[1], argv[2], *count, until_error, std::chrono::microseconds(*pause)};
}

async::task<result<>> increment(client::database& db, bytes key, async::time_point deadline) {
    const auto record =
        co_await db.fetch_locked(std::move(key), client::record_access::write, deadline);
    if (!record) {
        co_return pass(record);
    }
    const std::string text(text_of((*record)->data()));
    const auto before = text.empty() ? std::optional<std::uint64_t>(0) : number_in(text);
    if (!before) {
        co_return fail(EINVAL, "{}: the record holds '{}'; expected a number", db.name(), text);
    }
    co_return (*record)->store(to_bytes(std::to_string(*before + 1)));
}

async::task<result<>>
work(async::event_loop& loop, client::client& ctdbd, const order& what, progress& so_far) {
    client::databases databases(ctdbd);
    client::attach_options options;
    const auto db = co_await databases.attach(what.database, options, loop.now() + patience);
    if (!db) {
        co_return pass(db);
    }
    while (so_far.acknowledged < what.count && !so_far.asked_to_end) {
        const auto deadline = loop.now() + patience;
        const auto done = co_await increment(**db, to_bytes(what.key), deadline);
        if (!done) {
            co_return pass(done);
        }
        // One turn of the loop: is ctdbd still there, does anybody want us to end?
        co_await async::sleep_for(loop, what.pause);
        if (so_far.disconnected) {
            co_return fail(ENOTCONN, "ctdbd is gone");
        }
        ++so_far.acknowledged;
    }
    co_return result<>();
}

result<> run(const order& what, progress& so_far) {
    async::event_loop loop;
    const async::signal_watch terminate(loop, SIGTERM, [&] { so_far.asked_to_end = true; });
    const std::string socket = path::process_paths().socket("ctdbd");
    auto ctdbd = loop.run_until_done(client::client::connect(
        loop,
        socket,
        loop.now() + patience,
        [&](const sock::stream_end&) { so_far.disconnected = true; }
    ));
    if (!ctdbd) {
        return pass(ctdbd);
    }
    return loop.run_until_done(work(loop, **ctdbd, what, so_far));
}

} // namespace

int main(int argc, char** argv) {
    const auto what = parse(argc, argv);
    if (!what) {
        fmt::print(
            stderr, "usage: ctdb-test-increment DB KEY COUNT [--until-error | --pause-us N]\n"
        );
        return 2;
    }
    progress so_far;
    const auto done = run(*what, so_far);
    fmt::print("{}\n", so_far.acknowledged);
    if (!done) {
        fmt::print(stderr, "ctdb-test-increment: {}\n", done.error().what);
    }
    return done || what->until_error ? 0 : 1;
}
