// agent_set: the agent processes of a pool, and which of them gets a piece of work. Used by
// lock_agents only.
//
// agent_use            | takes            | at a time     | how many        | once idle
// ---------------------|------------------|---------------|-----------------|------------------------
// anything_else        | no freezes       | one job       | as needed       | `idle_max` are kept
// one_freeze           | any freeze       | one job       | as needed       | `idle_max` are kept
// quick_freezes        | of small files   | many files    | `quick` and 64  | kept
// disk_freezes         | of small files   | many files    | files an agent  | kept
//                      | that are synced  |               |                 |
//
// An agent that is shared never waits for a lock, so its answers come in order, each after the work
// before it. A file stays with the one that has it open. Pointers to agents are valid until
// remove().
#pragma once

#include "common/tdb/lock_agent.hpp"

#include <list>
#include <map>
#include <set>
#include <vector>

namespace ctdb::tdb {

class agent_job;
struct lock_agent_settings;

enum class agent_use : std::uint8_t { anything_else, one_freeze, quick_freezes, disk_freezes };
[[nodiscard]] constexpr bool is_shared(agent_use use) noexcept {
    return use == agent_use::quick_freezes || use == agent_use::disk_freezes;
}

struct pooled_agent {
    struct question {
        agent_job* job = nullptr; // nullptr: it has let go
        std::uint32_t file = 0;
        bool is_rewrite = false;
    };
    agent_use use = agent_use::anything_else;
    std::unique_ptr<lock_agent> process;
    std::vector<agent_job*> jobs;                 // working or holding
    std::map<std::uint32_t, question> unanswered; // by serial
    std::set<std::uint32_t> files;                // it may have open
    async::time_point idle_since;
    [[nodiscard]] bool idle() const noexcept { return jobs.empty() && unanswered.empty(); }
};

class agent_set {
public:
    static constexpr std::size_t shared_files_max = 64; // of one agent: an answer comes after all
    static constexpr std::size_t unanswered_max = 128;  // fit into the socket's buffer
    static constexpr std::size_t disk_agents_max = 4;   // they wait for the disk at the same time

    struct events {
        std::function<void(pooled_agent&, const agent_reply&)> replied;
        std::function<void(pooled_agent&)> died; // to be removed
    };
    // `settings` outlive the set.
    agent_set(async::event_loop& loop, const lock_agent_settings& settings, events handlers);

    // The one for such work with this file; nullptr: one has to be started.
    [[nodiscard]] pooled_agent* choose(agent_use use, std::uint32_t file) const;
    [[nodiscard]] result<pooled_agent*> start(agent_use use);
    void remove(pooled_agent& agent);   // kills it; Requires: it has no jobs
    void set_free(pooled_agent& agent); // if it is idle
    void closed(std::uint32_t file);    // Requires: no jobs on it
    [[nodiscard]] std::size_t size() const noexcept { return agents_.size(); }

private:
    [[nodiscard]] pooled_agent* idle_one(agent_use use, std::uint32_t file) const;
    [[nodiscard]] pooled_agent* shared_one(agent_use use, std::uint32_t file) const;
    void trim();
    void trim(agent_use use);

    async::event_loop& loop_;
    const lock_agent_settings& settings_;
    events handlers_;
    std::list<std::unique_ptr<pooled_agent>> agents_;
    async::timer trim_;
};

} // namespace ctdb::tdb
