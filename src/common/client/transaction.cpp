#include "common/client/transaction.hpp"

#include "common/base/log.hpp"
#include "common/protocol/controls.hpp"
#include "common/protocol/hash.hpp"

#include <algorithm>

namespace ctdb::client {

namespace {

constexpr auto retry_first = std::chrono::milliseconds(10);
constexpr auto retry_longest = std::chrono::seconds(1);
constexpr std::string_view lock_database = "g_lock.tdb";

} // namespace

transaction::transaction(std::shared_ptr<database> db, std::shared_ptr<database> locks)
    : db_(std::move(db)), lock_(std::move(locks), protocol::transaction_lock_key(db_->id())) {}

async::task<result<std::unique_ptr<transaction>>>
transaction::begin(databases& dbs, std::shared_ptr<database> db, async::time_point deadline) {
    ensure(db->kind() != database_kind::volatile_records);
    const attach_options plain;
    const auto locks = co_await dbs.attach(std::string(lock_database), plain, deadline);
    if (!locks) {
        co_return pass(locks);
    }
    auto out = std::make_unique<transaction>(std::move(db), *locks);
    const auto taken = co_await out->lock_.acquire(deadline);
    if (!taken) {
        co_return pass(taken);
    }
    co_return std::move(out);
}

async::task<result<database::local_record>>
transaction::newest(const bytes& key, async::time_point deadline) {
    if (const auto changed = changes_.find(key); changed != changes_.end()) {
        co_return changed->second;
    }
    auto local = co_await db_->read_local(key, deadline);
    if (!local) {
        co_return pass(local);
    }
    co_return local->value_or(database::local_record());
}

async::task<result<bytes>> transaction::read(bytes key, async::time_point deadline) {
    auto record = co_await newest(key, deadline);
    if (!record) {
        co_return pass(record);
    }
    co_return std::move(record->data);
}

void transaction::change(const bytes& key, const protocol::record_header& before, bytes value) {
    database::local_record& entry = changes_[key];
    entry.header = before;
    entry.header.rsn.value += 1;
    entry.header.dmaster = db_->through().self();
    entry.data = std::move(value);
}

async::task<result<>> transaction::write(bytes key, bytes value, async::time_point deadline) {
    const auto record = co_await newest(key, deadline);
    if (!record) {
        co_return pass(record);
    }
    if (record->data != value) {
        change(key, record->header, std::move(value));
    }
    co_return result<>();
}

bytes transaction::marshalled() const {
    protocol::record_buffer_writer buffer(db_->id());
    for (const auto& [key, entry] : changes_) {
        buffer.append(key, entry.header, entry.data);
    }
    return buffer.take();
}

async::task<result<>> transaction::commit(async::time_point deadline) {
    auto outcome = result<>();
    if (!changes_.empty()) {
        outcome = co_await send_commit(deadline);
    }
    const auto released = co_await lock_.release(deadline);
    if (!released) {
        log_warning("{}: lock not released: {}", db_->name(), released.error().what);
    }
    co_return outcome;
}

// A refusal says nothing about what happened: the sequence number does.
async::task<result<>> transaction::send_commit(async::time_point deadline) {
    const bytes key = to_bytes(protocol::sequence_number_key());
    const auto counter = co_await newest(key, deadline);
    if (!counter) {
        co_return pass(counter);
    }
    const std::uint64_t old_number = protocol::sequence_number_of(counter->data);
    change(key, counter->header, protocol::encode(old_number + 1));

    client& through = db_->through();
    control_call commit;
    commit.to = through.self();
    commit.opcode = protocol::controls::trans3_commit::opcode;
    commit.data = marshalled();
    async::duration pause = retry_first;
    for (;;) {
        const auto answer = co_await through.control(commit, deadline);
        if (answer && answer->status == 0) {
            co_return result<>();
        }
        const auto number = co_await db_->sequence_number(deadline);
        if (!number || (!answer && *number == old_number)) {
            co_return fail(EINPROGRESS, "{}: outcome of the commit is unknown", db_->name());
        }
        if (*number == old_number + 1) {
            co_return result<>();
        }
        if (*number != old_number) {
            co_return fail(
                EIO,
                "{}: sequence number went from {} to {} during a commit",
                db_->name(),
                old_number,
                *number
            );
        }
        if (through.runtime().now() >= deadline) {
            const std::string why = answer->text;
            co_return fail(ETIMEDOUT, "{}: commit refused: {}", db_->name(), why);
        }
        co_await async::sleep_for(through.runtime(), pause);
        pause = std::min<async::duration>(2 * pause, retry_longest);
    }
}

async::task<result<>> transaction::cancel(async::time_point deadline) {
    changes_.clear();
    co_return co_await lock_.release(deadline);
}

async::task<result<>> store_persistent(
    databases& dbs, std::shared_ptr<database> db, bytes key, bytes value, async::time_point deadline
) {
    const auto t = co_await transaction::begin(dbs, std::move(db), deadline);
    if (!t) {
        co_return pass(t);
    }
    const auto written = co_await (*t)->write(std::move(key), std::move(value), deadline);
    if (!written) {
        const auto cancelled = co_await (*t)->cancel(deadline);
        co_return pass(written);
    }
    co_return co_await (*t)->commit(deadline);
}

} // namespace ctdb::client
