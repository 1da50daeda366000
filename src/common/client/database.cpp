#include "common/client/database.hpp"

#include "common/protocol/controls.hpp"
#include "common/protocol/hash.hpp"

#include <algorithm>

namespace ctdb::client {

namespace {

constexpr auto poll_first = std::chrono::milliseconds(1);
constexpr auto poll_longest = std::chrono::milliseconds(20);

} // namespace

int code_of_status(std::int32_t status) noexcept {
    return status < 0 ? EREMOTEIO : status;
}

// ---- a record under its lock ----

locked_record::locked_record(std::shared_ptr<database> of, bytes key, std::uint32_t chain)
    : database_(std::move(of)), key_(std::move(key)), chain_(chain) {}

locked_record::~locked_record() {
    database_->unlock_chain(chain_);
}

result<> locked_record::store(byte_view data) {
    const bytes head = protocol::join_header(header_, {});
    const auto written = database_->file_->write(key_, head, data);
    if (written) {
        data_ = to_bytes(data);
    }
    return written;
}

result<> locked_record::store_for_push(byte_view data) {
    ++header_.rsn.value;
    header_.flags.set(protocol::record_flag::migrated_with_data);
    return store(data);
}

result<> locked_record::erase() {
    if (const auto stored = store({}); !stored) {
        return stored;
    }
    protocol::key_data what;
    what.db_id = database_->id();
    what.header = header_;
    what.key = key_;
    using control = protocol::controls::schedule_for_deletion;
    send<control>(database_->through(), database_->through().self(), what);
    return {};
}

// ---- locking ----

database::database(client& through, std::string name, waiting how)
    : client_(through), name_(std::move(name)), how_(how), released_(through.runtime()) {}

// Takes the file's lock if no coroutine of this process has the chain; false: try again later.
result<bool> database::try_file_lock(const bytes& key) {
    const std::uint32_t chain = file_->chain_of(key);
    if (held_.contains(chain)) {
        return false;
    }
    auto locked = file_->try_lock_chain(chain);
    if (locked && !*locked && how_ == waiting::blocking) {
        if (const auto waited = file_->wait_lock_chain(key); !waited) {
            return pass(waited);
        }
        locked = true;
    }
    if (locked && *locked) {
        held_.insert(chain);
    }
    return locked;
}

async::task<result<>> database::lock_chain(const bytes& key, async::time_point deadline) {
    async::runtime& rt = client_.runtime();
    const std::uint32_t chain = file_->chain_of(key);
    async::duration pause = poll_first;
    for (;;) {
        const auto locked = try_file_lock(key);
        if (!locked) {
            co_return pass(locked);
        }
        if (*locked) {
            co_return result<>();
        }
        if (rt.now() >= deadline) {
            co_return fail(ETIMEDOUT, "{}: record is locked by another process", name_);
        }
        if (held_.contains(chain)) {
            co_await released_.wait();
        } else {
            co_await async::sleep_for(rt, pause);
            pause = std::min<async::duration>(2 * pause, poll_longest);
        }
    }
}

void database::unlock_chain(std::uint32_t chain) {
    file_->unlock_chain(chain);
    held_.erase(chain);
    released_.notify();
}

// Unlocks at the end of a scope unless the lock was passed on.
class database::chain_guard {
public:
    chain_guard(database& db, const bytes& key) : db_(db), chain_(db.file_->chain_of(key)) {}
    chain_guard(const chain_guard&) = delete;
    chain_guard& operator=(const chain_guard&) = delete;
    ~chain_guard() {
        if (active_) {
            db_.unlock_chain(chain_);
        }
    }
    std::uint32_t pass_on() noexcept {
        active_ = false;
        return chain_;
    }

private:
    database& db_;
    std::uint32_t chain_;
    bool active_ = true;
};

// ---- fetching ----

result<std::optional<database::local_record>> database::read_locked(byte_view key) const {
    std::optional<local_record> out;
    const auto found = file_->read(key, [&out](byte_view value) {
        if (const auto header = protocol::header_of(value); header) {
            out.emplace();
            out->header = *header;
            out->data = to_bytes(protocol::data_after_header(value));
        }
    });
    if (!found) {
        return pass(found);
    }
    return out;
}

bool database::usable(const std::optional<local_record>& r, record_access access) const {
    using protocol::record_flag;
    if (!r) {
        return false;
    }
    const auto flags = r->header.flags;
    const bool mine = r->header.dmaster == client_.self();
    if (access == record_access::write) {
        return mine && !flags.has(record_flag::ro_have_delegations);
    }
    return mine || flags.has(record_flag::ro_have_readonly);
}

async::task<result<>>
database::migrate(const bytes& key, record_access access, async::time_point deadline) {
    protocol::req_call ask;
    ask.flags = protocol::call_flag::immediate_migration;
    if (access == record_access::read) {
        ask.flags |= protocol::call_flag::want_readonly;
    }
    ask.db_id = id_;
    ask.call_id = protocol::call_id::null;
    ask.key = key;
    auto code = key.empty() ? EINVAL : 0; // as upstream's library: no call has an empty key
    if (code == 0) {
        const auto answer = co_await client_.call(ask, deadline);
        code = answer ? 0 : answer.error().code;
    }
    if (code != 0) {
        co_return fail(code, "fetch_lock: {} CALL failed, ret={}", name_, code);
    }
    co_return result<>();
}

async::task<result<std::unique_ptr<locked_record>>>
database::fetch_locked(bytes key, record_access access, async::time_point deadline) {
    ensure(kind_ == database_kind::volatile_records);
    const auto kept = shared_from_this();
    for (;;) {
        const auto locked = co_await lock_chain(key, deadline);
        if (!locked) {
            co_return pass(locked);
        }
        {
            chain_guard guard(*this, key);
            auto local = read_locked(key);
            if (!local) {
                co_return pass(local);
            }
            if (usable(*local, access)) {
                auto out = std::make_unique<locked_record>(kept, std::move(key), guard.pass_on());
                out->header_ = (*local)->header;
                out->data_ = std::move((*local)->data);
                co_return std::move(out);
            }
        }
        const auto moved = co_await migrate(key, access, deadline);
        if (!moved) {
            co_return pass(moved);
        }
    }
}

async::task<result<std::optional<database::local_record>>>
database::read_local(bytes key, async::time_point deadline) {
    const auto kept = shared_from_this();
    const auto locked = co_await lock_chain(key, deadline);
    if (!locked) {
        co_return pass(locked);
    }
    const chain_guard guard(*this, key);
    co_return read_locked(key);
}

async::task<result<std::uint64_t>> database::sequence_number(async::time_point deadline) {
    const auto record = co_await read_local(to_bytes(protocol::sequence_number_key()), deadline);
    if (!record) {
        co_return pass(record);
    }
    co_return *record ? protocol::sequence_number_of((*record)->data) : 0;
}

result<std::size_t>
database::walk_local(const std::function<void(byte_view key, byte_view value)>& visit) {
    std::size_t total = 0;
    for (std::uint32_t chain = 0; chain < file_->chains(); ++chain) {
        const auto visited = file_->walk_chain(chain, visit);
        if (!visited) {
            return visited;
        }
        total += *visited;
    }
    return total;
}

} // namespace ctdb::client
