#include "ctdbd/database/database_set.hpp"

#include "common/base/log.hpp"
#include "common/protocol/controls.hpp"
#include "common/protocol/hash.hpp"
#include "ctdbd/database/record/record_engine.hpp"

#include <algorithm>
#include <utility>

namespace ctdb::ctdbd {
namespace {

constexpr protocol::db_flags kind_mask =
    protocol::db_flag::persistent | protocol::db_flag::replicated;

[[nodiscard]] store_spec::kind store_kind(protocol::db_flags kind) {
    if (kind.has(protocol::db_flag::persistent)) {
        return store_spec::kind::persistent;
    }
    return protocol::is_volatile(kind) ? store_spec::kind::volatile_db
                                       : store_spec::kind::replicated;
}

} // namespace

database_set::database_set(node_context& node, store_factory& files, engine_maker make_engine)
    : node_(node), files_(files), make_engine_(std::move(make_engine)),
      lineages_(node, files, databases_), deferred_(node.runtime(), [this](attach_request request) {
          attach(request.kind, std::move(request.name), request.who, std::move(request.done));
      }) {}

database_set::~database_set() = default;

// ---- life of the node ----

result<> database_set::open_persistent() {
    const auto names = files_.find_persistent();
    if (!names) {
        return pass(names);
    }
    std::string failed;
    for (const std::string& name : *names) {
        const auto id = protocol::db_id_of(name);
        if (const auto opened = open(protocol::db_flag::persistent, name, id); !opened) {
            failed += (failed.empty() ? "" : "; ") + opened.error().text;
        }
    }
    if (!failed.empty()) {
        return fail(EIO, "{}", failed);
    }
    return {};
}

void database_set::freeze_for_start(answer_to<> done) {
    freeze_every(database::records::stay_valid, std::move(done));
}

void database_set::become_inactive() {
    for (const auto& db : databases_) {
        db->set_generation(invalid_generation);
    }
    vnn_map_changed();
    freeze_all([](const answer<>& frozen) {
        if (!frozen) {
            log_error("becoming inactive: {}", frozen.error().text);
        }
    });
}

void database_set::vnn_map_changed() {
    for (const auto& db : databases_) {
        db->vnn_map_changed();
    }
}

std::vector<std::string> database_set::unhealthy() const {
    std::vector<std::string> names;
    for (const auto& db : databases_) {
        if (db->is_persistent() && !db->health().empty()) {
            names.push_back(db->name());
        }
    }
    return names;
}

// ---- lookup ----

database* database_set::find(db_id id) {
    for (const auto& db : databases_) {
        if (db->id() == id) {
            return db.get();
        }
    }
    return nullptr;
}

answer<database*> database_set::get(db_id id) {
    if (database* db = find(id)) {
        return db;
    }
    return refuse("unknown database {:#010x}", id.value);
}

bool database_set::all_frozen() const {
    for (const auto& db : databases_) {
        if (!db->is_frozen()) {
            return false;
        }
    }
    return true;
}

answer<> database_set::check_generations() const {
    const auto wanted = node_.vnn_map().generation;
    if (node_.is_inactive() || wanted == invalid_generation) {
        return refuse("this node is inactive or has no vnn map"); // INVALID is nobody's epoch
    }
    for (const auto& db : databases_) {
        if (db->generation() != wanted) {
            return refuse(
                "database {} has generation {:#x}, the cluster {:#x}",
                db->name(),
                db->generation().value,
                wanted.value
            );
        }
    }
    return {};
}

void database_set::end_node_freeze() {
    lineages_.save();
    if (std::exchange(node_freeze_, false)) {
        for (const auto& db : databases_) {
            db->thaw();
        }
    }
}

// ---- attach (databases.md 1.2) ----

void database_set::attach(
    protocol::db_flags kind, std::string name, asker who, answer_to<db_id> done
) {
    if (const auto allowed = check_attach(who); !allowed) {
        done(tl::unexpected(allowed.error()));
        return;
    }
    if (must_wait(who)) {
        const auto limit = node_.tunable(protocol::tunable_id::deferred_attach_to);
        deferred_.put_off(
            {kind, std::move(name), who, std::move(done)}, std::chrono::seconds{limit}
        );
        return;
    }
    done(attach_now(kind, name, who));
}

answer<> database_set::check_attach(const asker& who) const {
    if (!who.is_own_client()) {
        return {};
    }
    const bool for_recovery = who.flags.has(protocol::control_flag::attach_recovery);
    if (!for_recovery && node_.tunable(protocol::tunable_id::allow_client_db_attach) == 0) {
        return refuse("attach: AllowClientDBAttach is 0"); // own clients' only: 12.1 #9
    }
    if (node_.is_inactive()) {
        return refuse("attach: this node is inactive");
    }
    if (for_recovery && !node_.recovering()) {
        return refuse("attach for a recovery, but there is none");
    }
    return {};
}

bool database_set::must_wait(const asker& who) const {
    return who.is_own_client() && !who.flags.has(protocol::control_flag::attach_recovery) &&
           (node_.recovering() || node_.run_state() < protocol::run_state::startup);
}

answer<db_id>
database_set::attach_now(protocol::db_flags kind, const std::string& name, const asker& who) {
    const db_id id = protocol::db_id_of(name);
    if (const database* known = find(id)) {
        if (known->name() != name) {
            return refuse("attach of {}: its id belongs to {}", name, known->name());
        }
        if (!known->flags().has(kind & kind_mask)) {
            return refuse("attach of {}: it exists with another kind", name);
        }
        return id;
    }
    const auto opened = open(kind & kind_mask, name, id);
    if (!opened) {
        return tl::unexpected(opened.error());
    }
    if (who.node == node_.self()) { // what another node sends, it sends to everybody itself
        announce(kind & kind_mask, name);
    }
    return id;
}

answer<database*> database_set::open(protocol::db_flags kind, const std::string& name, db_id id) {
    if (const database* other = find(id)) {
        return refuse("database {}: its id belongs to {}", name, other->name());
    }
    store_spec spec;
    spec.name = name;
    spec.is = store_kind(kind);
    auto store = files_.open(spec);
    if (!store) {
        log_error("database {}: {}", name, store.error().what);
        return refuse(store.error());
    }
    database_identity identity{name, id, kind};
    databases_.push_front(
        std::make_unique<database>(node_, files_, std::move(identity), std::move(*store))
    );
    database& db = *databases_.front();
    db.set_generation(node_.vnn_map().generation);
    lineages_.attached(db);
    if (make_engine_) {
        db.set_engine(make_engine_(db));
    }
    if (node_freeze_) {
        db.freeze(database::records::become_invalid, [](const answer<>&) {});
    }
    log_notice("database {} attached, id {:#010x}, {}", name, id.value, db.store().path());
    return &db;
}

void database_set::announce(protocol::db_flags kind, const std::string& name) {
    using namespace protocol;
    auto& port = node_.port();
    if (kind.has(db_flag::persistent)) {
        client::send<controls::db_attach_persistent>(port, broadcast_connected, name);
    } else if (kind.has(db_flag::replicated)) {
        client::send<controls::db_attach_replicated>(port, broadcast_connected, name);
    } else {
        client::send<controls::db_attach>(port, broadcast_connected, name);
    }
}

answer<> database_set::detach(db_id id, const asker& who) {
    const auto db = get(id);
    if (!db) {
        return tl::unexpected(db.error());
    }
    if (node_.tunable(protocol::tunable_id::allow_client_db_attach) != 0) {
        return refuse("detach of {}: AllowClientDBAttach is not 0", (*db)->name());
    }
    if (!(*db)->is_volatile()) {
        return refuse("detach of {}: not volatile", (*db)->name());
    }
    if (node_.recovering()) {
        return refuse("detach of {}: recovery is running", (*db)->name());
    }
    if (who.is_own_client()) {
        client::send<protocol::controls::db_detach>(
            node_.port(), protocol::broadcast_connected, id
        );
        return {};
    }
    log_notice("database {} detached", (*db)->name());
    if (detaching_) {
        detaching_(**db);
    }
    lineages_.detached(id);
    std::list<std::unique_ptr<database>> going; // unknown from here on, also to whom it answers
    const auto place = std::ranges::find(databases_, *db, &std::unique_ptr<database>::get);
    going.splice(going.end(), databases_, place);
    going.front()->detached();
    return {};
}

} // namespace ctdb::ctdbd
