// lineage_service: what this node knows of the lineage of each of its databases, and what it tells
// a leader that asks (doc/decisions/0070).
//
//   L1  a lineage changes only when its database is attached or committed: a copy is never said to
//       be newer than its content.
//   L2  persistent databases: written to disk when new and before recovery mode NORMAL, so before
//   anything can
//       be committed that counts as of that epoch; after the content, so that a crash between
//       leaves a lineage that is too old, never one that is too new.
//   L3  a recovery that said nothing (another implementation leads) leaves an unknown lineage.
//
// Owned by database_set; the references outlive it.
#pragma once

#include "common/client/cluster_port.hpp"
#include "ctdbd/database/lineage.hpp"

#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>

namespace ctdb::ctdbd {

class database;
class node_context;
class store_factory;

class lineage_service {
public:
    using databases = std::list<std::unique_ptr<database>>;
    lineage_service(node_context& node, store_factory& files, const databases& all);

    void attached(database& db);
    void detached(db_id id) { copies_.erase(id); }
    void committed(const database& db, ctdb::generation generation);
    // Recovery mode is about to become NORMAL.
    void save();

    // The recovery of this generation replaces a copy that holds what the winner never had: it has
    // to be kept first. kept_aside() ends that.
    [[nodiscard]] bool must_keep_aside(db_id id, ctdb::generation generation) const;
    void kept_aside(db_id id) { to_keep_.erase(id); }

    [[nodiscard]] lineage of(const database& db) const; // as a leader is told
    // The nodes that the recovery of this generation took in; empty where it did not say.
    [[nodiscard]] std::vector<pnn> members_of(ctdb::generation generation) const;

private:
    void answer(byte_view data);
    void learn_epoch(byte_view data);
    void learn_verdict(byte_view data);
    [[nodiscard]] static bool is_new(database& db);
    [[nodiscard]] lineage born_now(ctdb::generation generation) const;
    void seen(std::uint64_t epoch);

    node_context& node_;
    store_factory& files_;
    const databases& databases_;
    std::map<db_id, lineage> copies_;
    std::uint64_t highest_epoch_ = 0;
    std::optional<epoch_number> now_;   // of the last recovery that said
    std::map<db_id, lineage> verdicts_; // of that recovery
    std::set<db_id> to_keep_;           // of that recovery
    std::unique_ptr<client::message_subscription> questions_;
    std::unique_ptr<client::message_subscription> epochs_;
    std::unique_ptr<client::message_subscription> decisions_;
};

} // namespace ctdb::ctdbd
