// cluster_model: what every node's databases ought to hold, and the invariants of databases.md 11.
//
// Volatile records: a value is an increment with a stamp of its own. A write is promised (I6) while
// the writer's node is of the newest epoch and in its map; when a new map leaves every holder of
// the last promised write outside, any surviving copy may be the record's value from then on.
// Persistent database: a list of transactions, twice, and its length as sequence number. A
// transaction that was acknowledged may go only when a new map leaves every holder of it outside,
// or, without a lock or if the database was made on either side, when both sides come together
// that have each acknowledged something.
#pragma once

#include "tests/simulation/cluster/cluster_node.hpp"
#include "tests/simulation/cluster/cluster_values.hpp"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace ctdb::simulation {

class cluster_model {
public:
    using node_map = std::map<pnn, std::unique_ptr<cluster_node>>;
    // `one_side`: only one side of a split cluster may go on (a cluster lock).
    cluster_model(const node_map& nodes, bool one_side) : nodes_(nodes), one_side_(one_side) {}

    // After every event.
    void look();
    // A node has gone or come back.
    void forget(pnn node) { seen_.erase(node); }
    // At rest: all nodes hold the same, nothing promised is missing.
    // Of the nodes' engines; also what vacuuming asks of other nodes.
    [[nodiscard]] bool calls_pending() const;
    void check_rest(const std::set<std::uint64_t>& acknowledged);
    // A few vacuum intervals later.
    void check_vacuumed();

    // Clients: under the chain lock at `node`, whose record is its own.
    void saw(cluster_node& node, std::uint32_t key, const counter_value& value);
    [[nodiscard]] counter_value
    increment(cluster_node& node, std::uint32_t key, const counter_value& seen);
    // The record is emptied: from now on nobody may see an older value (I7).
    void remove(cluster_node& node, std::uint32_t key, const counter_value& seen, rsn at);
    void acknowledged(cluster_node& node, std::uint64_t transaction);
    [[nodiscard]] bool forgiven(std::uint64_t transaction) const {
        return forgiven_.contains(transaction);
    }
    [[nodiscard]] bool histories_split() const noexcept { return !forgiven_.empty() || split_; }

    [[nodiscard]] std::uint64_t forgiven_count() const noexcept { return forgiven_.size(); }

    void fail(std::string what);
    [[nodiscard]] const std::optional<std::string>& failure() const noexcept { return failure_; }

    std::uint64_t increments = 0;
    std::uint64_t removals = 0;
    std::uint64_t transactions = 0; // acknowledged
    std::uint64_t unpromised = 0;   // writes outside of the newest epoch
    std::uint64_t lost_records = 0; // the last holder left the cluster
    std::uint64_t epochs = 0;

private:
    struct counter_state {
        counter_value current;
        std::optional<rsn> deleted_at;      // current is a deletion: the record's rsn then
        std::set<std::uint64_t> strays;     // stamps written outside of the newest epoch
        std::set<std::uint64_t> candidates; // not empty: any of these may have won
    };
    struct database_seen {
        ctdb::generation generation = invalid_generation;
        ctdb::generation content = invalid_generation; // whose commit, or life, it is from
        bool frozen = false;
    };
    struct node_seen {
        std::uint64_t life = 0;
        ctdb::generation map_generation = invalid_generation;
        bool recovering = true;
        std::map<std::string, database_seen> databases;
        std::set<const memory_file*> watched;
    };
    struct epoch_seen {
        std::uint64_t order = 0;
        bool contested = false; // two led
        std::vector<pnn> map;
        std::map<std::string, std::vector<record_map>> content; // by the first that committed
        std::map<std::string, std::set<pnn>> committed;
    };
    struct ledger_copy {
        ledger content;
        std::uint64_t birth = 0;
    };
    [[nodiscard]] const epoch_seen* content_epoch(pnn which);
    [[nodiscard]] bool leaves_newest_out(const std::vector<pnn>& map);
    [[nodiscard]] bool has_contested_content(const std::vector<pnn>& map);
    void look_at(cluster_node& node);
    void look_at_database(cluster_node& node, node_seen& seen, ctdbd::database& db);
    void watch(cluster_node& node, ctdbd::database& db, node_seen& seen);
    void changed(
        pnn node, const std::string& name, byte_view key, const bytes* before, const bytes* after
    );
    void new_epoch(ctdb::generation generation, const std::vector<pnn>& map);
    void content_of(cluster_node& node, const std::string& name, ctdb::generation generation);
    void committed(cluster_node& node, ctdbd::database& db);
    void thawed(cluster_node& node, ctdbd::database& db);
    void check_owners();
    void arrives(pnn at, byte_view key, byte_view value);
    void check_last_copy(cluster_node& at, const ctdbd::database& db, byte_view key);
    void check_one_leader();
    void look_for_contest();
    void forgive(const std::vector<pnn>& map);
    void forgive_two_sides(const std::vector<ledger_copy>& copies);
    void look_back(std::uint64_t transaction);
    void check_ledger(cluster_node& node);
    [[nodiscard]] std::string
    compare(const std::vector<record_map>& a, const std::vector<record_map>& b, bool one_up) const;
    void leave_holders(
        counter_state& counter, std::uint32_t key, const std::vector<pnn>& map, bool contested
    );
    void write(
        cluster_node& node, std::uint32_t key, const counter_value& seen, const counter_value& next
    );
    [[nodiscard]] std::vector<cluster_node*>
    counting_copies(const std::vector<pnn>& map, bool contested);
    [[nodiscard]] bool of_newest_epoch(cluster_node& node) const;
    [[nodiscard]] cluster_node* node(pnn which) const;
    [[nodiscard]] static ctdbd::database* find(cluster_node& node, std::string_view name);

    const node_map& nodes_;
    const bool one_side_;
    std::map<std::uint32_t, counter_state> counters_;
    std::map<pnn, node_seen> seen_;
    std::map<ctdb::generation, epoch_seen> epochs_;
    std::uint64_t newest_committed_ = 0; // order
    std::vector<pnn> newest_map_;
    std::set<std::uint64_t> acknowledged_;
    std::set<std::uint64_t> forgiven_;
    // What a recovery of diverged histories has added to the sequence number.
    std::map<ctdb::generation, std::uint64_t> number_offsets_;
    bool split_ = false;
    bool contested_ = false;
    std::set<bytes> touched_;
    std::set<pnn> ledgers_touched_;
    std::uint64_t last_stamp_ = 0;
    std::optional<std::string> failure_;
};

} // namespace ctdb::simulation
