// Attaching: the steps every client goes through before it may open the file (samba-client.md 5,
// databases.md 1.2). The texts are those of upstream's client library, which tools print.
#include "common/client/database.hpp"
#include "common/protocol/controls.hpp"

namespace ctdb::client {

namespace {

namespace controls = protocol::controls;

std::uint32_t attach_opcode(database_kind kind) {
    switch (kind) {
    case database_kind::persistent:
        return controls::db_attach_persistent::opcode;
    case database_kind::replicated:
        return controls::db_attach_replicated::opcode;
    case database_kind::volatile_records:
        break;
    }
    return controls::db_attach::opcode;
}

std::string_view attach_name(database_kind kind) {
    switch (kind) {
    case database_kind::persistent:
        return controls::db_attach_persistent::name;
    case database_kind::replicated:
        return controls::db_attach_replicated::name;
    case database_kind::volatile_records:
        break;
    }
    return controls::db_attach::name;
}

// One step: the answer's payload, or what upstream's library would say.
async::task<result<bytes>> step(
    const database& db,
    control_call call,
    std::string_view control_name,
    std::string_view wanted,
    async::time_point deadline
) {
    const result<control_answer> answer = co_await db.through().control(std::move(call), deadline);
    if (!answer) {
        const error& e = answer.error();
        co_return fail(e.code, "attach: {} {} failed, ret={}", db.name(), control_name, e.code);
    }
    if (answer->status != 0) {
        co_return fail(
            code_of_status(answer->status),
            "attach: {} failed to {}, ret={}",
            db.name(),
            wanted,
            answer->status
        );
    }
    co_return answer->data;
}

template <class Control>
control_call call_for(const database& db, pnn to, const typename Control::request& request) {
    static_cast<void>(db);
    return call_of<Control>(to, request, srvid{}, {});
}

template <class T>
result<T> decoded(const database& db, const result<bytes>& payload, std::string_view wanted) {
    if (!payload) {
        return pass(payload);
    }
    auto value = protocol::decode<T>(*payload);
    if (!value) {
        return fail(EPROTO, "attach: {} failed to {}: bad answer", db.name(), wanted);
    }
    return value;
}

} // namespace

async::task<result<>>
databases::attach_remote(database& db, attach_options options, async::time_point deadline) {
    control_call call;
    call.to = client_.self();
    call.opcode = attach_opcode(options.kind);
    call.data = protocol::encode(db.name());
    const auto payload =
        co_await step(db, std::move(call), attach_name(options.kind), "get db_id", deadline);
    const auto id = decoded<db_id>(db, payload, "get db_id");
    if (!id) {
        co_return pass(id);
    }
    db.id_ = *id;
    db.kind_ = options.kind;
    co_return result<>();
}

async::task<result<std::string>> databases::healthy_path(database& db, async::time_point deadline) {
    control_call ask_path = call_for<controls::get_db_path>(db, client_.self(), db.id_);
    const auto path_payload =
        co_await step(db, std::move(ask_path), "GETDBPATH", "get path", deadline);
    auto path = decoded<std::string>(db, path_payload, "get path");
    if (!path) {
        co_return pass(path);
    }
    control_call ask_health = call_for<controls::db_get_health>(db, client_.self(), db.id_);
    const auto health_payload =
        co_await step(db, std::move(ask_health), "DB_GET_HEALTH", "get health", deadline);
    const auto health = decoded<std::optional<std::string>>(db, health_payload, "get health");
    if (!health) {
        co_return pass(health);
    }
    if (health->has_value()) {
        co_return fail(EIO, "attach: {} is unhealthy: {}", db.name(), **health);
    }
    co_return path;
}

namespace {

// Upstream's library says it twice.
result<> attribute_refused(
    const database& db, std::string_view control_name, protocol::db_flag which, int ret, int code
) {
    return fail(
        code,
        "set_db_flags: 0x{:08x} {} failed, ret={}\nattach: {} set db flags 0x{:08x} failed",
        db.id().value,
        control_name,
        ret,
        db.name(),
        protocol::db_flags(which).value
    );
}

template <class Control>
async::task<result<>>
set_attribute(const database& db, pnn node, protocol::db_flag which, async::time_point deadline) {
    control_call set = call_for<Control>(db, node, db.id());
    const auto answer = co_await db.through().control(std::move(set), deadline);
    if (!answer) {
        const int code = answer.error().code;
        co_return attribute_refused(db, Control::name, which, code, code);
    }
    if (answer->status != 0) {
        const int code = code_of_status(answer->status);
        co_return attribute_refused(db, Control::name, which, answer->status, code);
    }
    co_return result<>();
}

} // namespace

async::task<result<>>
databases::set_attributes(database& db, attach_options options, async::time_point deadline) {
    if (!options.readonly && !options.sticky) {
        co_return result<>();
    }
    const auto map =
        co_await call<controls::get_node_map>(client_, client_.self(), protocol::none(), deadline);
    if (!map) {
        co_return pass(map);
    }
    for (const auto& node : map->nodes) {
        if (!protocol::is_connected(node.flags)) {
            continue;
        }
        auto done = result<>();
        if (options.readonly) {
            done = co_await set_attribute<controls::set_db_readonly>(
                db, node.pnn, protocol::db_flag::readonly, deadline
            );
        }
        if (done && options.sticky) {
            done = co_await set_attribute<controls::set_db_sticky>(
                db, node.pnn, protocol::db_flag::sticky, deadline
            );
        }
        if (!done) {
            co_return done;
        }
    }
    co_return result<>();
}

async::task<result<std::shared_ptr<database>>>
databases::attach(std::string name, attach_options options, async::time_point deadline) {
    if (auto known = open_[name].lock(); known && known->kind() == options.kind) {
        const auto set = co_await set_attributes(*known, options, deadline);
        if (!set) {
            co_return pass(set);
        }
        co_return known;
    }
    auto db = std::make_shared<database>(client_, std::move(name), how_);
    const auto attached = co_await attach_remote(*db, options, deadline);
    if (!attached) {
        co_return pass(attached);
    }
    const auto path = co_await healthy_path(*db, deadline);
    if (!path) {
        co_return pass(path);
    }
    const auto set = co_await set_attributes(*db, options, deadline);
    if (!set) {
        co_return pass(set);
    }
    control_call ask = call_for<controls::db_open_flags>(*db, client_.self(), db->id_);
    const auto payload =
        co_await step(*db, std::move(ask), "DB_OPEN_FLAGS", "get open flags", deadline);
    const auto flags = decoded<protocol::tdb_flags>(*db, payload, "get open flags");
    if (!flags) {
        co_return pass(flags);
    }
    if (auto known = open_[db->name()].lock(); known) {
        co_return known; // somebody else was faster while we asked
    }
    tdb::open_options open;
    open.path = *path;
    open.flags = flags->value;
    auto file = tdb::file::open(open);
    if (!file) {
        co_return pass(file);
    }
    db->file_ = std::move(*file);
    open_[db->name()] = db;
    co_return db;
}

} // namespace ctdb::client
