// Databases as a whole: map, status, attach, dumps, sequence number, attributes.
#include "commands.hpp"
#include "dump.hpp"
#include "find_database.hpp"
#include "json.hpp"
#include "text.hpp"

#include <unistd.h>

namespace ctdb::tool {

namespace controls = protocol::controls;
using protocol::db_flag;

namespace {

struct shown_database {
    db_id id;
    protocol::db_flags flags;
    std::string name;
    std::string path;
    std::optional<std::string> health; // reason; none: healthy
};

// A name, path or health that is not told does not hide the rest.
async::task<outcome<shown_database>>
describe(context& ctx, protocol::dbid which, pnn path_and_health_of) {
    shown_database out;
    out.id = which.db_id;
    out.flags = which.flags;
    const auto name = co_await ask<controls::get_db_name>(ctx, ctx.target, which.db_id);
    if (!name) {
        co_return pass(name);
    }
    out.name = *name;
    const auto path = co_await ask<controls::get_db_path>(ctx, path_and_health_of, which.db_id);
    if (!path) {
        co_return pass(path);
    }
    out.path = *path;
    const auto health = co_await ask<controls::db_get_health>(ctx, path_and_health_of, which.db_id);
    if (!health) {
        co_return pass(health);
    }
    out.health = *health;
    co_return out;
}

std::string bit(protocol::db_flags flags, db_flag flag) {
    return flags.has(flag) ? "1" : "0";
}

std::string machine_row(const shown_database& db, std::string_view separator) {
    const std::vector<std::string> fields{
        fmt::format("0x{:08X}", db.id.value),
        db.name,
        db.path,
        bit(db.flags, db_flag::persistent),
        bit(db.flags, db_flag::sticky),
        db.health ? "1" : "0",
        bit(db.flags, db_flag::readonly),
        bit(db.flags, db_flag::replicated)};
    return machine_line(separator, fields);
}

std::string human_row(const shown_database& db) {
    return fmt::format(
        "dbid:0x{:08x} name:{} path:{}{}{}{}{}{}",
        db.id.value,
        db.name,
        db.path,
        db.flags.has(db_flag::persistent) ? " PERSISTENT" : "",
        db.flags.has(db_flag::sticky) ? " STICKY" : "",
        db.flags.has(db_flag::readonly) ? " READONLY" : "",
        db.flags.has(db_flag::replicated) ? " REPLICATED" : "",
        db.health ? " UNHEALTHY" : ""
    );
}

std::string_view kind_name(protocol::db_flags flags) {
    if (flags.has(db_flag::persistent)) {
        return "persistent";
    }
    return flags.has(db_flag::replicated) ? "replicated" : "volatile";
}

json database_json(const shown_database& db) {
    json out;
    out["id"] = fmt::format("0x{:08x}", db.id.value);
    out["name"] = db.name;
    out["path"] = db.path;
    out["type"] = kind_name(db.flags);
    out["sticky"] = db.flags.has(db_flag::sticky);
    out["readonly"] = db.flags.has(db_flag::readonly);
    out["healthy"] = !db.health.has_value();
    out["health_text"] = db.health ? json(*db.health) : json(nullptr);
    return out;
}

const std::vector<std::string> map_header{
    "ID", "Name", "Path", "Persistent", "Sticky", "Unhealthy", "Readonly", "Replicated"};

void print_databases(const context& ctx, const std::vector<shown_database>& list) {
    if (ctx.json()) {
        json out = json_head(ctx, ctx.command->name);
        out["databases"] = json::array();
        for (const shown_database& db : list) {
            out["databases"].push_back(database_json(db));
        }
        print_json(ctx, out);
        return;
    }
    if (ctx.options.machine) {
        fmt::print("{}\n", machine_line(ctx.options.separator, map_header));
    } else {
        fmt::print("Number of databases:{}\n", list.size());
    }
    for (const shown_database& db : list) {
        fmt::print(
            "{}\n", ctx.options.machine ? machine_row(db, ctx.options.separator) : human_row(db)
        );
    }
}

} // namespace

run getdbmap(context& ctx) {
    const auto map = co_await ask<controls::get_db_map>(ctx, ctx.target);
    if (!map) {
        co_return map.error().code;
    }
    std::vector<shown_database> list;
    for (const protocol::dbid& one : map->dbs) {
        auto db = co_await describe(ctx, one, ctx.target);
        if (!db) {
            co_return db.error().code;
        }
        list.push_back(std::move(*db));
    }
    print_databases(ctx, list);
    co_return 0;
}

run getdbstatus(context& ctx) {
    const auto known = co_await find_database(ctx, ctx.argument(0));
    if (!known) {
        co_return known.error().code;
    }
    protocol::dbid which;
    which.db_id = known->id;
    which.flags = known->flags;
    const auto db = co_await describe(ctx, which, ctx.target);
    if (!db) {
        co_return db.error().code;
    }
    if (ctx.json()) {
        const std::vector<shown_database> one{*db};
        print_databases(ctx, one);
        co_return 0;
    }
    const auto yes = [&db](db_flag flag) { return db->flags.has(flag) ? "yes" : "no"; };
    fmt::print("dbid: 0x{:08x}\nname: {}\npath: {}\n", db->id.value, db->name, db->path);
    fmt::print(
        "PERSISTENT: {}\nREPLICATED: {}\n", yes(db_flag::persistent), yes(db_flag::replicated)
    );
    fmt::print("STICKY: {}\nREADONLY: {}\n", yes(db_flag::sticky), yes(db_flag::readonly));
    fmt::print("HEALTH: {}\n", db->health.value_or("OK"));
    co_return 0;
}

namespace {

bool read_kind(const std::string& word, client::attach_options& out) {
    if (word == "persistent") {
        out.kind = client::database_kind::persistent;
    } else if (word == "replicated") {
        out.kind = client::database_kind::replicated;
    } else if (word == "readonly") {
        out.readonly = true;
    } else if (word == "sticky") {
        out.sticky = true;
    } else {
        return false;
    }
    return true;
}

} // namespace

run attach(context& ctx) {
    client::attach_options options;
    if (ctx.arguments.size() > 1 && !read_kind(ctx.argument(1), options)) {
        co_return ctx.misuse();
    }
    client::databases all(*ctx.ctdbd, client::waiting::blocking);
    const auto db = co_await all.attach(ctx.argument(0), options, ctx.deadline());
    if (!db) {
        const bool refused = code_of(db.error()) == -1;
        ctx.complain(refused ? trouble::refused : trouble::unknown, "{}", db.error().what);
        co_return code_of(db.error());
    }
    co_return 0;
}

// ---- dumps ----

run cattdb(context& ctx) {
    const auto use = co_await attach_named(ctx, ctx.argument(0));
    if (!use) {
        co_return use.error().code;
    }
    dump out(ctx);
    const auto walked =
        use->db->walk_local([&out](byte_view key, byte_view value) { out.show(key, value); });
    if (!walked) {
        ctx.complain("{}", walked.error().what);
        co_return walked.error().code;
    }
    out.end("record(s)");
    co_return 0;
}

// Records come as messages, one each; one without key and data is the end.
run catdb(context& ctx) {
    const auto use = co_await attach_named(ctx, ctx.argument(0));
    if (!use) {
        co_return use.error().code;
    }
    dump out(ctx);
    async::slot<bool> finished(ctx.loop);
    auto heard = [&out, &finished](byte_view data) {
        const auto record = protocol::decode<protocol::marshalled_record>(data);
        if (!record) {
            return;
        }
        if (record->key.empty() && record->data.empty()) {
            finished.set(true);
        } else if (record->data.size() > protocol::record_header_size) {
            out.show(record->key, record->data);
        }
    };
    protocol::traverse_start_ext start;
    start.db_id = use->known.id;
    start.reqid = reqid(1);
    start.srvid =
        srvid(protocol::srvids::client_range.value | static_cast<std::uint64_t>(::getpid()));
    const auto kept = ctx.ctdbd->subscribe(start.srvid, heard);
    const auto started = co_await ask<controls::start_traverse_ext>(ctx, ctx.self, start);
    if (!started) {
        co_return started.error().code;
    }
    co_await finished.take(); // ctdbd ends it after TraverseTimeout
    out.end("records");
    co_return 0;
}

run getdbseqnum(context& ctx) {
    const auto known = co_await find_database(ctx, ctx.argument(0));
    if (!known) {
        co_return known.error().code;
    }
    protocol::padded_db_id which;
    which.db_id = known->id;
    const auto number = co_await ask<controls::get_db_seqnum>(ctx, ctx.self, which);
    if (!number) {
        ctx.complain("Failed to get sequence number for DB {}", known->name);
        co_return number.error().code;
    }
    if (ctx.json()) {
        json out = json_head(ctx, "getdbseqnum");
        out["seqnum"] = *number;
        print_json(ctx, out);
    } else {
        fmt::print("0x{:x}\n", *number);
    }
    co_return 0;
}

namespace {

template <class Control>
async::task<int> set_attribute(context& ctx, std::string_view name) {
    const auto known = co_await find_database(ctx, ctx.argument(0));
    if (!known) {
        co_return known.error().code;
    }
    if (!protocol::is_volatile(known->flags)) {
        ctx.complain(trouble::usage, "{} can be set only on volatile DB", name);
        co_return 1;
    }
    const auto done = co_await order<Control>(ctx, ctx.target, known->id, "");
    co_return exit_of(done);
}

} // namespace

run setdbreadonly(context& ctx) {
    co_return co_await set_attribute<controls::set_db_readonly>(ctx, "READONLY");
}

run setdbsticky(context& ctx) {
    co_return co_await set_attribute<controls::set_db_sticky>(ctx, "STICKY");
}

} // namespace ctdb::tool
