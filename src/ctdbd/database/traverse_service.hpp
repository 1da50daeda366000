// traverse_service: TRAVERSE_START/_EXT, _ALL/_EXT, _DATA, _KILL (databases.md 9,
// wire-protocol.md 3.5).
//
// Two roles. Collector, at the node of the client: remembers which nodes take part, forwards each
// record to the client's message address, ends when every participant has ended or left, or after
// TraverseTimeout (then logs who was missing). Walker, at every participant: sends the records that
// are its own in slices and ends with an empty record. A walker waits while its database is frozen
// or the queue to the collector is long.
#pragma once

#include "common/protocol/types_database.hpp"
#include "ctdbd/database/answer.hpp"
#include "ctdbd/database/local_store.hpp"

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <set>

namespace ctdb::ctdbd {

class database;
class database_set;
class node_context;
class traverse_walker;

class traverse_service {
public:
    traverse_service(node_context& node, database_set& databases);
    ~traverse_service();
    traverse_service(const traverse_service&) = delete;
    traverse_service& operator=(const traverse_service&) = delete;

    // ---- controls; TRAVERSE_START and _ALL are the _EXT ones without empty records ----
    answer<> start(const protocol::traverse_start_ext& request, const asker& who);
    answer<> walk(const protocol::traverse_all_ext& request, const asker& who);
    answer<> data(byte_view record, const asker& who);
    answer<> kill(const protocol::traverse_start& request, const asker& who);

    void client_gone(client_id client);
    void node_left(pnn node); // disconnected or no longer active
    void database_gone(db_id id);
    [[nodiscard]] std::size_t collecting() const noexcept { return collectors_.size(); }
    [[nodiscard]] std::size_t walking() const noexcept { return walkers_.size(); }

private:
    struct collector;
    [[nodiscard]] std::vector<pnn> participants_of(const database& db);
    void send_requests(const collector& c, reqid id);
    void one_ended(reqid id, pnn node);
    void end(reqid id);
    void timed_out(reqid id);
    void send_kill(const collector& c);
    void walker_finished(traverse_walker* walker);

    node_context& node_;
    database_set& databases_;
    // Begins anywhere: what nodes still send for an earlier daemon's traverse is not for ours.
    std::uint32_t next_reqid_;
    std::map<reqid, std::unique_ptr<collector>> collectors_;
    std::list<std::unique_ptr<traverse_walker>> walkers_;
};

} // namespace ctdb::ctdbd
