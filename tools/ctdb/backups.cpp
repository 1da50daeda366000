// Databases to files and back, and emptied: backupdb, restoredb, dumpdbbackup, wipedb.
#include "commands.hpp"
#include "common/base/unique_fd.hpp"
#include "common/protocol/backup_file.hpp"
#include "dump.hpp"
#include "every_node.hpp"
#include "find_database.hpp"
#include "text.hpp"

#include <chrono>
#include <cstdio>
#include <ctime>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace ctdb::tool {

namespace controls = protocol::controls;

namespace {

constexpr srvid push_range{0xCE02000000000000}; // restoredb's records

// ---- files ----

result<> write_whole(int fd, byte_view data) {
    while (!data.empty()) {
        const ssize_t written = ::write(fd, data.data(), data.size());
        if (written < 0) {
            return fail_errno("write");
        }
        data = data.subspan(static_cast<std::size_t>(written));
    }
    return {};
}

// Under its name only once it is whole and on disk: the backup of yesterday is not lost for one
// that fails. A device or a pipe is written as it is.
outcome<> write_backup(const context& ctx, const std::string& path, byte_view content) {
    struct stat there {};
    const bool missing = ::stat(path.c_str(), &there) != 0;
    const bool may_be_made = missing && !path.empty() && path.back() != '/';
    const bool replace = may_be_made || (!missing && S_ISREG(there.st_mode));
    const std::string file = replace ? fmt::format("{}.{}.new", path, ::getpid()) : path;
    const unique_fd fd(::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!fd) {
        const int code = errno;
        ctx.complain("Failed to open file {} for writing", path);
        return failure(code);
    }
    const auto head = write_whole(fd.get(), content.first(protocol::backup_head_size));
    const auto written =
        head ? write_whole(fd.get(), content.subspan(protocol::backup_head_size)) : head;
    const bool whole = written && (!replace || ::fsync(fd.get()) == 0);
    if (!whole || (replace && ::rename(file.c_str(), path.c_str()) != 0)) {
        const int code = written ? errno : written.error().code;
        if (head) {
            ctx.complain("Failed to write records to backup file");
        } else {
            ctx.complain("Failed to write header to file {}", path);
        }
        if (replace) {
            ::unlink(file.c_str());
        }
        return failure(code);
    }
    return {};
}

outcome<bytes> read_file(const context& ctx, const std::string& path) {
    const unique_fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) {
        const int code = errno;
        ctx.complain("Failed to open file {} for reading", path);
        return failure(code);
    }
    bytes content;
    std::array<std::byte, 65536> piece{};
    for (;;) {
        const ssize_t got = ::read(fd.get(), piece.data(), piece.size());
        if (got < 0) {
            const int code = errno;
            ctx.complain("Failed to read db header from file {}", path);
            return failure(code);
        }
        if (got == 0) {
            return content;
        }
        content.insert(content.end(), piece.begin(), piece.begin() + got);
    }
}

// A backup that was read and found whole: as record buffers of some database.
struct backup {
    protocol::backup_head head;
    bytes content;
    // For each buffer of the file; stops at the first failure.
    [[nodiscard]] result<>
    each_buffer(db_id db, const std::function<void(const bytes& buffer)>& use) const;
};

result<> backup::each_buffer(db_id db, const std::function<void(const bytes&)>& use) const {
    byte_view rest = byte_view{content}.subspan(protocol::backup_head_size);
    for (std::uint64_t i = 0; i < head.buffers; ++i) {
        const auto next = protocol::decode_backup_buffer_head(rest);
        if (!next) {
            return pass(next);
        }
        rest = rest.subspan(protocol::backup_buffer_head_size);
        if (next->size > rest.size()) {
            return fail(EINVAL, "buffer {} of {} is cut off", i + 1, head.buffers);
        }
        const auto size = static_cast<std::size_t>(next->size);
        auto buffer = protocol::backup_to_record_buffer(db, *next, rest.first(size));
        if (!buffer) {
            return pass(buffer);
        }
        use(*buffer);
        rest = rest.subspan(size);
    }
    return {};
}

// Upstream does not notice a file shorter than its header: it finds version 0, or what was there.
std::uint64_t version_in(const bytes& content) {
    reader in(content);
    const auto version = in.get<std::uint64_t>();
    return in.ok() ? version : 0;
}

outcome<backup> read_backup(const context& ctx, const std::string& path) {
    auto content = read_file(ctx, path);
    if (!content) {
        return pass(content);
    }
    backup read;
    const auto version = version_in(*content);
    if (version != protocol::backup_format_version) {
        ctx.complain(
            "Wrong version of backup file, expected {}, got {}",
            protocol::backup_format_version,
            version
        );
        return failure(EINVAL);
    }
    auto head = protocol::decode_backup_head(*content);
    if (!head) {
        ctx.complain("Failed to read db header from file {}", path);
        return failure(EINVAL);
    }
    read.head = std::move(*head);
    read.content = std::move(*content);
    // All of it is looked at before a database is emptied for it.
    const auto whole = read.each_buffer(db_id{}, [](const bytes&) {});
    if (!whole) {
        ctx.complain("Failed to read backup file {}: {}", path, whole.error().what);
        return failure(EINVAL);
    }
    return read;
}

std::string moment_text(std::int64_t seconds) {
    const std::time_t moment = seconds;
    std::tm parts{};
    ::localtime_r(&moment, &parts);
    std::array<char, 64> text{};
    const std::size_t size = std::strftime(text.data(), text.size(), "%Y/%m/%d %H:%M:%S", &parts);
    return {text.data(), size};
}

// ---- all active nodes, step by step ----

bool is_active(protocol::node_flags flags) {
    return !protocol::is_inactive(flags);
}

struct replacing {
    db_id db;
    std::vector<pnn> nodes;
    protocol::transdb transaction;
};

template <class Control>
async::task<outcome<>>
on_all(context& ctx, const replacing& what, typename Control::request request) {
    const auto done = co_await ask_all<Control>(ctx, what.nodes, std::move(request));
    co_return done ? outcome<>() : pass(done);
}

async::task<outcome<replacing>> begin_replacing(context& ctx, db_id db) {
    replacing what;
    what.db = db;
    auto nodes = co_await ctx.nodes_where(is_active);
    if (!nodes) {
        co_return pass(nodes);
    }
    what.nodes = std::move(*nodes);
    const auto map = co_await ask<controls::get_vnn_map>(ctx, ctx.self);
    if (!map) {
        co_return pass(map);
    }
    what.transaction.db_id = db;
    what.transaction.transaction_id = map->generation.value;
    co_return what;
}

async::task<outcome<>> empty_all(context& ctx, const replacing& what) {
    const auto frozen = co_await on_all<controls::db_freeze>(ctx, what, what.db);
    if (!frozen) {
        co_return frozen;
    }
    const auto begun = co_await on_all<controls::db_transaction_start>(ctx, what, what.transaction);
    if (!begun) {
        co_return begun;
    }
    co_return co_await on_all<controls::wipe_database>(ctx, what, what.transaction);
}

async::task<outcome<>> push_all(context& ctx, const replacing& what, const backup& from) {
    protocol::pulldb_ext push;
    push.db_id = what.db;
    push.lmaster = pnn{0};
    push.srvid = srvid(push_range.value | static_cast<std::uint64_t>(::getpid() & 0xFFFF) << 16U);
    const auto started = co_await on_all<controls::db_push_start>(ctx, what, push);
    if (!started) {
        co_return started;
    }
    const auto send = [&](const bytes& buffer) {
        for (const pnn node : what.nodes) {
            ctx.ctdbd->message(node, push.srvid, buffer);
        }
    };
    const auto sent = from.each_buffer(what.db, send);
    if (!sent) {
        ctx.complain("{}", sent.error().what);
        co_return failure(sent.error().code);
    }
    const auto counts = co_await ask_all<controls::db_push_confirm>(ctx, what.nodes, what.db);
    if (!counts) {
        co_return pass(counts);
    }
    for (std::size_t i = 0; i < counts->size(); ++i) {
        const std::uint64_t count = (*counts)[i];
        if (count != from.head.records) {
            ctx.complain(
                "Node {} received {} of {} records", what.nodes[i], count, from.head.records
            );
            co_return failure(0); // upstream's status, which scripts know
        }
    }
    co_return outcome<>();
}

async::task<outcome<>> finish_all(context& ctx, const replacing& what) {
    const auto healthy = co_await on_all<controls::db_set_healthy>(ctx, what, what.db);
    if (!healthy) {
        co_return healthy;
    }
    const auto committed =
        co_await on_all<controls::db_transaction_commit>(ctx, what, what.transaction);
    if (!committed) {
        co_return committed;
    }
    co_return co_await on_all<controls::db_thaw>(ctx, what, what.db);
}

async::task<outcome<>> replace(context& ctx, const replacing& what, const backup* from) {
    const auto emptied = co_await empty_all(ctx, what);
    if (!emptied) {
        co_return emptied;
    }
    if (from != nullptr) {
        const auto pushed = co_await push_all(ctx, what, *from);
        if (!pushed) {
            co_return pushed;
        }
    }
    co_return co_await finish_all(ctx, what);
}

// What was begun and failed, a recovery clears up.
async::task<int> replace_or_recover(context& ctx, db_id db, const backup* from, std::string done) {
    const auto what = co_await begin_replacing(ctx, db);
    if (!what) {
        co_return what.error().code;
    }
    const auto replaced = co_await replace(ctx, *what, from);
    if (!replaced) {
        const auto mode = protocol::recovery_mode::active;
        const auto asked = co_await ask<controls::set_recovery_mode>(ctx, ctx.self, mode);
        static_cast<void>(asked); // it has printed why
        co_return replaced.error().code;
    }
    ctx.tell(done);
    co_return 0;
}

} // namespace

run backupdb(context& ctx) {
    const auto use = co_await attach_named(ctx, ctx.argument(0));
    if (!use) {
        co_return use.error().code;
    }
    protocol::backup_writer file(use->known.id);
    const auto walked =
        use->db->walk_local([&file](byte_view key, byte_view value) { file.append(key, value); });
    if (!walked) {
        ctx.complain("Failed to collect records from DB {}", use->known.name);
        co_return walked.error().code;
    }
    protocol::backup_head head;
    const auto now = std::chrono::system_clock::now(); // for people
    head.created = std::chrono::system_clock::to_time_t(now);
    head.flags = use->known.flags.value;
    head.name = use->known.name;
    const auto written = write_backup(ctx, ctx.argument(1), file.finish(head));
    if (!written) {
        co_return written.error().code;
    }
    ctx.tell(fmt::format("Database backed up to {}", ctx.argument(1)));
    co_return 0;
}

run restoredb(context& ctx) {
    const auto from = read_backup(ctx, ctx.argument(0));
    if (!from) {
        co_return from.error().code;
    }
    known_database to;
    to.name = ctx.arguments.size() > 1 ? ctx.argument(1) : from->head.name;
    to.flags = protocol::db_flags(static_cast<std::uint8_t>(from->head.flags));
    ctx.tell(fmt::format(
        "Restoring database {} from backup @ {}", to.name, moment_text(from->head.created)
    ));
    const auto use = co_await attach_known(ctx, to);
    if (!use) {
        co_return use.error().code;
    }
    std::string done = fmt::format("Database {} restored", to.name);
    co_return co_await replace_or_recover(ctx, use->db->id(), &*from, std::move(done));
}

run wipedb(context& ctx) {
    const auto use = co_await attach_named(ctx, ctx.argument(0));
    if (!use) {
        co_return use.error().code;
    }
    std::string done = fmt::format("Database {} wiped", use->known.name);
    co_return co_await replace_or_recover(ctx, use->known.id, nullptr, std::move(done));
}

run dumpdbbackup(context& ctx) {
    const auto from = read_backup(ctx, ctx.argument(0));
    if (!from) {
        co_return from.error().code;
    }
    if (!ctx.json()) {
        fmt::print(
            "Dumping database {} from backup @ {}\n",
            from->head.name,
            moment_text(from->head.created)
        );
    }
    dump out(ctx);
    const auto shown = from->each_buffer(db_id{}, [&out](const bytes& buffer) {
        const auto all = protocol::for_each_entry(buffer, [&out](const protocol::record_view& r) {
            out.show(r.key, r.data);
            return true;
        });
        static_cast<void>(all); // read_backup() has looked at it
    });
    if (!shown) {
        co_return shown.error().code;
    }
    out.end("record(s)");
    co_return 0;
}

} // namespace ctdb::tool
