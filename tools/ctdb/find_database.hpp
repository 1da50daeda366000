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

// By name or 0x id, in the local node's map; prints that there is none.
[[nodiscard]] async::task<outcome<known_database>> find_database(context& ctx, std::string word);

// Exit status for an error of the client library.
[[nodiscard]] int code_of(const error& e) noexcept;

// All a command needs to work on one database.
struct attached {
    std::unique_ptr<client::databases> all;
    std::shared_ptr<client::database> db;
};
// Prints the failing step and "Failed to attach to DB ...".
[[nodiscard]] async::task<outcome<attached>> attach_known(context& ctx, known_database which);

} // namespace ctdb::tool
