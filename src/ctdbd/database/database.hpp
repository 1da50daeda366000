// database: one attached database of this node: its file, generation, health, and what the
// controls of recovery do to it (databases.md 5).
//
// State x event (others are refused with -1):
//
// clang-format off
//   state      | freeze      | lock got  | lock failed | begin{tid}    | commit{tid}   | cancel    | thaw
//   -----------+-------------+-----------+-------------+---------------+---------------+-----------+------
//   none       | -> pending  |           |             |               |               | ok        | ok
//   pending    | joins       | -> frozen | -> none     |               |               | ok        | -> none
//   frozen     | 0 at once   |           |             | -> frozen_txn |               | ok        | -> none
//   frozen_txn | 0 at once   |           |             | anew          | -> committing | -> frozen | -> none
//   committing | when ended  |           |             |               |               | too late  | -> none
// clang-format on
//   committing: the file gets its new content outside the loop, then -> frozen, whatever came of
//   it. "freeze lost" while frozen: transaction cancelled, -> none, recovery asked for.
//
//   D1  updates handed to the store end before the freeze is asked for; updates that come later
//       wait and are applied only if the generation is still the one they were received in: nothing
//       of one epoch reaches the file in the next (I12). None is waited for longer than
//       ControlTimeout (databases.md 7.3).
//   D2  the generation changes only by commit{tid} and set_generation().
//       The latter overtakes a commit that is under way.
//   D3  invalid_records is set on volatile databases only and cleared by every thaw.
//
//   D4  what is committed after a wipe is another content: the engine is told.
//
// Owned by database_set. References given to the constructor outlive it. Destroying it drops every
// waiter unanswered: detached() tells them before.
#pragma once

#include "common/protocol/types_database.hpp"
#include "common/protocol/types_record.hpp"
#include "ctdbd/database/answer.hpp"
#include "ctdbd/database/local_store.hpp"
#include "ctdbd/database/node_context.hpp"
#include "ctdbd/database/record/store_rule.hpp"

#include <deque>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace ctdb::ctdbd {

class database;
class pull_stream;
struct emptied_record;
class push_receiver;
class record_engine;
class seqnum_read;
class seqnum_watch;

struct database_identity {
    std::string name;
    ctdb::db_id id;
    protocol::db_flags flags; // persistent, replicated or none; then readonly, sticky
};

class database {
public:
    enum class freeze_phase : std::uint8_t { none, pending, frozen, frozen_txn, committing };

    database(
        node_context& node,
        store_factory& files,
        database_identity identity,
        std::unique_ptr<local_store> store
    );
    ~database();
    database(const database&) = delete;
    database& operator=(const database&) = delete;

    [[nodiscard]] const std::string& name() const noexcept { return identity_.name; }
    [[nodiscard]] ctdb::db_id id() const noexcept { return identity_.id; }
    [[nodiscard]] protocol::db_flags flags() const noexcept { return identity_.flags; }
    [[nodiscard]] bool is_volatile() const noexcept {
        return protocol::is_volatile(identity_.flags);
    }
    [[nodiscard]] bool is_persistent() const noexcept {
        return identity_.flags.has(protocol::db_flag::persistent);
    }
    [[nodiscard]] database_kind kind() const noexcept;
    // SET_DB_READONLY, SET_DB_STICKY: volatile databases only, for good.
    answer<> set_attribute(protocol::db_flag which);
    [[nodiscard]] local_store& store() noexcept { return *store_; }
    // The record engine; nullptr where nobody makes calls (some tests).
    [[nodiscard]] record_engine* engine() noexcept { return engine_.get(); }
    void set_engine(std::unique_ptr<record_engine> engine);

    [[nodiscard]] ctdb::generation generation() const noexcept { return generation_; }
    void set_generation(ctdb::generation generation);

    void vnn_map_changed(); // the node's map; the engine is told
    // It is about to be destroyed for good: whoever waits is refused.
    void detached();

    // ---- freeze ----
    enum class records : std::uint8_t { stay_valid, become_invalid };
    void freeze(records after, answer_to<> done);
    void thaw();
    [[nodiscard]] freeze_phase phase() const noexcept { return phase_; }
    [[nodiscard]] bool is_frozen() const noexcept { return phase_ >= freeze_phase::frozen; }
    [[nodiscard]] bool has_invalid_records() const noexcept { return invalid_records_; }
    // What is missing here may be said not to exist.
    [[nodiscard]] bool has_whole_content() const {
        return !invalid_records_ && !store_->holds_a_part();
    }
    // Rises whenever the content seen by a walk may have changed under it.
    [[nodiscard]] std::uint64_t content_epoch() const noexcept { return content_epoch_; }

    // ---- transaction of a recovery ----
    answer<> begin(std::uint32_t transaction);
    void commit(std::uint32_t transaction, answer_to<> done); // from the loop, or at once
    void cancel();
    answer<> wipe(std::uint32_t transaction);
    // The last commit has replaced what was there before (D4).
    [[nodiscard]] bool content_is_new() const noexcept { return content_is_new_; }
    // Deleted records that the last commit brought to their dmaster (databases.md 2.2). Once.
    [[nodiscard]] std::vector<emptied_record> take_emptied();

    // ---- copying ----
    void pull(srvid to, pnn requester, answer_to<std::uint32_t> done);
    answer<> push_start(srvid from);
    void push_confirm(answer_to<std::uint32_t> done);

    // ---- records ----
    // The number under the sequence number key, waiting a moment for its chain if that is busy.
    void read_sequence_number(answer_to<std::uint64_t> done);
    // UPDATE_RECORD. Requires: a well-formed record buffer of this database.
    void update(bytes record_buffer, ctdb::generation received_in, answer_to<> done);

    // ---- tdb sequence number (databases.md 1.6) ----
    void enable_seqnum();
    void seqnum_raised_elsewhere();

    // ---- health ----
    [[nodiscard]] std::string health() const { return files_.health(identity_.name); }
    answer<> set_healthy();

private:
    struct received_update {
        bytes buffer;
        ctdb::generation received_in;
        async::time_point deadline;
        answer_to<> done;
    };
    void ask_for_lock_when_quiet();
    void lock_answered(const result<>& outcome);
    void freeze_lost();
    void commit_answered(const result<>& how);
    [[nodiscard]] answer<> conclude_commit(const result<>& how, std::uint32_t transaction);
    [[nodiscard]] bool accepts_copies() const {
        return is_frozen() && phase_ != freeze_phase::committing;
    }
    void leave_freeze();
    void answer_waiters(const answer<>& outcome);
    void submit_or_park(received_update update);
    void submit(received_update update);
    void refuse_late_updates();
    void release_updates();
    result<> review_health();
    void drop_streams();

    node_context& node_;
    store_factory& files_;
    database_identity identity_;
    ctdb::generation generation_ = invalid_generation;
    freeze_phase phase_ = freeze_phase::none;
    bool lock_asked_ = false; // pending only: false while updates end (D1)
    bool invalid_records_ = false;
    std::uint64_t content_epoch_ = 0;
    std::optional<std::uint32_t> transaction_;
    answer_to<> committed_;         // committing
    bool commit_overtaken_ = false; // by set_generation()
    bool wiped_ = false;            // in the transaction
    bool content_is_new_ = false;
    std::vector<emptied_record> emptied_; // pushed in the transaction
    std::vector<answer_to<>> freeze_waiters_;
    std::size_t updates_running_ = 0;
    std::deque<received_update> parked_updates_;
    async::timer late_updates_;
    std::unique_ptr<local_store> store_; // before what uses it
    std::unique_ptr<record_engine> engine_;
    std::unique_ptr<seqnum_watch> seqnum_;
    std::unique_ptr<push_receiver> push_;
    std::list<std::unique_ptr<pull_stream>> pulls_;
    std::list<std::unique_ptr<seqnum_read>> seqnum_reads_;
};

} // namespace ctdb::ctdbd
