// commit_service: TRANS3_COMMIT, transactions on persistent and replicated databases at the node
// where the client sits (databases.md 7.2, 7.4; wire-protocol.md 3.7).
//
// One commit per database and per client at a time. UPDATE_RECORD goes to every node that must have
// it: the members of the epoch as the recovery named them; where it did not, the active ones of the
// vnn map, and all active ones if all are ours (12.1 #2); the own file
// last, because the client reads it: what others refused may not look committed there (I20), and
// only in the generation in which they were asked. All say 0: the client gets 0. One fails:
// recovery is asked for, and the client is told by recovery_ended() (status 2). Nobody answers for
// ControlTimeout: status 1 and a recovery, because nobody knows who has it. The client goes:
// recovery.
#pragma once

#include "common/async/task_set.hpp"
#include "common/base/bytes.hpp"
#include "ctdbd/database/answer.hpp"

#include <functional>
#include <map>
#include <memory>
#include <vector>

namespace ctdb::ctdbd {

class database;
class database_set;
class node_context;

class commit_service {
public:
    commit_service(node_context& node, database_set& databases);

    // [database] persistent quorum = majority: commits on persistent databases are refused unless
    // the members of the epoch are more than half of the nodes that `listed` counts (12.1 #21).
    void need_majority_of(std::function<std::size_t()> listed) { listed_ = std::move(listed); }

    void commit(byte_view payload, const asker& who, answer_to<> done);
    void client_gone(client_id client);
    // END_RECOVERY: every commit that was under way when it began gets status 2.
    void recovery_ended();
    void database_gone(db_id id);
    [[nodiscard]] std::size_t running() const noexcept { return running_.size(); }

private:
    struct commit_state {
        std::uint64_t serial = 0; // an answer to an older commit finds another serial
        client_id client;
        ctdb::generation started_in; // another one now: a recovery decides about it
        answer_to<> done;
    };
    [[nodiscard]] answer<db_id> check(byte_view payload, const asker& who);
    [[nodiscard]] answer<> check_quorum(const database& db);
    [[nodiscard]] std::vector<pnn> targets();
    // Not answered yet, and of the generation that is in force.
    [[nodiscard]] bool is_current(db_id id, std::uint64_t serial) const;
    async::task<> carry_out(db_id id, std::uint64_t serial, bytes payload);
    void finished(db_id id, std::uint64_t serial, const result<>& outcome);
    void finish(db_id id, const answer<>& outcome);

    node_context& node_;
    database_set& databases_;
    std::function<std::size_t()> listed_; // empty: no quorum asked for
    bool told_of_missing_quorum_ = false;
    std::uint64_t next_serial_ = 1;
    std::map<db_id, commit_state> running_;
    async::task_set tasks_;
};

} // namespace ctdb::ctdbd
