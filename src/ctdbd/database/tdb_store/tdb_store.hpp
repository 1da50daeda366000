// tdb_store: a database file of this node, shared with Samba's processes. local_store on libtdb and
// lock agents.
//
// Waiting for a chain: a retry or two after some microseconds (clients hold most chains that long),
// then a lock agent; measured, an idle agent beats every polling schedule. While the store is
// frozen, waits rest and start again at the thaw.
//
// A transaction is a journal in memory until its commit, which the agent that holds the freeze
// makes: ctdbd waits for no disk and changes no million records itself. Persistent files in a
// transaction of libtdb, the others in place: see rewrite.hpp. They do not outlive ctdbd; a commit
// that ctdbd does not live to see is ended under the lock.
//
// A freeze asked for while an update is with its agent waits for that update. Updates that wait out
// a freeze in which a transaction is committed fail with ECANCELED: what they were made for is gone
// (I12). The agent of one whose time is up is killed: libtdb undoes what it leaves half done.
//
// Ownership: one per file and process. The agents, the loop and whatever `closed` refers to outlive
// it.
#pragma once

#include "common/tdb/guarded_file.hpp"
#include "common/tdb/lock_agents.hpp"
#include "ctdbd/database/local_store.hpp"

#include <deque>
#include <map>

namespace ctdb::ctdbd {

class tdb_store final : public local_store {
public:
    tdb_store(
        tdb::lock_agents& agents,
        std::unique_ptr<tdb::file> opened,
        std::string name,
        std::function<void()> closed
    );
    ~tdb_store() override;

    [[nodiscard]] std::string path() const override;
    [[nodiscard]] int open_flags() const override;
    [[nodiscard]] std::uint32_t chain_of(byte_view key) const override;

    [[nodiscard]] result<lock_state> try_lock(byte_view key) override;
    void unlock(byte_view key) override;
    void lock_when_free(byte_view key, std::function<void(result<>)> locked) override;
    void cancel_wait(byte_view key) override;

    [[nodiscard]] result<bool>
    read(byte_view key, const std::function<void(byte_view value)>& use) const override;
    result<> write(byte_view key, byte_view value) override;
    result<> write(byte_view key, byte_view header, byte_view data) override;
    result<> erase(byte_view key) override;

    void freeze(std::function<void(result<>)> frozen) override;
    void thaw() override;
    [[nodiscard]] bool is_frozen() const override { return file_.frozen(); }
    void on_freeze_lost(std::function<void()> lost) override { freeze_lost_ = std::move(lost); }

    result<> begin_transaction() override;
    void commit_transaction(std::function<void(result<>)> committed) override;
    void cancel_transaction() override;
    [[nodiscard]] bool holds_a_part() const override { return holds_a_part_; }
    result<> wipe() override;
    result<std::string> keep_copy() override;

    [[nodiscard]] result<walk_state> walk(
        walk_position& position,
        std::size_t records,
        const std::function<void(byte_view key, byte_view value)>& visit
    ) override;

    void apply_update(
        bytes record_buffer,
        bool volatile_rule,
        async::time_point deadline,
        std::function<void(result<>)> done
    ) override;

    void tidy(std::uint32_t pieces_max) override;
    void sync(std::function<void(result<>)> synced) override;
    [[nodiscard]] bool tidying() const noexcept { return tidy_job_ != nullptr; }

    void enable_sequence_number() override;
    [[nodiscard]] std::uint32_t sequence_number() const override;
    void raise_sequence_number() override;

private:
    struct chain_wait;
    struct update {
        bytes buffer;
        bool volatile_rule = false;
        async::time_point deadline;
        std::function<void(result<>)> done;
    };
    struct ended_update {
        std::function<void(result<>)> done;
        error why;
    };
    class call_out;
    struct existence {};

    void retry(std::uint32_t chain);
    void ask_agent(chain_wait& wait);
    void agent_answered(std::uint32_t chain, result<> how);
    void serve_marked(chain_wait& wait);
    void wake_resting_waits();

    [[nodiscard]] tdb::freezing how_to_freeze() const;
    void freeze_answered(result<> how);
    void lose_freeze();
    void after_thaw();
    [[nodiscard]] result<> check_freeze_holds() const;
    [[nodiscard]] result<> check_unchanged() const;
    [[nodiscard]] tdb::rewrite_mode commit_mode() const;
    void commit_answered(result<> how);

    void start_update();
    void update_answered(result<> how);
    void cancel_updates();
    void give_up_late_updates();
    void watch_updates();
    void tell_ended();

    result<walk_state> walk_frozen(
        walk_position& position,
        std::size_t records,
        const std::function<void(byte_view key, byte_view value)>& visit
    );
    result<walk_state> walk_live(
        walk_position& position,
        std::size_t records,
        const std::function<void(byte_view key, byte_view value)>& visit
    );
    void start_sync();
    void sync_answered(const result<>& how);
    result<walk_state> walk_busy(
        walk_position& position, const std::function<void(byte_view key, byte_view value)>& visit
    );

    tdb::lock_agents& agents_;
    tdb::guarded_file file_;
    tdb::agent_file agent_file_;
    std::function<void()> closed_;
    // Ends first: the destructor may run inside one of our callbacks.
    std::shared_ptr<const existence> exists_ = std::make_shared<const existence>();

    std::map<std::uint32_t, std::unique_ptr<chain_wait>> waits_; // by chain
    tdb::lock_agents::job_ptr serving_;                          // holds the marked chain

    tdb::lock_agents::job_ptr freeze_job_;        // under way or holding
    std::optional<tdb::rewrite_journal> journal_; // a transaction is open
    std::function<void(result<>)> committed_;     // a commit is with freeze_job_
    bool holds_a_part_ = false;
    std::function<void(result<>)> frozen_;
    std::function<void()> freeze_lost_;

    std::deque<update> updates_; // the first one is with update_job_, if there is one
    tdb::lock_agents::job_ptr update_job_;
    async::timer late_updates_; // at the earliest deadline
    std::deque<ended_update> ended_;
    tdb::lock_agents::job_ptr tidy_job_;
    std::vector<std::function<void(result<>)>> syncing_; // what sync_job_ answers
    std::vector<std::function<void(result<>)>> sync_next_;
    tdb::lock_agents::job_ptr sync_job_;
    async::deferred tell_ended_;
};

} // namespace ctdb::ctdbd
