// ltdbtool: dump or convert a database file record by record (cli.md 9). Output of upstream's.
#include "common/base/log.hpp"
#include "common/base/unique_fd.hpp"
#include "common/protocol/types_record.hpp"
#include "common/tdb/file.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <optional>

#include <fmt/format.h>

#include <fcntl.h>
#include <unistd.h>

namespace {

using namespace ctdb;

constexpr int failed = 255;
constexpr std::size_t header_max = protocol::record_header_size;

constexpr std::string_view synopsis = R"(Usage: {0} dump [-e] [-p] [-s{{0|32|64}}] <idb>
       {0} convert [-e] [-s{{0|32|64}}] [-o{{0|32|64}}] <idb> <odb>
       {0} {{help|-h}}
)";

constexpr std::string_view help_text = R"(Usage: {0} [options] <command>

Options:
   -s {{0|32|64}}    specify how to determine the ctdb record header size
                   for the input database:
                   0: no ctdb header
                   32: ctdb header size of a 32 bit system (20 bytes)
                   64: ctdb header size of a 64 bit system (24 bytes)
                   default: 32 or 64 depending on the system architecture

   -S <num>        the number of bytes to interpret as ctdb record header
                   for the input database (beware!)

   -o {{0|32|64}}    specify how to determine the ctdb record header size
                   for the output database
                   0: no ctdb header
                   32: ctdb header size of a 32 bit system (20 bytes)
                   64: ctdb header size of a 64 bit system (24 bytes)
                   default: 32 or 64 depending on the system architecture

   -O <num>        the number of bytes to interpret as ctdb record header
                   for the output database (beware!)

   -e              Include empty records, defaults to off

   -p              print header (for the dump command), defaults to off

   -h              print this help

Commands:
  help                         print this help
  dump <db>                    dump the db to stdout
  convert <in_db> <out_db>     convert the db

)";

struct settings {
    std::size_t header_in = header_max;
    std::size_t header_out = header_max;
    bool empty_ones = false;
    bool show_header = false;
};

int misuse(const char* name) {
    fmt::print(stderr, synopsis, name);
    return failed;
}

// As atoi() reads it: what is no number is 0.
std::optional<std::size_t> size_of_system(const char* word) {
    switch (std::strtol(word, nullptr, 10)) {
    case 0:
        return 0;
    case 32:
        return 20;
    case 64:
        return 24;
    default:
        return std::nullopt;
    }
}

std::size_t size_of_number(const char* word) {
    return std::min<std::size_t>(std::strtoul(word, nullptr, 0), header_max);
}

std::string escaped(byte_view data) {
    std::string out;
    for (const char c : text_of(data)) {
        const bool plain = c >= 0x20 && c < 0x7F && c != '"' && c != '\\';
        out += plain ? std::string(1, c) : fmt::format("\\{:02X}", static_cast<unsigned char>(c));
    }
    return out;
}

// What there is of a header, the rest as in one that belongs to no node.
bytes header_bytes(byte_view value, std::size_t size) {
    protocol::record_header none;
    none.dmaster = unknown_pnn;
    bytes header = protocol::encode(none);
    std::copy_n(value.begin(), std::min(size, value.size()), header.begin());
    return header;
}

// Calls use(key, header of 24 bytes, data) for every record that is to be seen.
template <class Use>
int walk(tdb::file& in, const settings& s, Use use) {
    for (std::uint32_t chain = 0; chain < in.chains(); ++chain) {
        const auto walked = in.walk_chain(chain, [&](byte_view key, byte_view value) {
            if (value.size() < s.header_in) { // upstream stops here, we go on
                fmt::print(
                    stderr,
                    "Value too short to contain a ctdb header: \"{}\" = \"{}\"\n",
                    escaped(key),
                    escaped(value)
                );
                return;
            }
            if (value.size() == s.header_in && !s.empty_ones) {
                return;
            }
            const bytes header = header_bytes(value, s.header_in);
            const byte_view data = value.subspan(s.header_in);
            const auto padding = byte_view(header).subspan(20);
            if (std::any_of(padding.begin(), padding.end(), [](std::byte b) {
                    return b != std::byte{0};
                })) {
                fmt::print(stderr, "Warning: header padding isn't zero! Wrong header size?\n");
            }
            use(key, byte_view(header), data);
        });
        if (!walked) {
            fmt::print(stderr, "{}\n", walked.error().what);
            return failed;
        }
    }
    return 0;
}

// A volatile database's mutexes can be had only by opening it as ctdbd does, which would clear it
// where no ctdbd has it open. Such a file is read without locks, as upstream's tool reads all.
std::unique_ptr<tdb::file> open_input(const char* path) {
    constexpr int no_lock = 0x4; // TDB_NOLOCK
    tdb::open_options options;
    options.path = path;
    auto opened = tdb::file::open(options);
    if (!opened && opened.error().code == EINVAL) {
        options.flags = no_lock;
        opened = tdb::file::open(options);
    }
    if (!opened) {
        fmt::print(stderr, "tdbopen in: {}\n", std::strerror(opened.error().code));
        return nullptr;
    }
    return std::move(*opened);
}

std::unique_ptr<tdb::file> make_output(const char* path) {
    const unique_fd fresh(::open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!fresh) {
        fmt::print(stderr, "tdbopen out: {}\n", std::strerror(errno));
        return nullptr;
    }
    tdb::open_options options;
    options.path = path;
    options.creation = tdb::create::if_missing;
    auto opened = tdb::file::open(options);
    if (!opened) {
        fmt::print(stderr, "tdbopen out: {}\n", std::strerror(opened.error().code));
        return nullptr;
    }
    return std::move(*opened);
}

int dump(const char* path, const settings& s) {
    const auto in = open_input(path);
    if (in == nullptr) {
        return failed;
    }
    return walk(*in, s, [&s](byte_view key, byte_view header, byte_view data) {
        fmt::print("{{\nkey({}) = \"{}\"\n", key.size(), escaped(key));
        if (s.show_header) {
            const auto h = protocol::header_of(header);
            fmt::print("dmaster: {}\nrsn: {}\nflags: 0x{:x}\n", h->dmaster, h->rsn, h->flags.value);
        }
        fmt::print("data({}) = \"{}\"\n}}\n", data.size(), escaped(data));
    });
}

int convert(const char* from, const char* to, const settings& s) {
    const auto in = open_input(from);
    if (in == nullptr) {
        return failed;
    }
    const auto out = make_output(to);
    if (out == nullptr) {
        return failed;
    }
    int status = 0;
    const int walked = walk(*in, s, [&](byte_view key, byte_view header, byte_view data) {
        if (const auto done = out->write(key, header.first(s.header_out), data); !done) {
            fmt::print(stderr, "{}\n", done.error().what);
            status = failed;
        }
    });
    return walked != 0 ? walked : status;
}

} // namespace

int main(int argc, char** argv) {
    set_log_sink([](log_level, std::string_view) {}); // libtdb's own lines: we say it in a word
    settings s;
    for (int option = 0; (option = ::getopt(argc, argv, "s:S:o:O:eph")) != -1;) {
        std::optional<std::size_t> size = 0;
        switch (option) {
        case 's':
            size = size_of_system(optarg);
            s.header_in = size.value_or(0);
            break;
        case 'o':
            size = size_of_system(optarg);
            s.header_out = size.value_or(0);
            break;
        case 'S':
            s.header_in = size_of_number(optarg);
            break;
        case 'O':
            s.header_out = size_of_number(optarg);
            break;
        case 'e':
            s.empty_ones = true;
            break;
        case 'p':
            s.show_header = true;
            break;
        case 'h':
            fmt::print(help_text, argv[0]);
            return 0;
        default:
            return misuse(argv[0]);
        }
        if (!size) {
            return misuse(argv[0]);
        }
    }
    const int words = argc - optind;
    const std::string_view command = words > 0 ? argv[optind] : "";
    if (command == "help") {
        fmt::print(help_text, argv[0]);
        return 0;
    }
    if (command == "dump" && words == 2) {
        return dump(argv[optind + 1], s);
    }
    if (command == "convert" && words == 3) {
        return convert(argv[optind + 1], argv[optind + 2], s);
    }
    return misuse(argv[0]);
}
