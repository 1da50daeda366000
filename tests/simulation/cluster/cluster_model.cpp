#include "tests/simulation/cluster/cluster_model.hpp"

#include "common/base/log.hpp"
#include "common/protocol/hash.hpp"
#include "ctdbd/database/record/record_engine.hpp"

#include <algorithm>

namespace ctdb::simulation {

using protocol::data_after_header;
using protocol::header_of;

// ---- looking ----

void cluster_model::fail(std::string what) {
    if (!failure_) {
        log_error("INVARIANT BROKEN {}", what);
        failure_ = std::move(what);
    }
}

cluster_node* cluster_model::node(pnn which) const {
    const auto found = nodes_.find(which);
    return found == nodes_.end() ? nullptr : found->second.get();
}

ctdbd::database* cluster_model::find(cluster_node& node, std::string_view name) {
    for (const auto& db : node.daemon().databases().all()) {
        if (db->name() == name) {
            return db.get();
        }
    }
    return nullptr;
}

void cluster_model::look() {
    for (const auto& [id, node] : nodes_) {
        look_at(*node);
    }
    if (!touched_.empty()) {
        check_owners();
    }
    for (const pnn id : std::exchange(ledgers_touched_, {})) {
        if (cluster_node* at = node(id)) {
            check_ledger(*at);
        }
    }
    check_one_leader();
}

void cluster_model::look_at(cluster_node& node) {
    node_seen& seen = seen_[node.self()];
    if (seen.life != node.life()) {
        seen = node_seen{};
        seen.life = node.life();
    }
    const ctdbd::epoch& now = node.daemon().current_epoch();
    if (now.generation() != seen.map_generation) {
        seen.map_generation = now.generation();
        if (now.generation() != invalid_generation) {
            new_epoch(now.generation(), now.vnn_map().map);
        }
    }
    const bool entered_normal = seen.recovering && !now.recovering();
    seen.recovering = now.recovering();
    for (const auto& db : node.daemon().databases().all()) {
        look_at_database(node, seen, *db);
        if (entered_normal && db->generation() != now.generation()) {
            fail(fmt::format(
                "I14: node {} goes normal in generation {}, {} is of {}",
                node.self(),
                now.generation(),
                db->name(),
                db->generation()
            ));
        }
    }
}

void cluster_model::look_at_database(cluster_node& node, node_seen& seen, ctdbd::database& db) {
    watch(node, db, seen);
    database_seen& before = seen.databases[db.name()];
    const bool attached_now = before.generation == invalid_generation;
    if (attached_now && !node.daemon().current_epoch().recovering()) {
        content_of(node, db.name(), db.generation());
    }
    if (db.generation() != before.generation) {
        before.generation = db.generation();
        if (db.generation() != invalid_generation) {
            committed(node, db);
        }
    }
    const bool frozen = db.is_frozen();
    if (before.frozen && !frozen) {
        thawed(node, db);
    }
    before.frozen = frozen;
    if (db.engine()->locks_held() != 0) {
        fail(fmt::format("I11: node {} keeps a lock of {}", node.self(), db.name()));
    }
}

void cluster_model::watch(cluster_node& node, ctdbd::database& db, node_seen& seen) {
    const auto file = node.file(db.name());
    if (file == nullptr || !seen.watched.insert(file.get()).second) {
        return;
    }
    const pnn id = node.self();
    file->on_change = [this, id, name = db.name()](auto key, auto before, auto after) {
        changed(id, name, key, before, after);
    };
    file->on_replaced = [this, id, name = db.name()] {
        if (cluster_node* at = this->node(id)) {
            content_of(*at, name, at->daemon().current_epoch().generation());
        }
        if (name == persistent_name) {
            ledgers_touched_.insert(id);
        } else {
            for (std::uint32_t k = 0; k < counter_keys; ++k) {
                touched_.insert(counter_key(k));
            }
        }
    };
}

void cluster_model::changed(
    pnn id, const std::string& name, byte_view key, const bytes* before, const bytes* after
) {
    cluster_node* at = node(id);
    if (at == nullptr) {
        return;
    }
    const ctdbd::database* db = find(*at, name);
    if (db != nullptr && db->is_frozen()) {
        fail(fmt::format("I13: frozen {} of node {} changes outside of a commit", name, id));
    }
    if (before != nullptr && after != nullptr) {
        const auto old = header_of(*before);
        const auto now = header_of(*after);
        if (old && now && now->rsn < old->rsn) {
            fail(fmt::format("I3: rsn of '{}' falls on node {}", text_of(key), id));
        }
    }
    if (db != nullptr && name == volatile_name && before != nullptr && after == nullptr &&
        data_after_header(*before).empty() && header_of(*before)->dmaster == id) {
        check_last_copy(*at, *db, key);
    }
    if (name == persistent_name) {
        ledgers_touched_.insert(id);
        return;
    }
    touched_.insert(to_bytes(key));
    if (after != nullptr) {
        arrives(id, key, *after);
    }
}

// I23: when the dmaster forgets a deleted record nobody in its epoch holds a value of it.
void cluster_model::check_last_copy(cluster_node& at, const ctdbd::database& db, byte_view key) {
    const auto epoch = epochs_.find(db.generation());
    if (epoch != epochs_.end() && epoch->second.contested) {
        return;
    }
    for (const auto& [id, other] : nodes_) {
        const ctdbd::database* theirs = find(*other, volatile_name);
        if (theirs == nullptr || other->inactive() || theirs->generation() != db.generation()) {
            continue;
        }
        const bytes* copy = other->file(std::string(volatile_name))->find(key);
        if (copy != nullptr && !data_after_header(*copy).empty()) {
            fail(fmt::format(
                "I23: node {} deletes '{}', of which node {} holds a value",
                at.self(),
                text_of(key),
                id
            ));
        }
    }
}

// ---- epochs ----

void cluster_model::new_epoch(ctdb::generation generation, const std::vector<pnn>& map) {
    const auto [place, fresh] = epochs_.try_emplace(generation);
    epoch_seen& epoch = place->second;
    if (!fresh) {
        if (epoch.map != map) { // I30
            fail(fmt::format("I30: two vnn maps of generation {}", generation));
        }
        return;
    }
    epoch.order = ++epochs;
    const bool was_contested = std::exchange(contested_, false);
    if (!one_side_) {
        look_for_contest();
    }
    epoch.contested = contested_ || was_contested || (!one_side_ && leaves_newest_out(map));
    epoch.map = map;
    newest_map_ = map;
    log_debug("MODEL epoch {} is generation {}: {}", epoch.order, generation, fmt::join(map, " "));
    const bool open = epoch.contested || has_contested_content(map);
    for (std::uint32_t key = 0; key < counter_keys; ++key) {
        leave_holders(counters_[key], key, map, open);
    }
    forgive(map);
}

const cluster_model::epoch_seen* cluster_model::content_epoch(pnn which) {
    cluster_node* at = node(which);
    const ctdbd::database* db = at == nullptr ? nullptr : find(*at, volatile_name);
    if (db == nullptr || db->has_invalid_records()) {
        return nullptr;
    }
    const auto known = epochs_.find(seen_[which].databases[db->name()].content);
    return known == epochs_.end() ? nullptr : &known->second;
}

// Without a lock: somebody goes on without those who hold the newest content, though they live.
bool cluster_model::leaves_newest_out(const std::vector<pnn>& map) {
    bool inside = false;
    bool outside = false;
    for (const auto& [id, node] : nodes_) {
        const epoch_seen* content = node->inactive() ? nullptr : content_epoch(id);
        if (content != nullptr && content->order == newest_committed_) {
            const bool member = std::find(map.begin(), map.end(), id) != map.end();
            (member ? inside : outside) = true;
        }
    }
    return outside && !inside;
}

bool cluster_model::has_contested_content(const std::vector<pnn>& map) {
    return std::any_of(map.begin(), map.end(), [this](pnn member) {
        const epoch_seen* content = content_epoch(member);
        return content != nullptr && content->contested;
    });
}

// What a recovery of these nodes may lose: what none of them holds.
void cluster_model::forgive(const std::vector<pnn>& map) {
    std::vector<ledger_copy> copies;
    for (const pnn member : map) {
        const cluster_node* at = node(member);
        const auto file = at == nullptr ? nullptr : at->file(std::string(persistent_name));
        if (file != nullptr) {
            copies.push_back({read_ledger(*file), at->birth_of(std::string(persistent_name))});
        }
    }
    for (const std::uint64_t transaction : acknowledged_) {
        const auto has = [&](const ledger_copy& c) { return c.content.has(transaction); };
        if (std::none_of(copies.begin(), copies.end(), has)) {
            forgiven_.insert(transaction);
        }
    }
    forgive_two_sides(copies);
}

// Both sides of a cluster without a lock have acknowledged something: either may win. So it is with
// a lock where the database was made on either side (doc/decisions/0070: the higher number).
void cluster_model::forgive_two_sides(const std::vector<ledger_copy>& copies) {
    const auto only_in = [this](const ledger& a, const ledger& b) {
        std::set<std::uint64_t> only;
        for (const std::uint64_t transaction : acknowledged_) {
            if (a.has(transaction) && !b.has(transaction)) {
                only.insert(transaction);
            }
        }
        return only;
    };
    for (const ledger_copy& a : copies) {
        for (const ledger_copy& b : copies) {
            if (one_side_ && a.birth == b.birth) {
                continue;
            }
            const auto mine = only_in(a.content, b.content);
            if (!mine.empty() && !only_in(b.content, a.content).empty()) {
                forgiven_.insert(mine.begin(), mine.end());
            }
        }
    }
}

void cluster_model::content_of(
    cluster_node& node, const std::string& name, ctdb::generation generation
) {
    const auto epoch = epochs_.find(generation);
    if (epoch != epochs_.end()) {
        seen_[node.self()].databases[name].content = generation;
        newest_committed_ = std::max(newest_committed_, epoch->second.order);
    }
}

// I15, I12: every node that commits a generation of a database holds the same then.
void cluster_model::committed(cluster_node& node, ctdbd::database& db) {
    const auto found = epochs_.find(db.generation());
    if (found == epochs_.end()) {
        return; // attached now: the generation of the node's map
    }
    epoch_seen& epoch = found->second;
    epoch.committed[db.name()].insert(node.self());
    const auto file = node.file(db.name());
    if (!db.is_frozen()) {
        return; // attached in the middle of an epoch: no commit
    }
    const auto [first, is_first] = epoch.content.try_emplace(db.name(), file->all());
    if (is_first) {
        return;
    }
    if (epoch.contested) {
        return;
    }
    const std::string difference = compare(first->second, file->all(), db.is_volatile());
    if (!difference.empty()) {
        fail(fmt::format(
            "I15: generation {} of {} differs on node {}: {}",
            db.generation(),
            db.name(),
            node.self(),
            difference
        ));
    }
}

std::string cluster_model::compare(
    const std::vector<record_map>& a, const std::vector<record_map>& b, bool one_up
) const {
    const std::uint64_t slack = one_up ? 1 : 0;
    for (std::size_t chain = 0; chain < a.size(); ++chain) {
        if (a[chain].size() != b[chain].size()) {
            return fmt::format("{} records, {} records", a[chain].size(), b[chain].size());
        }
        for (const auto& [key, value] : a[chain]) {
            const auto other = b[chain].find(key);
            if (other == b[chain].end()) {
                return fmt::format("no '{}'", text_of(key));
            }
            const auto x = *header_of(value);
            const auto y = *header_of(other->second);
            const std::uint64_t apart =
                x.rsn.value > y.rsn.value ? x.rsn.value - y.rsn.value : y.rsn.value - x.rsn.value;
            const byte_view left = data_after_header(value);
            const byte_view right = data_after_header(other->second);
            const bool same_data = std::equal(left.begin(), left.end(), right.begin(), right.end());
            if (!same_data || x.dmaster != y.dmaster || x.flags != y.flags || apart > slack) {
                return fmt::format("another '{}'", text_of(key));
            }
        }
    }
    return {};
}

// I14: nobody thaws before all active nodes have committed.
void cluster_model::thawed(cluster_node& node, ctdbd::database& db) {
    const auto found = epochs_.find(db.generation());
    if (found == epochs_.end() || node.inactive() || found->second.contested) {
        return;
    }
    const std::set<pnn>& done = found->second.committed[db.name()];
    for (const pnn member : found->second.map) {
        if (!done.contains(member)) {
            fail(fmt::format(
                "I14: node {} thaws {} of generation {}, node {} has not committed",
                node.self(),
                db.name(),
                db.generation(),
                member
            ));
        }
    }
}

// ---- the ledger ----

// I17, I19: both lists are one, and the sequence number counts them.
void cluster_model::check_ledger(cluster_node& node) {
    const auto file = node.file(std::string(persistent_name));
    if (file == nullptr) {
        return;
    }
    const ledger l = read_ledger(*file);
    if (l.first != l.second) {
        fail(fmt::format("I17: node {} holds half a transaction", node.self()));
    }
    const auto content = seen_[node.self()].databases[std::string(persistent_name)].content;
    const std::uint64_t offset = l.sequence_number - l.first.size();
    const auto [known, first] = number_offsets_.try_emplace(content, offset);
    if (l.first.size() > l.sequence_number || known->second != offset) {
        fail(fmt::format(
            "I19: node {}: sequence number {} after {} transactions",
            node.self(),
            l.sequence_number,
            l.first.size()
        ));
    }
}

void cluster_model::acknowledged(cluster_node& node, std::uint64_t transaction) {
    ++transactions;
    acknowledged_.insert(transaction);
    log_debug("MODEL transaction {} is acknowledged on node {}", transaction, node.self());
    const auto file = node.file(std::string(persistent_name));
    if (!read_ledger(*file).has(transaction) && !histories_split()) {
        fail(fmt::format(
            "I18: transaction {} is acknowledged on node {}, which does not hold it",
            transaction,
            node.self()
        ));
    }
    if (std::find(newest_map_.begin(), newest_map_.end(), node.self()) == newest_map_.end()) {
        look_back(transaction);
    }
    if (one_side_) {
        return;
    }
    const auto own_epoch = epochs_.find(node.daemon().current_epoch().generation());
    if (own_epoch != epochs_.end() && own_epoch->second.contested) {
        forgiven_.insert(transaction);
    }
    // Without a lock a cut off node goes on until it is fenced.
    for (const auto& [id, other] : nodes_) {
        const auto& theirs = other->daemon().current_epoch();
        const auto& ours = node.daemon().current_epoch();
        if (theirs.generation() != invalid_generation && theirs.generation() != ours.generation()) {
            forgiven_.insert(transaction);
        }
    }
}

// A client has looked late, on a node that was left out: those who hold the newest content have
// gone on with the transaction or without it.
void cluster_model::look_back(std::uint64_t transaction) {
    for (const pnn member : newest_map_) {
        const epoch_seen* content = content_epoch(member);
        if (content == nullptr || content->order != newest_committed_) {
            continue;
        }
        const auto file = node(member)->file(std::string(persistent_name));
        if (file == nullptr || !read_ledger(*file).has(transaction)) {
            forgiven_.insert(transaction);
        }
    }
}

// ---- leaders, rest ----

// Without a lock two nodes may lead at a time; what they do to a node both can reach is not judged.
void cluster_model::look_for_contest() {
    const auto leaders = std::count_if(nodes_.begin(), nodes_.end(), [](const auto& entry) {
        return entry.second->daemon().leadership().leading();
    });
    if (leaders > 1) {
        contested_ = true;
        split_ = true;
    }
}

void cluster_model::check_one_leader() {
    if (!one_side_) {
        look_for_contest();
        return;
    }
    std::optional<pnn> leader;
    for (const auto& [id, node] : nodes_) {
        const bool knows = !node->runtime().paused() && node->lock()->up_to_date();
        if (!knows || !node->daemon().leadership().leading()) {
            continue;
        }
        if (leader) {
            fail(fmt::format("nodes {} and {} both lead with the lock", *leader, id));
        }
        if (!node->lock()->holds()) {
            fail(fmt::format("node {} leads without the lock", id));
        }
        leader = id;
    }
}

// What was deleted has left the cluster: databases do not grow (databases.md 8). An empty copy of a
// record that its dmaster has with a value is no deleted record.
void cluster_model::check_vacuumed() {
    for (std::uint32_t key = 0; key < counter_keys; ++key) {
        std::optional<pnn> empty;
        bool lives = false;
        for (const auto& [id, node] : nodes_) {
            const bytes* value = node->file(std::string(volatile_name))->find(counter_key(key));
            if (value != nullptr) {
                lives = lives || !data_after_header(*value).empty();
                empty = id;
            }
        }
        if (empty && !lives) {
            fail(fmt::format("node {} still keeps the deleted counter {}", *empty, key));
        }
    }
}

namespace {

bool calls_pending_on(cluster_node& node) {
    const auto& all = node.daemon().databases().all();
    return std::any_of(all.begin(), all.end(), [](const auto& db) {
        return db->engine()->pending_calls() != 0 || db->engine()->parked() != 0;
    });
}

} // namespace

bool cluster_model::calls_pending() const {
    return std::any_of(nodes_.begin(), nodes_.end(), [](const auto& n) {
        return calls_pending_on(*n.second);
    });
}

void cluster_model::check_rest(const std::set<std::uint64_t>& acknowledged) {
    std::optional<ledger> common;
    for (const auto& [id, node] : nodes_) {
        const auto file = node->file(std::string(persistent_name));
        if (file == nullptr) {
            fail(fmt::format("node {} does not have {}", id, persistent_name));
            return;
        }
        check_ledger(*node);
        const ledger l = read_ledger(*file);
        if (common && common->first != l.first) {
            fail(fmt::format("I17: node {} holds another ledger", id));
        }
        common = l;
        if (calls_pending_on(*node)) {
            fail(fmt::format("I9: at rest {}", node->describe()));
        }
    }
    for (const std::uint64_t transaction : acknowledged) {
        if (!common->has(transaction) && !forgiven(transaction)) {
            fail(fmt::format("I18: acknowledged transaction {} is gone", transaction));
        }
    }
    const std::set<std::uint64_t> once(common->first.begin(), common->first.end());
    if (once.size() != common->first.size()) {
        fail("I20: a transaction was done twice");
    }
}

} // namespace ctdb::simulation
