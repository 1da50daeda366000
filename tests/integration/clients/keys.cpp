// ctdb-test-keys DB PREFIX FROM COUNT write TEXT | delete | expect TEXT: does that, under each
// record's lock, with COUNT records of the volatile database DB, called PREFIX and a number from
// FROM on.
//
// write brings the record here and stores TEXT; delete empties it and asks ctdbd to remove it, as
// Samba does; expect fails, naming them, where records hold something else ("" = no record). Exit
// status: 0 done, 1 not.
#include "common/client/database.hpp"
#include "common/path/paths.hpp"

#include <charconv>
#include <cstdio>
#include <optional>
#include <string_view>

#include <fmt/format.h>

namespace {

using namespace ctdb;

constexpr auto patience = std::chrono::seconds(60);

enum class action : std::uint8_t { write, remove, expect };

struct order {
    std::string database;
    std::string prefix;
    std::uint32_t from = 0;
    std::uint32_t count = 0;
    action what = action::write;
    std::string text;
};

bool read_number(std::string_view text, std::uint32_t& number) {
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
    return code == std::errc() && end == text.data() + text.size();
}

std::optional<order> parse(int argc, char** argv) {
    order o;
    if (argc < 6 || !read_number(argv[3], o.from) || !read_number(argv[4], o.count)) {
        return std::nullopt;
    }
    o.database = argv[1];
    o.prefix = argv[2];
    const std::string_view verb = argv[5];
    if (argc == 6 && verb == "delete") {
        o.what = action::remove;
        return o;
    }
    if (argc != 7 || (verb != "write" && verb != "expect")) {
        return std::nullopt;
    }
    o.what = verb == "write" ? action::write : action::expect;
    o.text = argv[6];
    return o;
}

result<> perform(const order& o, client::locked_record& record) {
    if (o.what == action::write) {
        return record.store(view_of(o.text));
    }
    if (o.what == action::remove) {
        return record.erase();
    }
    if (text_of(record.data()) != o.text) {
        return fail(EEXIST, "it holds '{}', not '{}'", text_of(record.data()), o.text);
    }
    return {};
}

async::task<result<>> work(async::event_loop& loop, client::client& ctdbd, const order& o) {
    client::databases databases(ctdbd);
    client::attach_options options;
    const auto db = co_await databases.attach(o.database, options, loop.now() + patience);
    if (!db) {
        co_return pass(db);
    }
    result<> outcome;
    for (std::uint32_t i = 0; i < o.count; ++i) {
        const std::string key = fmt::format("{}{}", o.prefix, o.from + i);
        const auto deadline = loop.now() + patience;
        const auto record =
            co_await (*db)->fetch_locked(to_bytes(key), client::record_access::write, deadline);
        if (!record) {
            co_return pass(record);
        }
        if (const result<> done = perform(o, **record); !done) {
            fmt::print(stderr, "ctdb-test-keys: {}: {}\n", key, done.error().what);
            outcome = done;
        }
    }
    co_return outcome;
}

result<> run(const order& o) {
    async::event_loop loop;
    const std::string socket = path::process_paths().socket("ctdbd");
    auto ctdbd = loop.run_until_done(client::client::connect(loop, socket, loop.now() + patience));
    if (!ctdbd) {
        return pass(ctdbd);
    }
    const result<> done = loop.run_until_done(work(loop, **ctdbd, o));
    (*ctdbd)->flush(); // what was asked for last
    return done;
}

} // namespace

int main(int argc, char** argv) {
    const auto o = parse(argc, argv);
    if (!o) {
        fmt::print(
            stderr, "usage: ctdb-test-keys DB PREFIX FROM COUNT write TEXT | delete | expect TEXT\n"
        );
        return 2;
    }
    const auto done = run(*o);
    if (!done) {
        fmt::print(stderr, "ctdb-test-keys: {}\n", done.error().what);
    }
    return done ? 0 : 1;
}
