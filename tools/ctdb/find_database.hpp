// Finding and attaching the database a command names.
#pragma once

#include "common/client/database.hpp"
#include "context.hpp"

#include <memory>
#include <string>

namespace ctdb::tool {

struct known_database {
    db_id id;
    std::string name;
    protocol::db_flags flags;
    [[nodiscard]] client::database_kind kind() const noexcept;
};

// By name or 0x id, in the local node's map; complains that there is none.
[[nodiscard]] async::task<outcome<known_database>> find_database(context& ctx, std::string word);

// Exit status for an error of the client library.
[[nodiscard]] int code_of(const error& e) noexcept;

// All a command needs to work on one database.
struct attached {
    known_database known;
    std::unique_ptr<client::databases> all;
    std::shared_ptr<client::database> db;
};
// Complains of the failing step and "Failed to attach to DB ...".
[[nodiscard]] async::task<outcome<attached>> attach_known(context& ctx, known_database which);

// Both; between them `accepts`, which complains, may refuse.
using database_check = outcome<> (*)(const context& ctx, const known_database& which);
[[nodiscard]] outcome<> any_database(const context& ctx, const known_database& which);
[[nodiscard]] async::task<outcome<attached>>
attach_named(context& ctx, std::string word, database_check accepts = any_database);

// An argument as key or value: text or 0x hex; complains.
[[nodiscard]] outcome<bytes>
parse_argument(const context& ctx, std::string_view what, const std::string& text);

} // namespace ctdb::tool
