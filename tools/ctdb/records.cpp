// Single records of volatile databases under their lock, and of tdb files.
#include "commands.hpp"
#include "common/base/log.hpp"
#include "dump.hpp"
#include "every_node.hpp"
#include "find_database.hpp"
#include "text.hpp"

#include <fcntl.h>
#include <sys/stat.h>

namespace ctdb::tool {

namespace {

struct locked {
    attached use; // keeps the database
    std::unique_ptr<client::locked_record> record;
    bytes value; // to be written
};

outcome<> only_volatile(const context& ctx, const known_database& which) {
    if (!protocol::is_volatile(which.flags)) {
        ctx.complain(trouble::usage, "DB {} is not a volatile database", which.name);
        return failure();
    }
    return {};
}

// What upstream says when the record cannot be had differs from command to command.
struct lock_words {
    std::string_view verb;
    std::string what;
};

async::task<outcome<locked>>
lock_named_record(context& ctx, client::record_access access, lock_words say) {
    locked out;
    auto use = co_await attach_named(ctx, ctx.argument(0), only_volatile);
    if (!use) {
        co_return pass(use);
    }
    out.use = std::move(*use);
    auto key = parse_argument(ctx, "key", ctx.argument(1));
    if (!key) {
        co_return pass(key);
    }
    // As upstream: no time limit of its own, a holder may need long; -T ends it.
    const auto no_limit = async::time_point::max();
    auto record = co_await out.use.db->fetch_locked(std::move(*key), access, no_limit);
    if (!record) {
        ctx.complain("{}", record.error().what);
        ctx.complain("Failed to {} record for key {}", say.verb, say.what);
        co_return failure(code_of(record.error()));
    }
    out.record = std::move(*record);
    co_return std::move(out);
}

// With the value that is the third argument.
async::task<outcome<locked>> lock_for_value(context& ctx) {
    auto value = parse_argument(ctx, "value", ctx.argument(2));
    lock_words say{"lock", ctx.argument(0)}; // the database instead of the key: upstream's slip
    auto got = co_await lock_named_record(ctx, client::record_access::write, std::move(say));
    if (got && !value) {
        co_return pass(value);
    }
    if (got) {
        got->value = std::move(*value);
    }
    co_return got;
}

int write_result(const context& ctx, const result<>& done) {
    if (!done) {
        ctx.complain("Failed to store record for key {}", ctx.argument(1));
        return done.error().code;
    }
    return 0;
}

} // namespace

run readkey(context& ctx) {
    auto access = client::record_access::write;
    if (ctx.arguments.size() > 2) {
        if (ctx.argument(2) != "readonly") {
            co_return ctx.misuse();
        }
        access = client::record_access::read;
    }
    lock_words say{"read", ctx.argument(1)};
    const auto got = co_await lock_named_record(ctx, access, std::move(say));
    if (!got) {
        co_return got.error().code;
    }
    const bytes& data = got->record->data();
    if (ctx.json()) {
        json out = json_head(ctx, "readkey");
        out["found"] = !data.empty();
        out["data"] = data.empty() ? json(nullptr) : json_data(data);
        print_json(ctx, out);
    } else {
        fmt::print("Data: size:{} ptr:[{}]\n", data.size(), until_nul(data));
    }
    co_return 0;
}

run writekey(context& ctx) {
    const auto got = co_await lock_for_value(ctx);
    if (!got) {
        co_return got.error().code;
    }
    co_return write_result(ctx, got->record->store(got->value));
}

run deletekey(context& ctx) {
    lock_words say{"fetch", ctx.argument(1)};
    const auto got = co_await lock_named_record(ctx, client::record_access::write, std::move(say));
    if (!got) {
        co_return got.error().code;
    }
    const int code = write_result(ctx, got->record->erase());
    // The order to ctdbd must be on its way before the record is let go and we exit.
    ctx.ctdbd->flush();
    co_return code;
}

// Upstream's test command for PUSH_RECORD: a value that every active node keeps a copy of.
run pushrecord(context& ctx) {
    const auto got = co_await lock_for_value(ctx);
    if (!got) {
        co_return got.error().code;
    }
    protocol::pushed_record pushed;
    pushed.db_id = got->use.db->id();
    pushed.header = got->record->header();
    pushed.key = got->record->key();
    pushed.value = got->value;
    const auto map = co_await ask<protocol::controls::get_vnn_map>(ctx, ctx.self);
    if (!map) {
        co_return map.error().code;
    }
    pushed.generation = map->generation;
    const auto stored = got->record->store_for_push(got->value);
    if (!stored) {
        co_return write_result(ctx, stored);
    }
    const auto is_active = [](protocol::node_flags flags) { return !protocol::is_inactive(flags); };
    auto nodes = co_await ctx.nodes_where(is_active);
    if (!nodes) {
        co_return nodes.error().code;
    }
    const auto done = co_await ask_all<protocol::controls::push_record>(
        ctx, std::move(*nodes), std::move(pushed)
    );
    if (!done) {
        ctx.complain("Failed to push record for key {}", ctx.argument(1));
        co_return done.error().code;
    }
    co_return 0;
}

// ---- tdb files, whoever they belong to ----

namespace {

// These commands say themselves what went wrong; libtdb says nothing in upstream's.
class libtdb_silenced {
public:
    libtdb_silenced() {
        set_log_sink([](log_level, std::string_view) {});
    }
    libtdb_silenced(const libtdb_silenced&) = delete;
    libtdb_silenced& operator=(const libtdb_silenced&) = delete;
    ~libtdb_silenced() { set_log_sink({}); }
};

outcome<std::unique_ptr<tdb::file>> open_file(const context& ctx) {
    const libtdb_silenced silence;
    tdb::open_options open;
    open.path = ctx.argument(0);
    auto file = tdb::file::open(open);
    if (!file) {
        ctx.complain("Failed to open TDB file {}", ctx.argument(0));
        return failure();
    }
    return std::move(*file);
}

void write_output(const context& ctx, const std::string& path, byte_view value) {
    const unique_fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!fd) {
        ctx.complain("Failed to open output file {}", path);
        return;
    }
    if (::write(fd.get(), value.data(), value.size()) != static_cast<ssize_t>(value.size())) {
        ctx.complain("Failed to write record to file {}", path);
    }
}

} // namespace

run tfetch(context& ctx) {
    const auto file = open_file(ctx);
    if (!file) {
        co_return file.error().code;
    }
    const auto key = parse_argument(ctx, "key", ctx.argument(1));
    if (!key) {
        co_return key.error().code;
    }
    bytes value;
    const auto found = (*file)->read(*key, [&value](byte_view v) { value = to_bytes(v); });
    const auto header = protocol::header_of(value);
    if (!found || !*found) {
        ctx.complain("No record for key {}", ctx.argument(1));
        co_return 1;
    }
    if (!header) {
        ctx.complain("Invalid record for key {}", ctx.argument(1));
        co_return 1;
    }
    const byte_view data = protocol::data_after_header(value);
    if (ctx.json()) {
        json out = json_head(ctx, "tfetch");
        out.update(record_json(*header, data));
        print_json(ctx, out);
    } else {
        fmt::print("{}", record_text(*header, data));
    }
    if (ctx.arguments.size() > 2) {
        write_output(ctx, ctx.argument(2), value);
    }
    co_return 0;
}

run tstore(context& ctx) {
    const auto file = open_file(ctx);
    if (!file) {
        co_return file.error().code;
    }
    const auto key = parse_argument(ctx, "key", ctx.argument(1));
    const auto value = key ? parse_argument(ctx, "value", ctx.argument(2)) : key;
    if (!value) {
        co_return value.error().code;
    }
    protocol::record_header header;
    if (ctx.arguments.size() > 3) {
        const auto rsn = lenient_u64(ctx.argument(3));
        if (!rsn) {
            co_return why_no_number(ctx.argument(3));
        }
        header.rsn.value = *rsn;
    }
    if (ctx.arguments.size() > 4) {
        header.dmaster.value = static_cast<std::uint32_t>(decimal_or_zero(ctx.argument(4)));
    }
    const auto written = (*file)->write(*key, protocol::join_header(header, *value));
    if (!written) {
        ctx.complain("Failed to store record for key {}", ctx.argument(1));
        co_return written.error().code;
    }
    co_return 0;
}

} // namespace ctdb::tool
