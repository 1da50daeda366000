#include "ctdbd/database/pushed_records.hpp"

#include "common/async/combinators.hpp"
#include "common/async/slot.hpp"
#include "ctdbd/database/database_set.hpp"
#include "ctdbd/database/record/record_engine.hpp"

#include <memory>
#include <utility>

namespace ctdb::ctdbd {

pushed_records::pushed_records(node_context& node, database_set& databases)
    : node_(node), databases_(databases), syncs_(node.runtime()) {}

void pushed_records::receive(const protocol::pushed_record& record, answer_to<> done) {
    if (record.generation != node_.vnn_map().generation || record.header.dmaster == node_.self()) {
        done({});
        return;
    }
    database* db = databases_.find(record.db_id);
    if (db == nullptr || !db->is_volatile() || db->engine() == nullptr) {
        done(refuse("unknown or not volatile database {:#010x}", record.db_id.value));
        return;
    }
    if (waiting() >= waiting_max) {
        done(refuse("too many pushed records wait"));
        return;
    }
    ++in_lines_;
    const std::chrono::seconds limit{node_.tunable(protocol::tunable_id::control_timeout)};
    const auto deadline = node_.runtime().now() + limit;
    const auto ended = [this, id = record.db_id, deadline, done = std::move(done)](update_end how) {
        --in_lines_;
        taken_up(id, how, deadline, done);
    };
    db->engine()->push(record, deadline, ended);
}

void pushed_records::taken_up(
    db_id id, update_end how, async::time_point deadline, answer_to<> done
) {
    if (how == update_end::stored) {
        syncs_.spawn(sync(id, deadline, std::move(done)));
    } else if (how == update_end::not_needed) {
        done({});
    } else {
        done(refuse("the copy could not be stored"));
    }
}

async::task<> pushed_records::sync(db_id id, async::time_point deadline, answer_to<> done) {
    database* db = databases_.find(id);
    if (db == nullptr) {
        done(refuse("the database was detached"));
        co_return;
    }
    const auto synced = std::make_shared<async::slot<result<>>>(node_.runtime());
    db->store().sync([synced](result<> how) { synced->set(std::move(how)); });
    const auto wait = [](std::shared_ptr<async::slot<result<>>> on) -> async::task<result<>> {
        co_return co_await on->take();
    };
    async::task<result<>> waiting = wait(synced);
    async::before_deadline<result<>> timed(node_.runtime(), std::move(waiting), deadline);
    const std::optional<result<>> how = co_await timed;
    answer<> said;
    if (!how) {
        said = refuse("not on disk in time");
    } else if (!*how) {
        said = refuse(how->error());
    }
    done(said);
}

} // namespace ctdb::ctdbd
