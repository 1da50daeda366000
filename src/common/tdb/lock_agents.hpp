// lock_agents: the pool of agent processes that wait for database locks and run transactions
// outside the event loop (databases.md 4.3).
//
// agent_job is one piece of work and its handle; destroying it ends the work whatever its state:
//
// State    | event                 | then
// ---------|-----------------------|---------------------------------------------------------------
// queued   | an agent is free      | working
// working  | reply                 | locks: holding; updates: finished. on_done(result), once
// working  | busy (shared agent)   | queued again, for an agent of its own, which waits
// working  | agent died            | queued again, for an agent of its own, three agents at most,
//          |                       | then on_done(failure)
// holding  | release()             | finished, the agent is free
// holding  | agent died            | finished; on_lost()
// any      | destroyed             | queued: forgotten; working: agent killed, a shared one told to
//          |                       | let go of what it gets; holding: released
//
// Callbacks come from the loop, never from inside start_...(), and may destroy any job. The pool
// outlives its jobs. A chain wait takes an agent for itself until it is over; at most
// `chain_agents_max` per file at a time, the rest queues in order. Not over all files: a client
// that holds a record of one database while it waits for one of another must not be waited for
// there. Whole-database locks and updates never queue for long. Agents are started when needed; a
// few idle ones are kept. Those for one whole database do nothing else: their priority is lower.
//
// Freezes of small files share agents (agent_set.hpp), which are kept: a recovery of many databases
// starts no process. A shared agent never waits for a lock: where others hold one, the freeze goes
// on with an agent of its own, so that a client holds up no database but the one it locks. What
// sharing costs: an answer, a release included, comes after what was asked of the agent before.
// Locking a file takes it some milliseconds; a rewrite in place goes on in pieces of two
// milliseconds between all else (a transaction is one piece: agents of their own). The death of a
// shared agent loses all it holds; the files it may have died over share none any more.
//
// A wait of `warn_after` and every further `warn_after` logs a warning and calls `stuck` (4.2).
#pragma once

#include "common/async/event_loop.hpp"
#include "common/tdb/agent_set.hpp"
#include "common/tdb/agent_wire.hpp"
#include "common/tdb/rewrite.hpp"

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

namespace ctdb::tdb {

class lock_agents;

// What a freeze asks of the agent that holds it until the thaw.
enum class freezing : std::uint8_t {
    quick,          // a small file that is written in place
    waits_for_disk, // a small file that is written in a transaction
    takes_long,     // others must not wait for it
};

// A lock that is being waited for and does not come: what the debug script is told.
struct stuck_lock {
    pid_t agent = 0; // 0: not with an agent yet
    enum class kind : std::uint8_t { record, database } is = kind::record;
    std::string path;
    bool mutexes = false; // MUTEX or FCNTL
    std::chrono::seconds waited{};
};

// An opening of a database file, as agents know it. Made by lock_agents::opened().
struct agent_file {
    std::uint32_t number = 0;
    std::string name; // of the database, for log lines
    std::string path;
    int flags = 0; // current ones of the daemon's handle
};

class agent_job {
public:
    enum class kind : std::uint8_t { chain, whole, update, tidy, sync };
    enum class state : std::uint8_t { queued, working, holding, finished };
    struct events {
        std::function<void(result<>)> on_done;
        std::function<void()> on_lost; // chain and whole
    };
    agent_job(const agent_job&) = delete;
    agent_job& operator=(const agent_job&) = delete;
    ~agent_job();

    [[nodiscard]] state now() const noexcept { return state_; }
    // Holding, and the agent lives as far as its socket tells. A process that is being killed loses
    // its locks a moment (below a millisecond) before its socket: no check can close that gap.
    [[nodiscard]] bool really_holds() const;
    [[nodiscard]] pid_t agent_pid() const; // 0: none
    void release();                        // Requires: holding; a rewrite under way is ended first

    // Hands the journal to the agent, which changes the file; `done` from the loop, not after
    // on_lost nor once released. The caller may close `journal` at once. Requires: holding the
    // whole file, no rewrite under way.
    [[nodiscard]] result<>
    rewrite(int journal, const rewrite_order& order, std::function<void(result<>)> done);

private:
    friend class lock_agents;
    agent_job(lock_agents& pool, kind is, agent_file file, events handlers);
    [[nodiscard]] agent_use needs() const noexcept;
    void let_go();
    void warn();

    lock_agents& pool_;
    kind is_;
    state state_ = state::queued;
    agent_file file_;
    events handlers_;
    bytes payload_; // key or record buffer
    bool volatile_rule_ = false;
    freezing freezing_ = freezing::takes_long;
    int agents_lost_ = 0;
    pooled_agent* agent_ = nullptr; // while working or holding
    std::function<void(result<>)> rewritten_;
    async::time_point since_;
    async::timer warn_;
};

struct lock_agent_settings {
    std::string program;                // ctdb-lock-agent
    std::size_t chain_agents_max = 200; // tunable LockProcessesPerDB
    std::size_t idle_max = 2;           // of each sort that is not shared
    std::size_t quick_agents_max = 0;   // shared; 0: for half the processors, 1 to 4
    // Added to the nice value of agents that freeze one database each and give it its content: many
    // may work at the same time, and the loop goes before them. 0 where it does so anyhow.
    int freezing_nice = 0;
    async::duration warn_after = std::chrono::seconds(10);
    std::function<void(const stuck_lock&)> stuck; // optional: runs the debug script
};

class lock_agents {
public:
    lock_agents(async::event_loop& loop, lock_agent_settings settings);
    lock_agents(const lock_agents&) = delete;
    lock_agents& operator=(const lock_agents&) = delete;
    ~lock_agents(); // kills all; Requires: no jobs

    [[nodiscard]] async::event_loop& loop() noexcept { return loop_; }
    [[nodiscard]] agent_file opened(std::string name, std::string path, int flags);
    void closed(std::uint32_t file_number); // agents close it too; Requires: no jobs on it

    using job_ptr = std::unique_ptr<agent_job>;
    [[nodiscard]] job_ptr lock_chain(agent_file file, bytes key, agent_job::events handlers);
    [[nodiscard]] job_ptr lock_all(agent_file file, freezing how, agent_job::events handlers);
    [[nodiscard]] job_ptr
    apply(agent_file file, bytes record_buffer, bool volatile_rule, agent_job::events handlers);

    // Repacks the file if its unused space lies in `pieces_max` pieces or more.
    [[nodiscard]] job_ptr
    tidy(agent_file file, std::uint32_t pieces_max, agent_job::events handlers);

    [[nodiscard]] job_ptr sync(agent_file file, agent_job::events handlers);

    [[nodiscard]] std::size_t agents_running() const noexcept { return agents_.size(); }
    void set_chain_agents_max(std::size_t limit); // 1 or more

private:
    friend class agent_job;
    struct end_of_job {
        agent_job* job;
        bool lost; // a lock; otherwise it failed
    };
    job_ptr add(job_ptr job);
    void dispatch();
    [[nodiscard]] agent_job* take_next();
    [[nodiscard]] bool may_run(const agent_job& job) const;
    void run(agent_job& job);
    void ask(pooled_agent& agent, agent_job& job);
    void queue_again(agent_job& job); // in front
    void replied(pooled_agent& agent, const agent_reply& reply);
    void job_answered(pooled_agent& agent, agent_job& job, const agent_reply& reply);
    void blame(const pooled_agent& agent);
    void died(pooled_agent& agent);
    void job_lost_agent(agent_job& job);
    void tell_ends();
    void part(agent_job& job);                          // the job no longer has an agent
    static void conclude(agent_job& job, result<> how); // calls on_done; the job may be gone after

    async::event_loop& loop_;
    lock_agent_settings settings_;
    agent_set agents_;
    std::deque<agent_job*> queue_;
    std::deque<end_of_job> ends_; // to be told
    std::size_t jobs_ = 0;
    std::map<std::uint32_t, std::size_t> chain_agents_; // by file: chain jobs that have an agent
    std::set<std::uint32_t> unshared_;                  // files over which a shared agent has died
    std::uint32_t next_file_ = 1;
    std::uint32_t next_serial_ = 1;
    async::deferred dispatch_;
    async::timer dispatch_more_; // lets other events of the loop in between
};

} // namespace ctdb::tdb
