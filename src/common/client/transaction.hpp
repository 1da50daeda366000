// transaction: several changes of a persistent or replicated database on all nodes or on none
// (databases.md 7).
//
//   auto t = co_await transaction::begin(dbs, db, deadline);      // waits for the others' turn
//   auto old = co_await (*t)->read(key, deadline);
//   co_await (*t)->write(key, value, deadline);
//   auto done = co_await (*t)->commit(deadline);                  // or cancel()
//
// One transaction at a time per database in the whole cluster, by a lock in g_lock.tdb: end it with
// commit() or cancel(), a destroyed one keeps the lock until this process has gone. A commit that
// ctdbd refuses (a recovery) is repeated until the deadline, unless the sequence number tells that
// it was completed; an error means that nothing was changed, except EINPROGRESS: unknown.
#pragma once

#include "common/client/database.hpp"
#include "common/client/g_lock.hpp"
#include "common/protocol/record_buffer.hpp"

#include <map>
#include <memory>
#include <optional>

namespace ctdb::client {

class transaction {
public:
    // Requires: `db` is not volatile. ETIMEDOUT: others did not finish.
    [[nodiscard]] static async::task<result<std::unique_ptr<transaction>>>
    begin(databases& dbs, std::shared_ptr<database> db, async::time_point deadline);
    transaction(std::shared_ptr<database> db, std::shared_ptr<database> locks);
    transaction(const transaction&) = delete;
    transaction& operator=(const transaction&) = delete;

    // Own changes are seen. Empty: does not exist.
    [[nodiscard]] async::task<result<bytes>> read(bytes key, async::time_point deadline);
    // Writing what is there already changes nothing; an empty value deletes.
    [[nodiscard]] async::task<result<>> write(bytes key, bytes value, async::time_point deadline);
    [[nodiscard]] async::task<result<>> commit(async::time_point deadline);
    [[nodiscard]] async::task<result<>> cancel(async::time_point deadline);

private:
    [[nodiscard]] async::task<result<database::local_record>>
    newest(const bytes& key, async::time_point deadline);
    [[nodiscard]] async::task<result<>> send_commit(async::time_point deadline);
    void change(const bytes& key, const protocol::record_header& before, bytes value);
    [[nodiscard]] bytes marshalled() const;

    std::shared_ptr<database> db_;
    g_lock lock_;
    std::map<bytes, database::local_record> changes_;
};

// One change as a transaction of its own.
[[nodiscard]] async::task<result<>> store_persistent(
    databases& dbs, std::shared_ptr<database> db, bytes key, bytes value, async::time_point deadline
);

} // namespace ctdb::client
