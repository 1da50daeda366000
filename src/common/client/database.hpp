// database: a clustered database as a client has it: attached through ctdbd, its file open in this
// process, records of volatile databases fetched under their lock (databases.md 2.3).
//
// databases owns the handles of one client and hands out shared ones, because a process may not
// open a file twice. All of it is void once the client's connection has ended: destroy and start
// again. A handle may outlive `databases`, not the client.
//
// A record is locked by the chain lock of its key: one process per chain and node, and all other
// keys of that chain with it. So: hold records shortly, never two of one database at a time. Inside
// this process the lock is queued, between processes it is libtdb's. Waiting for another process
// sleeps in the kernel with waiting::blocking (tools, where nothing else is to be done) and tries
// again from the loop with waiting::polling (daemons).
#pragma once

#include "common/async/slot.hpp"
#include "common/client/client.hpp"
#include "common/protocol/types_database.hpp"
#include "common/protocol/types_record.hpp"
#include "common/tdb/file.hpp"

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace ctdb::client {

enum class database_kind : std::uint8_t { volatile_records, persistent, replicated };
enum class waiting : std::uint8_t { polling, blocking };
enum class record_access : std::uint8_t { write, read }; // read: a read-only copy will do

class database;

// A record under its lock, held until this object is destroyed. header() and data() are as fetched
// or as stored last.
class locked_record {
public:
    locked_record(std::shared_ptr<database> of, bytes key, std::uint32_t chain);
    locked_record(const locked_record&) = delete;
    locked_record& operator=(const locked_record&) = delete;
    ~locked_record();

    [[nodiscard]] const bytes& key() const noexcept { return key_; }
    [[nodiscard]] const protocol::record_header& header() const noexcept { return header_; }
    [[nodiscard]] const bytes& data() const noexcept { return data_; } // empty: does not exist

    // Requires record_access::write. The header stays: its numbers are ctdbd's business.
    [[nodiscard]] result<> store(byte_view data);
    // As Samba does before PUSH_RECORD: rsn + 1 and MIGRATED_WITH_DATA, because others get copies.
    [[nodiscard]] result<> store_for_push(byte_view data);
    // Stores the bare header and asks ctdbd to remove the record from all nodes some time.
    [[nodiscard]] result<> erase();

private:
    friend class database;
    std::shared_ptr<database> database_;
    bytes key_;
    std::uint32_t chain_;
    protocol::record_header header_;
    bytes data_;
};

class database : public std::enable_shared_from_this<database> {
public:
    database(client& through, std::string name, waiting how);
    database(const database&) = delete;
    database& operator=(const database&) = delete;

    [[nodiscard]] db_id id() const noexcept { return id_; }
    [[nodiscard]] const std::string& name() const noexcept { return name_; }
    [[nodiscard]] const std::string& path() const noexcept { return file_->path(); }
    [[nodiscard]] database_kind kind() const noexcept { return kind_; }
    [[nodiscard]] client& through() const noexcept { return client_; }

    // Requires a volatile database. Comes back with the record on this node, for as many rounds as
    // it takes. ETIMEDOUT, ENOTCONN, EREMOTEIO.
    [[nodiscard]] async::task<result<std::unique_ptr<locked_record>>>
    fetch_locked(bytes key, record_access access, async::time_point deadline);

    // The record as it lies in the local file; nothing if there is none. Of a persistent or
    // replicated database that is the cluster's value.
    struct local_record {
        protocol::record_header header;
        bytes data;
    };
    [[nodiscard]] async::task<result<std::optional<local_record>>>
    read_local(bytes key, async::time_point deadline);
    // Number of commits so far, as this node has it; 0 if none.
    [[nodiscard]] async::task<result<std::uint64_t>> sequence_number(async::time_point deadline);
    // Every record of the local file, also empty ones; sleeps for locks (tools).
    [[nodiscard]] result<std::size_t>
    walk_local(const std::function<void(byte_view key, byte_view value)>& visit);

private:
    friend class databases;
    friend class locked_record;
    class chain_guard;

    async::task<result<>> lock_chain(const bytes& key, async::time_point deadline);
    [[nodiscard]] result<bool> try_file_lock(const bytes& key);
    void unlock_chain(std::uint32_t chain);
    [[nodiscard]] result<std::optional<local_record>> read_locked(byte_view key) const;
    [[nodiscard]] bool usable(const std::optional<local_record>& r, record_access access) const;
    [[nodiscard]] async::task<result<>>
    migrate(const bytes& key, record_access access, async::time_point deadline);

    client& client_;
    std::string name_;
    waiting how_;
    db_id id_;
    database_kind kind_ = database_kind::volatile_records;
    std::unique_ptr<tdb::file> file_;
    std::set<std::uint32_t> held_; // chains locked by this process
    async::notice released_;
};

struct attach_options {
    database_kind kind = database_kind::volatile_records;
    bool readonly = false; // also sets the attribute on every connected node
    bool sticky = false;
};

// EREMOTEIO: refused; other codes as sent by ctdbd or of the system. The text says which step.
class databases {
public:
    explicit databases(client& through, waiting how = waiting::polling)
        : client_(through), how_(how) {}
    databases(const databases&) = delete;
    databases& operator=(const databases&) = delete;

    [[nodiscard]] async::task<result<std::shared_ptr<database>>>
    attach(std::string name, attach_options options, async::time_point deadline);
    [[nodiscard]] client& through() const noexcept { return client_; }

private:
    [[nodiscard]] async::task<result<>>
    attach_remote(database& db, attach_options options, async::time_point deadline);
    [[nodiscard]] async::task<result<std::string>>
    healthy_path(database& db, async::time_point deadline);
    [[nodiscard]] async::task<result<>>
    set_attributes(database& db, attach_options options, async::time_point deadline);

    client& client_;
    waiting how_;
    std::map<std::string, std::weak_ptr<database>> open_;
};

// Status of a control as an errno: EREMOTEIO for negative ones.
[[nodiscard]] int code_of_status(std::int32_t status) noexcept;

} // namespace ctdb::client
