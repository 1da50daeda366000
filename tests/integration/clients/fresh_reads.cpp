// ctdb-test-fresh-reads DB KEY SHARED write | read: is a read ever older than a write that was
// completed before the read began (databases.md 11, I22)? Until SIGTERM; prints how many writes or
// reads it made.
//
// DB is volatile and READONLY; the record holds a rising number. Writers, some on each node, add
// one under the lock and, when they have let go of it, note the number in the file SHARED, which
// all processes map. Readers take a copy to read where there is one and compare it with what was
// noted before. Exit status: 0 asked to end, 1 an error or an old value, 2 usage.
#include "common/async/combinators.hpp"
#include "common/async/signal_watch.hpp"
#include "common/base/unique_fd.hpp"
#include "common/client/database.hpp"
#include "common/path/paths.hpp"

#include <atomic>
#include <charconv>
#include <csignal>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

namespace {

using namespace ctdb;

constexpr auto patience = std::chrono::seconds(30);
constexpr auto writers_pause = std::chrono::milliseconds(3);

using noted_number = std::atomic<std::uint64_t>;
static_assert(noted_number::is_always_lock_free); // between processes

struct order {
    std::string database;
    std::string key;
    std::string shared;
    bool writes = false;
};

result<noted_number*> map_shared(const std::string& path) {
    const unique_fd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (!fd || ::ftruncate(fd.get(), sizeof(noted_number)) != 0) {
        return fail_errno("{}", path);
    }
    void* const place =
        ::mmap(nullptr, sizeof(noted_number), PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
    if (place == MAP_FAILED) {
        return fail_errno("{}", path);
    }
    return static_cast<noted_number*>(place); // zeros are a number: lock-free, nothing beside it
}

result<std::uint64_t> number_in(const bytes& data) {
    const std::string_view text = text_of(data);
    std::uint64_t value = 0;
    if (text.empty()) {
        return value;
    }
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (code != std::errc() || end != text.data() + text.size()) {
        return fail(EINVAL, "the record holds '{}'", text);
    }
    return value;
}

async::task<result<>> write_once(client::database& db, bytes key, noted_number& noted) {
    std::uint64_t number = 0;
    {
        const auto deadline = db.through().runtime().now() + patience;
        const auto record =
            co_await db.fetch_locked(std::move(key), client::record_access::write, deadline);
        if (!record) {
            co_return pass(record);
        }
        const auto before = number_in((*record)->data());
        if (!before) {
            co_return pass(before);
        }
        number = *before + 1;
        const result<> stored = (*record)->store(to_bytes(std::to_string(number)));
        if (!stored) {
            co_return stored;
        }
    }
    std::uint64_t highest = noted.load();
    while (highest < number && !noted.compare_exchange_weak(highest, number)) {
    }
    co_return result<>();
}

async::task<result<>> read_once(client::database& db, bytes key, const noted_number& noted) {
    const std::uint64_t completed = noted.load();
    const auto deadline = db.through().runtime().now() + patience;
    const auto record =
        co_await db.fetch_locked(std::move(key), client::record_access::read, deadline);
    if (!record) {
        co_return pass(record);
    }
    const auto number = number_in((*record)->data());
    if (!number) {
        co_return pass(number);
    }
    if (*number < completed) {
        co_return fail(ESTALE, "read {} after {} was written", *number, completed);
    }
    co_return result<>();
}

async::task<result<std::uint64_t>>
work(async::event_loop& loop, client::client& ctdbd, const order& o, const bool& asked_to_end) {
    const auto noted = map_shared(o.shared);
    if (!noted) {
        co_return pass(noted);
    }
    client::databases databases(ctdbd);
    client::attach_options options;
    const auto db = co_await databases.attach(o.database, options, loop.now() + patience);
    if (!db) {
        co_return pass(db);
    }
    std::uint64_t done = 0;
    while (!asked_to_end) {
        async::task<result<>> step = o.writes ? write_once(**db, to_bytes(o.key), **noted)
                                              : read_once(**db, to_bytes(o.key), **noted);
        const result<> outcome = co_await std::move(step);
        if (!outcome) {
            co_return pass(outcome);
        }
        ++done;
        const async::duration pause = o.writes ? writers_pause : async::duration::zero();
        co_await async::sleep_for(loop, pause);
    }
    co_return done;
}

result<std::uint64_t> run(const order& o) {
    async::event_loop loop;
    bool asked_to_end = false;
    const async::signal_watch terminate(loop, SIGTERM, [&] { asked_to_end = true; });
    const std::string socket = path::process_paths().socket("ctdbd");
    auto ctdbd = loop.run_until_done(client::client::connect(loop, socket, loop.now() + patience));
    if (!ctdbd) {
        return pass(ctdbd);
    }
    return loop.run_until_done(work(loop, **ctdbd, o, asked_to_end));
}

} // namespace

int main(int argc, char** argv) {
    const std::string_view verb = argc == 5 ? argv[4] : "";
    if (verb != "write" && verb != "read") {
        fmt::print(stderr, "usage: ctdb-test-fresh-reads DB KEY SHARED write | read\n");
        return 2;
    }
    const auto done = run({argv[1], argv[2], argv[3], verb == "write"});
    if (!done) {
        fmt::print(stderr, "ctdb-test-fresh-reads: {}\n", done.error().what);
        return 1;
    }
    fmt::print("{}\n", *done);
    return 0;
}
