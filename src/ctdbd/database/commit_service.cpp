#include "ctdbd/database/commit_service.hpp"

#include "common/async/combinators.hpp"
#include "common/base/log.hpp"
#include "common/protocol/controls.hpp"
#include "common/protocol/record_buffer.hpp"
#include "ctdbd/database/database_set.hpp"
#include "ctdbd/database/record/record_engine.hpp"

#include <algorithm>
#include <cerrno>
#include <functional>
#include <utility>

namespace ctdb::ctdbd {
namespace {

constexpr std::size_t large_commit = std::size_t{1} << 20U;

// The control as it is asked of one node: 0, or why not. A large payload is copied for each node,
// some milliseconds: in a turn of the loop for each. A recovery may have decided by then, and what
// is sent after it would pass for a commit of its generation. Requires: `payload` and `is_current`
// live until it is done.
async::task<result<>> update_node(
    client::cluster_port& port,
    pnn to,
    const bytes& payload,
    async::time_point deadline,
    const std::function<bool()>& is_current
) {
    if (payload.size() >= large_commit) {
        co_await async::sleep_until(port.runtime(), port.runtime().now());
        if (!is_current()) {
            co_return fail(ECANCELED, "commit: a recovery has decided");
        }
    }
    client::control_call call;
    call.to = to;
    call.opcode = protocol::controls::update_record::opcode;
    call.data = payload;
    const auto said = co_await port.control(std::move(call), deadline);
    if (!said) {
        co_return pass(said);
    }
    if (said->status != 0) {
        co_return fail(
            EREMOTEIO, "node {}: update record: status {} {}", to, said->status, said->text
        );
    }
    co_return result<>{};
}

} // namespace

commit_service::commit_service(node_context& node, database_set& databases)
    : node_(node), databases_(databases), tasks_(node.runtime()) {}

void commit_service::commit(byte_view payload, const asker& who, answer_to<> done) {
    const auto id = check(payload, who);
    if (!id) {
        log_info("transaction commit refused: {}", id.error().text);
        done(tl::unexpected(id.error()));
        return;
    }
    const std::uint64_t serial = next_serial_++;
    running_[*id] = commit_state{serial, who.client, node_.vnn_map().generation, std::move(done)};
    if (record_engine* engine = databases_.find(*id)->engine()) {
        engine->commit_started();
    }
    tasks_.spawn(carry_out(*id, serial, to_bytes(payload)));
}

answer<db_id> commit_service::check(byte_view payload, const asker& who) {
    if (node_.recovering()) {
        return refuse("recovery is running");
    }
    if (!who.is_own_client()) {
        return refuse("not from a client of this node");
    }
    const auto buffer = protocol::view_record_buffer(payload);
    if (!buffer || !protocol::entries_valid(*buffer)) {
        return refuse("malformed record buffer");
    }
    for (const auto& [id, state] : running_) {
        if (state.client == who.client) {
            return refuse("the client is committing already");
        }
    }
    const database* db = databases_.find(buffer->db_id);
    if (db == nullptr) {
        return refuse("unknown database {:#010x}", buffer->db_id.value);
    }
    if (const auto quorum = check_quorum(*db); !quorum) {
        return tl::unexpected(quorum.error());
    }
    if (running_.contains(buffer->db_id)) {
        return refuse("another commit runs on the database");
    }
    return buffer->db_id;
}

// A client that is refused tries again, so one line tells of all of them.
answer<> commit_service::check_quorum(const database& db) {
    if (listed_ == nullptr || !db.is_persistent()) {
        return {};
    }
    const std::size_t listed = listed_();
    const std::size_t members = targets().size();
    const bool enough = 2 * members > listed;
    if (enough == told_of_missing_quorum_) {
        told_of_missing_quorum_ = !enough;
        log_error(
            "persistent quorum: {} of {} nodes are members of the cluster, transactions on "
            "persistent databases are {}",
            members,
            listed,
            enough ? "accepted again" : "refused"
        );
    }
    if (!enough) {
        return refuse("persistent quorum: {} of {} nodes are members", members, listed);
    }
    return {};
}

std::vector<pnn> commit_service::targets() {
    // What is known of nodes here may be older than the last recovery, and a node that others
    // cannot reach may well be connected to this one: the epoch's members count, nobody else (I17).
    if (std::vector<pnn> members = databases_.members(); !members.empty()) {
        return members;
    }
    std::vector<pnn> active = node_.active_nodes();
    const auto& map = node_.vnn_map().map;
    if (node_.all_active_are_ours()) {
        // Every member counts, whatever is known of it here: the commit has to fail if one cannot
        // be told, and one taken in by the last recovery may still be called inactive (I17).
        for (const pnn member : map) {
            if (std::find(active.begin(), active.end(), member) == active.end()) {
                active.push_back(member);
            }
        }
        return active;
    }
    const auto not_in_map = [&](pnn node) {
        return std::find(map.begin(), map.end(), node) == map.end();
    };
    if (not_in_map(node_.self())) {
        log_warning("commit on a node without LMASTER capability: this node gets no update");
    }
    std::erase_if(active, not_in_map);
    return active;
}

async::task<> commit_service::carry_out(db_id id, std::uint64_t serial, bytes payload) {
    const auto limit = node_.tunable(protocol::tunable_id::control_timeout);
    const auto deadline = node_.runtime().now() + std::chrono::seconds{limit};
    std::vector<pnn> others = targets();
    if (others.empty()) {
        finished(id, serial, fail(ENETDOWN, "no node to send it to"));
        co_return;
    }
    const bool here_too = std::erase(others, node_.self()) != 0;
    const std::function<bool()> current = [this, id, serial] { return is_current(id, serial); };
    std::vector<async::task<result<>>> updates;
    for (const pnn node : others) {
        updates.push_back(update_node(node_.port(), node, payload, deadline, current));
    }
    const auto answers = co_await async::gather(std::move(updates));
    result<> outcome;
    for (const result<>& one : answers) {
        if (!one && (outcome || outcome.error().code == ETIMEDOUT)) {
            outcome = one; // a refusal says more than a silence
        }
    }
    if (outcome && here_too && !is_current(id, serial)) {
        co_return; // a recovery has decided, and a late answer is about what was before it
    }
    if (outcome && here_too) {
        outcome = co_await update_node(node_.port(), node_.self(), payload, deadline, current);
    }
    finished(id, serial, outcome);
}

bool commit_service::is_current(db_id id, std::uint64_t serial) const {
    const auto found = running_.find(id);
    return found != running_.end() && found->second.serial == serial &&
           found->second.started_in == node_.vnn_map().generation;
}

void commit_service::finished(db_id id, std::uint64_t serial, const result<>& outcome) {
    const auto found = running_.find(id);
    if (found == running_.end() || found->second.serial != serial) {
        return; // answered already
    }
    if (node_.recovering() || found->second.started_in != node_.vnn_map().generation) {
        return; // recovery_ended() answers
    }
    if (outcome) {
        finish(id, {});
        return;
    }
    log_error("commit on database {:#010x} failed: {}", id.value, outcome.error().what);
    const bool silence = outcome.error().code == ETIMEDOUT;
    node_.request_recovery(fmt::format("commit failed: {}", outcome.error().what));
    if (silence) {
        finish(
            id, refuse_with(protocol::status::commit_timeout, "timeout in ctdb_persistent_state")
        );
    }
}

void commit_service::finish(db_id id, const answer<>& outcome) {
    const auto found = running_.find(id);
    if (found == running_.end()) {
        return;
    }
    const auto done = std::move(found->second.done);
    running_.erase(found);
    if (database* db = databases_.find(id); db != nullptr && db->engine() != nullptr) {
        db->engine()->commit_finished();
    }
    done(outcome);
}

void commit_service::client_gone(client_id client) {
    const auto found = std::find_if(running_.begin(), running_.end(), [&](const auto& item) {
        return item.second.client == client;
    });
    if (found != running_.end()) {
        const db_id id = found->first;
        found->second.done = [](const answer<>&) {};
        finish(id, {});
        node_.request_recovery("a client left during its transaction commit");
    }
}

void commit_service::recovery_ended() {
    const auto now = node_.vnn_map().generation;
    std::vector<db_id> decided;
    for (const auto& [id, state] : running_) {
        if (state.started_in != now) { // one that began after normal mode goes on
            decided.push_back(id);
        }
    }
    for (const db_id id : decided) {
        finish(
            id,
            refuse_with(
                protocol::status::commit_ended_by_recovery, "trans3 commit ended by recovery"
            )
        );
    }
}

void commit_service::database_gone(db_id id) {
    finish(id, refuse("the database was detached"));
}

} // namespace ctdb::ctdbd
