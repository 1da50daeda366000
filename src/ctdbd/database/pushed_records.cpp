#include "ctdbd/database/pushed_records.hpp"

#include "common/async/combinators.hpp"
#include "common/async/slot.hpp"
#include "common/base/log.hpp"
#include "ctdbd/database/database_set.hpp"

#include <algorithm>

namespace ctdb::ctdbd {

using namespace std::chrono_literals;

namespace {
constexpr auto first_retry = 1ms;
constexpr auto last_retry = 50ms;

// A copy that may stay as it is.
bool stays(byte_view stored, const protocol::record_header& pushed, pnn me) {
    const auto mine = protocol::header_of(stored);
    return mine && (mine->dmaster == me || mine->rsn > pushed.rsn);
}
} // namespace

pushed_records::pushed_records(node_context& node, database_set& databases)
    : node_(node), databases_(databases), tasks_(node.runtime()) {}

void pushed_records::receive(const protocol::pushed_record& record, answer_to<> done) {
    if (tasks_.size() >= waiting_max) {
        done(refuse("too many pushed records wait"));
        return;
    }
    tasks_.spawn(carry_out(record, std::move(done)));
}

answer<pushed_records::step> pushed_records::store(const protocol::pushed_record& record) {
    if (record.generation != node_.vnn_map().generation || record.header.dmaster == node_.self()) {
        return step::not_needed;
    }
    database* db = databases_.find(record.db_id);
    if (db == nullptr || !db->is_volatile()) {
        return refuse("unknown or not volatile database {:#010x}", record.db_id.value);
    }
    const auto locked = db->store().try_lock(record.key);
    if (!locked) {
        return refuse(locked.error());
    }
    if (*locked == lock_state::busy) {
        return step::busy;
    }
    bool keeps = false;
    const auto read = db->store().read(record.key, [&](byte_view stored) {
        keeps = stays(stored, record.header, node_.self());
    });
    protocol::record_header header = record.header;
    header.flags.clear(transient_flags | protocol::readonly_mask);
    header.flags.set(protocol::record_flag::migrated_with_data);
    result<> written = read ? result<>() : pass(read);
    if (written && !keeps) {
        written = db->store().write(record.key, protocol::encode(header), record.value);
    }
    db->store().unlock(record.key);
    if (!written) {
        return refuse(written.error());
    }
    return keeps ? step::not_needed : step::stored;
}

async::task<> pushed_records::carry_out(protocol::pushed_record record, answer_to<> done) {
    const auto limit = std::chrono::seconds{node_.tunable(protocol::tunable_id::control_timeout)};
    const auto deadline = node_.runtime().now() + limit;
    async::duration rest = first_retry;
    answer<step> outcome = store(record);
    while (outcome && *outcome == step::busy && node_.runtime().now() < deadline) {
        co_await async::sleep_for(node_.runtime(), rest);
        rest = std::min<async::duration>(rest * 2, last_retry);
        outcome = store(record);
    }
    answer<> said;
    if (!outcome) {
        said = tl::unexpected(outcome.error());
    } else if (*outcome == step::busy) {
        said = refuse("the record stays locked");
    } else if (*outcome == step::stored) {
        said = co_await sync(record.db_id);
    }
    done(said);
}

async::task<answer<>> pushed_records::sync(db_id id) {
    database* db = databases_.find(id);
    const auto synced = std::make_shared<async::slot<result<>>>(node_.runtime());
    db->store().sync([synced](result<> how) { synced->set(std::move(how)); });
    const auto wait = [](std::shared_ptr<async::slot<result<>>> on) -> async::task<result<>> {
        co_return co_await on->take();
    };
    const auto limit = std::chrono::seconds{node_.tunable(protocol::tunable_id::control_timeout)};
    async::task<result<>> waiting = wait(synced);
    async::before_deadline<result<>> timed(
        node_.runtime(), std::move(waiting), node_.runtime().now() + limit
    );
    const std::optional<result<>> how = co_await timed;
    if (!how) {
        co_return refuse("not on disk in time");
    }
    if (!*how) {
        co_return refuse(how->error());
    }
    co_return answer<>();
}

} // namespace ctdb::ctdbd
