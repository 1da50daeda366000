#include "find_database.hpp"

#include "text.hpp"

#include <cstdlib>

namespace ctdb::tool {

namespace controls = protocol::controls;

client::database_kind known_database::kind() const noexcept {
    if (flags.has(protocol::db_flag::persistent)) {
        return client::database_kind::persistent;
    }
    if (flags.has(protocol::db_flag::replicated)) {
        return client::database_kind::replicated;
    }
    return client::database_kind::volatile_records;
}

int code_of(const error& e) noexcept {
    return e.code == EREMOTEIO ? -1 : e.code;
}

async::task<outcome<known_database>> find_database(context& ctx, std::string word) {
    const auto map = co_await ask<controls::get_db_map>(ctx, ctx.self);
    if (!map) {
        co_return pass(map);
    }
    const bool by_id = word.starts_with("0x");
    const auto id = static_cast<std::uint32_t>(std::strtoul(word.c_str(), nullptr, 0));
    for (const protocol::dbid& one : map->dbs) {
        if (by_id && one.db_id.value != id) {
            continue;
        }
        auto name = co_await ask<controls::get_db_name>(ctx, ctx.self, one.db_id);
        if (!name) {
            co_return pass(name);
        }
        if (by_id || *name == word) {
            known_database found;
            found.id = one.db_id;
            found.name = std::move(*name);
            found.flags = one.flags;
            co_return found;
        }
    }
    ctx.complain(trouble::no_such_database, "No database matching '{}' found", word);
    co_return failure();
}

async::task<outcome<attached>> attach_known(context& ctx, known_database which) {
    attached out;
    out.all = std::make_unique<client::databases>(*ctx.ctdbd, client::waiting::blocking);
    client::attach_options options;
    options.kind = which.kind();
    auto db = co_await out.all->attach(which.name, options, ctx.deadline());
    if (!db) {
        ctx.complain("{}", db.error().what);
        ctx.complain("Failed to attach to DB {}", which.name);
        co_return failure(code_of(db.error()));
    }
    out.db = std::move(*db);
    out.known = std::move(which);
    co_return std::move(out);
}

outcome<> any_database(const context&, const known_database&) {
    return {};
}

async::task<outcome<attached>>
attach_named(context& ctx, std::string word, database_check accepts) {
    auto known = co_await find_database(ctx, std::move(word));
    if (!known) {
        co_return pass(known);
    }
    const auto accepted = accepts(ctx, *known);
    if (!accepted) {
        co_return pass(accepted);
    }
    co_return co_await attach_known(ctx, std::move(*known));
}

outcome<bytes> parse_argument(const context& ctx, std::string_view what, const std::string& text) {
    auto data = parse_data(what, text);
    if (!data) {
        ctx.complain(trouble::usage, "{}", data.error());
        return failure(EINVAL);
    }
    return std::move(*data);
}

} // namespace ctdb::tool
