// database_set: every database attached on this node, and one method for each control about them
// (databases.md 1, 5, 10; wire-protocol.md 3.2-3.4, 3.8).
//
// Newest attached first, as GET_DBMAP lists them. Attaching: the rules of databases.md 1.2;
// clients' attaches during recovery wait in `deferred_attaches`. The answer of an asynchronous
// control comes once; if the asker has gone meanwhile whoever sends replies drops it.
#pragma once

#include "common/protocol/types_record.hpp"
#include "ctdbd/database/database.hpp"
#include "ctdbd/database/deferred_attaches.hpp"
#include "ctdbd/database/lineage_service.hpp"

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>

namespace ctdb::ctdbd {

class database_set {
public:
    using engine_maker = std::function<std::unique_ptr<record_engine>(database&)>;

    // `make_engine` may be empty (tests): databases without record calls.
    database_set(node_context& node, store_factory& files, engine_maker make_engine);
    ~database_set();
    database_set(const database_set&) = delete;
    database_set& operator=(const database_set&) = delete;

    // ---- life of the node ----
    // Attaches the persistent databases found on disk (databases.md 1.3). All are tried; the error
    // names those that could not be opened.
    result<> open_persistent();
    // At start, before clients are accepted: freezes what is there without making records invalid.
    void freeze_for_start(answer_to<> done);
    // STOP_NODE, ban: every generation INVALID, every database frozen, records invalid. The caller
    // has invalidated the vnn map and set the recovery mode.
    void become_inactive();
    // The node's vnn map has changed (SETVNNMAP, or invalidated): the engines are told.
    void vnn_map_changed();
    // Recovery mode has become NORMAL, or the run state STARTUP: deferred attaches go on in the
    // next turn.
    void attaches_may_go_on() { deferred_.replay_soon(); }
    void client_gone(client_id client) { deferred_.client_gone(client); }
    // Called before a database is closed (detach).
    void on_detach(std::function<void(database&)> listener) { detaching_ = std::move(listener); }
    // Called when a database has been committed (wipedb, restoredb, a recovery).
    void on_committed(std::function<void(database&)> listener) { committed_ = std::move(listener); }
    // Names of persistent databases that are unhealthy now (check before event startup).
    [[nodiscard]] std::vector<std::string> unhealthy() const;

    // ---- lookup ----
    [[nodiscard]] database* find(db_id id);
    [[nodiscard]] const std::list<std::unique_ptr<database>>& all() const { return databases_; }
    [[nodiscard]] bool all_frozen() const;
    // Who shares the present generation; empty where the recovery did not say (not all are ours).
    [[nodiscard]] std::vector<pnn> members() const {
        return lineages_.members_of(node_.vnn_map().generation);
    }
    // SET_RECMODE NORMAL: refuses unless every database has the vnn map's generation, a valid one.
    [[nodiscard]] answer<> check_generations() const;
    // SET_RECMODE NORMAL: thaws everything if a node-wide freeze is in force.
    // And writes down where the persistent databases come from.
    void end_node_freeze();

    // ---- controls: identity ----
    void attach(protocol::db_flags kind, std::string name, asker who, answer_to<db_id> done);
    answer<> detach(db_id id, const asker& who);
    [[nodiscard]] protocol::dbid_map db_map() const;
    answer<std::string> path(db_id id);
    answer<std::string> name(db_id id);
    answer<protocol::tdb_flags> open_flags(db_id id);
    void sequence_number(db_id id, answer_to<std::uint64_t> done);
    answer<> enable_seqnum(db_id id);
    answer<> update_seqnum(db_id id, const asker& who);
    answer<std::optional<std::string>> health(db_id id); // nothing: healthy
    answer<> set_healthy(db_id id);
    answer<> set_attribute(db_id id, protocol::db_flag which); // readonly, sticky

    // ---- controls: freeze and recovery ----
    // thaw, begin and commit are refused on an inactive node: a recovery that still counts on it
    // must not make its stale records valid (I16).
    void freeze_all(answer_to<> done); // FREEZE 33: records become invalid
    void freeze(db_id id, answer_to<> done);
    answer<> thaw(db_id id);
    answer<> begin(const protocol::transdb& request);
    void commit(const protocol::transdb& request, answer_to<> done);
    answer<> cancel(db_id id);
    answer<> wipe(const protocol::transdb& request);
    void pull(const protocol::pulldb_ext& request, const asker& who, answer_to<std::uint32_t> done);
    answer<> push_start(const protocol::pulldb_ext& request);
    void push_confirm(db_id id, answer_to<std::uint32_t> done);

    // ---- controls: records ----
    void update_record(byte_view payload, const asker& who, answer_to<> done);

private:
    [[nodiscard]] answer<database*> get(db_id id);
    [[nodiscard]] answer<database*> get_if_active(db_id id);
    [[nodiscard]] answer<> check_transaction(const protocol::transdb& request) const;
    answer<> keep_aside(database& db, ctdb::generation generation);
    answer<db_id> attach_now(protocol::db_flags kind, const std::string& name, const asker& who);
    answer<database*> open(protocol::db_flags kind, const std::string& name, db_id id);
    void announce(protocol::db_flags kind, const std::string& name);
    [[nodiscard]] answer<> check_attach(const asker& who) const;
    [[nodiscard]] bool must_wait(const asker& who) const;
    [[nodiscard]] answer<database*> check_update(byte_view payload, const asker& who);
    void freeze_every(database::records after, answer_to<> done);

    node_context& node_;
    store_factory& files_;
    engine_maker make_engine_;
    std::function<void(database&)> detaching_;
    std::function<void(database&)> committed_;
    bool node_freeze_ = false; // FREEZE 33 is in force
    std::list<std::unique_ptr<database>> databases_;
    lineage_service lineages_;
    deferred_attaches deferred_;
};

} // namespace ctdb::ctdbd
