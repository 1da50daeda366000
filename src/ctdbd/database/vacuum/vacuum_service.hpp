// vacuum_service: vacuuming of all volatile databases of this node: their queues, when they are
// due, and the controls SCHEDULE_FOR_DELETION, VACUUM_FETCH, TRY_DELETE_RECORDS, DB_VACUUM
// (databases.md 8).
//
// A database is due VacuumInterval after its last run ended; every VacuumFastPathCount'th run is a
// full one. While a recovery runs or the database is frozen a due run is left out. Owned by the
// node; destroying it breaks every run off.
#pragma once

#include "common/async/task_set.hpp"
#include "common/protocol/types_database.hpp"
#include "common/protocol/types_statistics.hpp"
#include "ctdbd/database/answer.hpp"
#include "ctdbd/database/vacuum/delete_queue.hpp"
#include "ctdbd/database/vacuum/fetch_queue.hpp"
#include "ctdbd/database/vacuum/vacuum_run.hpp"

#include <functional>
#include <map>
#include <memory>

namespace ctdb::ctdbd {

class vacuum_service {
public:
    struct doors {
        // Brings a record here (IMMEDIATE_MIGRATION | VACUUM_MIGRATION); fetch_answered(id) later.
        std::function<void(database&, byte_view key, reqid id)> fetch;
        // No fetch of this database is waited for any more.
        std::function<void(database&)> forget;
    };
    vacuum_service(node_context& node, database_set& databases, doors to_engine);
    ~vacuum_service();
    vacuum_service(const vacuum_service&) = delete;
    vacuum_service& operator=(const vacuum_service&) = delete;

    void start(); // the timer
    void tunables_changed() { look_soon(); }
    void database_gone(db_id id);
    void content_replaced(db_id id); // what was queued was in the old content
    void fetch_answered(reqid id);

    // ---- what the record engine stores (databases.md 2.2) ----
    void candidate(db_id id, byte_view key, const protocol::record_header& stored);
    void not_candidate(db_id id, byte_view key);

    // ---- controls ----
    answer<> schedule(const protocol::key_data& request, const asker& who);
    answer<> fetch_wanted(byte_view record_buffer, const asker& who);
    void try_delete_records(
        byte_view record_buffer, const asker& who, answer_to<protocol::record_buffer> done
    );
    // Answered when the extra run has ended; refused while one runs.
    void vacuum(const protocol::db_vacuum& request, answer_to<> done);

    [[nodiscard]] protocol::latency_counter latency(db_id id) const;
    void reset_statistics();
    // For tests: entries that wait, runs under way.
    [[nodiscard]] std::size_t waiting(db_id id) const;
    [[nodiscard]] std::size_t running() const noexcept;

private:
    struct database_state;
    database_state& state_of(const database& db);
    [[nodiscard]] answer<database*> get(db_id id);
    void look();      // which databases are due
    void look_soon(); // and arms the timer
    async::time_point due_at(const database_state& state) const;
    void look_at(database& db);
    [[nodiscard]] bool may_run(database& db) const;
    void begin(database& db, vacuum_depth depth, vacuum_cause cause, answer_to<> done);
    async::task<> carry_out(database_state& state);
    void watch(database_state& state);
    void ended(database_state& state, const result<>& outcome);

    node_context& node_;
    database_set& databases_;
    doors doors_;
    std::map<db_id, std::unique_ptr<database_state>> states_;
    std::map<reqid, db_id> fetches_;
    std::uint32_t next_fetch_ = 1;
    async::timer timer_;
    async::task_set deletions_for_others_;
};

} // namespace ctdb::ctdbd
