// ctdb-test-read-file PATH FLAGS same PREFIX COUNT TEXT | pair KEY KEY: reads a database file as
// Samba does, past ctdbd, as fast as it can until SIGTERM, and prints how many reads it made.
//
// FLAGS: those of the database, hexadecimal (0x1c41...). same: every one of the COUNT records
// called PREFIX and a number from 0 on holds TEXT, at any time. pair: two records that are only
// ever changed together hold the same rising number, so whatever is read later is never lower.
// Exit status: 0 asked to end, 1 something else was read, 2 usage.
#include "common/protocol/types_record.hpp"
#include "common/tdb/file.hpp"

#include <array>
#include <charconv>
#include <csignal>
#include <optional>
#include <string>
#include <string_view>

#include <fmt/format.h>

namespace {

using namespace ctdb;

volatile std::sig_atomic_t asked_to_end = 0;

struct order {
    std::string path;
    int flags = 0;
    bool pair = false;
    std::array<std::string, 2> keys; // pair
    std::string prefix;
    std::uint32_t count = 0;
    std::string text;
};

template <class Number>
bool read_number(std::string_view text, Number& number, int base = 10) {
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number, base);
    return code == std::errc() && end == text.data() + text.size();
}

std::optional<order> parse(int argc, char** argv) {
    const std::string_view flags = argc > 2 ? argv[2] : "";
    const std::string_view verb = argc > 3 ? argv[3] : "";
    order o;
    if (!flags.starts_with("0x") || !read_number(flags.substr(2), o.flags, 16)) {
        return std::nullopt;
    }
    o.path = argv[1];
    if (verb == "pair" && argc == 6) {
        o.pair = true;
        o.keys = {argv[4], argv[5]};
        return o;
    }
    if (verb == "same" && argc == 7 && read_number(argv[5], o.count) && o.count > 0) {
        o.prefix = argv[4];
        o.text = argv[6];
        return o;
    }
    return std::nullopt;
}

result<std::string> value_of(const tdb::file& file, const std::string& key) {
    std::optional<std::string> value;
    const auto read = file.read(view_of(key), [&value](byte_view raw) {
        if (protocol::header_of(raw)) {
            value.emplace(text_of(protocol::data_after_header(raw)));
        }
    });
    if (!read) {
        return pass(read);
    }
    if (!value) {
        return fail(ENOENT, "{}: no record {}", file.path(), key);
    }
    return *value;
}

result<std::uint64_t> read_same(const tdb::file& file, const order& o) {
    std::uint64_t reads = 0;
    while (asked_to_end == 0) {
        const std::string key = fmt::format("{}{}", o.prefix, reads % o.count);
        const auto value = value_of(file, key);
        if (!value) {
            return pass(value);
        }
        if (*value != o.text) {
            return fail(EILSEQ, "record {} holds '{}' after {} reads", key, *value, reads);
        }
        ++reads;
    }
    return reads;
}

result<std::uint64_t> read_pair(const tdb::file& file, const order& o) {
    std::uint64_t reads = 0;
    std::uint64_t last = 0;
    while (asked_to_end == 0) {
        const std::string& key = o.keys.at(reads % 2);
        const auto value = value_of(file, key);
        if (!value) {
            return pass(value);
        }
        std::uint64_t number = 0;
        if (!read_number(*value, number) || number < last) {
            return fail(EILSEQ, "record {} holds '{}' after {} was read", key, *value, last);
        }
        last = number;
        ++reads;
    }
    return reads;
}

result<std::uint64_t> run(const order& o) {
    tdb::open_options options;
    options.path = o.path;
    options.flags = o.flags;
    const auto file = tdb::file::open(options);
    if (!file) {
        return pass(file);
    }
    return o.pair ? read_pair(**file, o) : read_same(**file, o);
}

} // namespace

int main(int argc, char** argv) {
    const auto o = parse(argc, argv);
    if (!o) {
        fmt::print(
            stderr, "usage: ctdb-test-read-file PATH FLAGS same PREFIX COUNT TEXT | pair KEY KEY\n"
        );
        return 2;
    }
    std::signal(SIGTERM, [](int) { asked_to_end = 1; });
    const auto reads = run(*o);
    if (!reads) {
        fmt::print(stderr, "ctdb-test-read-file: {}\n", reads.error().what);
        return 1;
    }
    fmt::print("{}\n", *reads);
    return 0;
}
