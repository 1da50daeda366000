// The controls of database_set that are about one known database, or about all.
#include "common/base/log.hpp"
#include "common/protocol/record_buffer.hpp"
#include "ctdbd/database/database_set.hpp"

#include <memory>
#include <utility>

namespace ctdb::ctdbd {

// ---- identity ----

protocol::dbid_map database_set::db_map() const {
    protocol::dbid_map map;
    for (const auto& db : databases_) {
        map.dbs.push_back({db->id(), db->flags()});
    }
    return map;
}

answer<std::string> database_set::path(db_id id) {
    return get(id).map([](database* db) { return db->store().path(); });
}

answer<std::string> database_set::name(db_id id) {
    return get(id).map([](const database* db) { return db->name(); });
}

answer<protocol::tdb_flags> database_set::open_flags(db_id id) {
    return get(id).map([](database* db) { return protocol::tdb_flags{db->store().open_flags()}; });
}

void database_set::sequence_number(db_id id, answer_to<std::uint64_t> done) {
    if (const auto db = get(id)) {
        (*db)->read_sequence_number(std::move(done));
    } else {
        done(tl::unexpected(db.error()));
    }
}

answer<> database_set::enable_seqnum(db_id id) {
    return get(id).map([](database* db) { db->enable_seqnum(); });
}

answer<> database_set::update_seqnum(db_id id, const asker& who) {
    return get(id).and_then([&](database* db) -> answer<> {
        if (db->is_persistent() && !db->health().empty()) {
            return refuse("database {} is unhealthy", db->name());
        }
        if (who.node != node_.self()) {
            db->seqnum_raised_elsewhere();
        }
        return {};
    });
}

answer<std::optional<std::string>> database_set::health(db_id id) {
    return get(id).map([](const database* db) -> std::optional<std::string> {
        const std::string reason = db->health();
        return reason.empty() ? std::nullopt : std::optional(reason);
    });
}

answer<> database_set::set_healthy(db_id id) {
    return get(id).and_then([](database* db) { return db->set_healthy(); });
}

answer<> database_set::set_attribute(db_id id, protocol::db_flag which) {
    return get(id).and_then([which](database* db) { return db->set_attribute(which); });
}

// ---- freeze and recovery ----

void database_set::freeze_all(answer_to<> done) {
    node_freeze_ = true;
    freeze_every(database::records::become_invalid, std::move(done));
}

void database_set::freeze_every(database::records after, answer_to<> done) {
    struct waiting {
        std::size_t left;
        answer<> outcome;
        answer_to<> done;
    };
    const auto all = std::make_shared<waiting>();
    all->left = databases_.size() + 1; // one for this function
    all->done = std::move(done);
    const auto one_more = [all](const answer<>& frozen) {
        if (!frozen) {
            all->outcome = frozen;
        }
        if (--all->left == 0) {
            all->done(all->outcome);
        }
    };
    for (const auto& db : databases_) {
        db->freeze(after, one_more);
    }
    one_more({});
}

void database_set::freeze(db_id id, answer_to<> done) {
    if (const auto db = get(id)) {
        (*db)->freeze(database::records::stay_valid, std::move(done));
    } else {
        done(tl::unexpected(db.error()));
    }
}

answer<database*> database_set::get_if_active(db_id id) {
    if (node_.is_inactive()) {
        return refuse("this node is inactive");
    }
    return get(id);
}

answer<> database_set::thaw(db_id id) {
    return get_if_active(id).map([](database* db) { db->thaw(); });
}

// Every transaction is of the generation of its time (databases.md 1.5, 6.5): one of another comes
// from a leader that a newer recovery has overtaken (I12).
answer<> database_set::check_transaction(const protocol::transdb& request) const {
    const auto now = node_.vnn_map().generation;
    if (ctdb::generation{request.transaction_id} != now) {
        return refuse(
            "transaction of generation {:#x}, now {:#x}", request.transaction_id, now.value
        );
    }
    return {};
}

answer<> database_set::begin(const protocol::transdb& request) {
    if (auto checked = check_transaction(request); !checked) {
        return checked;
    }
    return get_if_active(request.db_id).and_then([&](database* db) {
        return db->begin(request.transaction_id);
    });
}

void database_set::commit(const protocol::transdb& request, answer_to<> done) {
    if (auto checked = check_transaction(request); !checked) {
        done(std::move(checked));
        return;
    }
    const auto found = get_if_active(request.db_id);
    if (!found) {
        done(tl::unexpected(found.error()));
        return;
    }
    database& db = **found; // its commit ends with it
    db.commit(
        request.transaction_id,
        [this, &db, id = request.transaction_id, done = std::move(done)](const answer<>& outcome) {
            if (outcome) {
                lineages_.committed(db, ctdb::generation{id});
                if (committed_) {
                    committed_(db);
                }
            }
            done(outcome);
        }
    );
}

// Refusing the wipe keeps what would be lost for good; the node is credited with the failure.
answer<> database_set::keep_aside(database& db, ctdb::generation generation) {
    if (!lineages_.must_keep_aside(db.id(), generation)) {
        return {};
    }
    const auto kept = db.store().keep_copy();
    if (!kept) {
        return refuse("database {}: diverged copy: {}", db.name(), kept.error().what);
    }
    lineages_.kept_aside(db.id());
    log_error(
        "database {}: this node's copy has another history than the cluster's and is replaced; it "
        "is kept as {}: compare the two, then remove it",
        db.name(),
        *kept
    );
    return {};
}

answer<> database_set::cancel(db_id id) {
    return get(id).map([](database* db) { db->cancel(); });
}

answer<> database_set::wipe(const protocol::transdb& request) {
    return get(request.db_id).and_then([&](database* db) {
        const auto kept = keep_aside(*db, ctdb::generation{request.transaction_id});
        return kept ? db->wipe(request.transaction_id) : kept;
    });
}

void database_set::pull(
    const protocol::pulldb_ext& request, const asker& who, answer_to<std::uint32_t> done
) {
    if (const auto db = get(request.db_id)) {
        (*db)->pull(request.srvid, who.node, std::move(done));
    } else {
        done(tl::unexpected(db.error()));
    }
}

answer<> database_set::push_start(const protocol::pulldb_ext& request) {
    return get(request.db_id).and_then([&](database* db) { return db->push_start(request.srvid); });
}

void database_set::push_confirm(db_id id, answer_to<std::uint32_t> done) {
    if (const auto db = get(id)) {
        (*db)->push_confirm(std::move(done));
    } else {
        done(tl::unexpected(db.error()));
    }
}

// ---- records ----

answer<database*> database_set::check_update(byte_view payload, const asker& who) {
    if (node_.recovering()) {
        return refuse("update: recovery is running");
    }
    const auto buffer = protocol::view_record_buffer(payload);
    if (!buffer || !protocol::entries_valid(*buffer)) {
        return refuse("update: malformed record buffer");
    }
    const auto db = get(buffer->db_id);
    if (db && (*db)->is_persistent() && !(*db)->health().empty()) {
        return refuse("update: database {} is unhealthy", (*db)->name());
    }
    // 12.1 #3: delayed past a recovery that decided against it. Clients' packets have no
    // generation.
    if (!who.is_own_client() && who.generation != node_.vnn_map().generation) {
        return refuse(
            "update from node {} of generation {:#x}, now {:#x}",
            who.node,
            who.generation.value,
            node_.vnn_map().generation.value
        );
    }
    return db;
}

void database_set::update_record(byte_view payload, const asker& who, answer_to<> done) {
    const auto db = check_update(payload, who);
    if (!db) {
        log_warning("{}", db.error().text);
        done(tl::unexpected(db.error()));
        return;
    }
    (*db)->update(to_bytes(payload), node_.vnn_map().generation, std::move(done));
}

} // namespace ctdb::ctdbd
