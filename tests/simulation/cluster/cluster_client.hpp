// cluster_client: a process on a node that uses its daemon as Samba does: increments records under
// their chain lock in the file itself, asks the daemon when they are elsewhere (databases.md 2.3),
// appends transactions to the persistent ledger under a g_lock record (7.1), and never gives up
// waiting for an answer. Destroying it is its death; the kernel lets go of its locks.
#pragma once

#include "common/async/slot.hpp"
#include "common/async/task_set.hpp"
#include "tests/simulation/cluster/cluster_model.hpp"

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

namespace ctdb::simulation {

// Shared by all clients; outlives them.
struct client_surroundings {
    sim_world& world;
    sim_runtime& runtime;
    cluster_model& model;
    std::set<std::uint64_t> alive{};        // ids of processes that exist
    std::set<std::uint64_t> acknowledged{}; // transactions
    bool closing = false;                   // finish what you are at
    std::uint64_t last_process = 0;
    std::uint64_t last_transaction = 0;
    std::uint64_t messages_sent = 0;
    std::uint64_t turns_lost = 0; // transactions whose g_lock did not hold
};

class cluster_client {
public:
    cluster_client(client_surroundings& around, cluster_node& node, std::uint32_t operations);
    cluster_client(const cluster_client&) = delete;
    cluster_client& operator=(const cluster_client&) = delete;
    ~cluster_client();

    [[nodiscard]] pnn node() const noexcept { return node_->self(); }
    [[nodiscard]] bool done() const noexcept { return left_ == 0; }
    [[nodiscard]] std::uint32_t operations_left() const noexcept { return left_; }
    [[nodiscard]] std::string describe() const;
    [[nodiscard]] std::uint64_t messages_received() const noexcept { return messages_; }
    void die(); // closes its socket; Requires: the node lives
    // At rest: listens, then says something to everybody.
    void listen();
    void shout();

private:
    struct answer {
        std::int32_t status = 0;
        bytes data;
        std::string text;
        bool refused = false; // REPLY_ERROR
    };
    struct mailbox { // outlives the client while the daemon has a link to it
        cluster_client* owner = nullptr;
    };
    class link;

    async::task<> work();
    async::task<> attach(std::uint32_t opcode, std::string_view name);
    async::task<answer> control(std::uint32_t opcode, bytes data);
    async::task<answer> ask(reqid id, bytes packet);
    async::task<> pause(std::chrono::microseconds least, std::chrono::microseconds most);
    async::task<> lock_chain(std::uint32_t chain);
    // Returns with the chain locked and the record in this node's hands.
    async::task<> lock_record(bytes key);
    void unlock();
    void write_record(const bytes& key, byte_view data);
    async::task<> increment();
    async::task<> remove();
    async::task<> linger();
    void schedule_for_deletion(const bytes& key);
    async::task<> fetch();
    async::task<> transaction();
    async::task<bool> take_turn();
    async::task<> end_turn();
    async::task<ledger> read_when_thawed();
    async::task<> commit(std::uint64_t transaction, ledger before, bytes buffer);
    [[nodiscard]] bytes change(const ledger& before, std::uint64_t transaction) const;
    void received(bytes packet);
    void read_answers();
    [[nodiscard]] protocol::packet_header header(pnn to, reqid id) const;

    client_surroundings& around_;
    cluster_node* node_;
    const std::uint64_t process_;
    std::shared_ptr<mailbox> mailbox_;
    client_id id_;
    std::shared_ptr<memory_file> counters_;
    std::shared_ptr<memory_file> ledger_;
    const lock_owner owner_ = memory_file::new_owner();
    std::optional<std::uint32_t> held_; // chain of counters_
    std::unique_ptr<memory_file::wait> lock_wait_;
    std::uint32_t left_;
    std::uint32_t last_request_ = 0;
    std::uint64_t messages_ = 0;
    std::string doing_ = "starting";
    std::map<reqid, async::slot<answer>*> waiting_;
    std::deque<bytes> inbox_;
    async::deferred reading_;
    async::task_set tasks_;
};

} // namespace ctdb::simulation
