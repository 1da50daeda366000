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
    fmt::print(stderr, "No database matching '{}' found\n", word);
    co_return failure();
}

async::task<outcome<attached>> attach_known(context& ctx, known_database which) {
    attached out;
    out.all = std::make_unique<client::databases>(*ctx.ctdbd, client::waiting::blocking);
    client::attach_options options;
    options.kind = which.kind();
    auto db = co_await out.all->attach(which.name, options, ctx.deadline());
    if (!db) {
        fmt::print(stderr, "{}\nFailed to attach to DB {}\n", db.error().what, which.name);
        co_return failure(code_of(db.error()));
    }
    out.db = std::move(*db);
    co_return std::move(out);
}

} // namespace ctdb::tool
