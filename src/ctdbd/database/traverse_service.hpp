// traverse_service: TRAVERSE_START/_EXT, _ALL/_EXT, _DATA, _KILL (databases.md 9,
// wire-protocol.md 3.5).
//
// Two roles. Collector, at the node of the client: remembers which nodes take part, forwards each
// record to the client's message address, ends when every participant has ended or left, or after
// TraverseTimeout (then logs who was missing). Walker, at every participant: sends the records that
// are its own in slices and ends with an empty record. A walker waits while its database is frozen
// or the queue to the collector is long.
//
// A client that reads slowly (I28): when much waits for it the collector asks the walkers of other
// nodes to pause, and to go on when it has read (doc/decisions/0074). What is on its way by then
// still comes: link_bytes_max and what the sockets hold, of each node. Upstream's walkers do not
// know the message and go on.
#pragma once

#include "common/client/cluster_port.hpp"
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

// "Pause" or "go on", from a collector to the walkers of our other nodes.
inline constexpr srvid traverse_pace_address{0x9E01000000000005};
struct traverse_pace {
    pnn collector;
    ctdb::reqid traverse; // the collector's own id
    bool pause = false;
};
[[nodiscard]] bytes encode(const traverse_pace& m);
[[nodiscard]] result<traverse_pace> decode_traverse_pace(byte_view data);

class traverse_service {
public:
    static constexpr std::size_t unread_bytes_max = 4'000'000; // then walkers pause
    static constexpr std::size_t unread_bytes_low = 1'000'000; // then they go on

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
    void look_at_client(collector& c, reqid id);
    void tell_walkers(const collector& c, reqid id, bool pause);
    void pace_walkers(byte_view message);

    node_context& node_;
    database_set& databases_;
    // Begins anywhere: what nodes still send for an earlier daemon's traverse is not for ours.
    std::uint32_t next_reqid_;
    std::map<reqid, std::unique_ptr<collector>> collectors_;
    std::list<std::unique_ptr<traverse_walker>> walkers_;
    std::unique_ptr<client::message_subscription> paces_;
};

} // namespace ctdb::ctdbd
