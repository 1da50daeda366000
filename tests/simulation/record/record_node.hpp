// record_node: one simulated node: the real record engine on a memory_store, the node's packet
// filter, its clients' socket; and the hands that recovery uses.
#pragma once

#include "ctdbd/database/record/call_routes.hpp"
#include "ctdbd/database/record/record_engine.hpp"
#include "tests/simulation/record/record_model.hpp"
#include "tests/simulation/support/memory_store.hpp"
#include "tests/simulation/support/sim_network.hpp"

#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>

namespace ctdb::simulation {

class record_cluster;

// A client as its daemon sees it.
class record_socket {
public:
    record_socket() = default;
    record_socket(const record_socket&) = delete;
    record_socket& operator=(const record_socket&) = delete;
    virtual ~record_socket() = default;
    virtual void replied(std::int32_t status, bytes data) = 0;
};

class record_node final : public network_port,
                          public ctdbd::record_outputs,
                          public ctdbd::record_events {
public:
    record_node(record_cluster& cluster, pnn me, std::uint64_t life);
    ~record_node() override;

    [[nodiscard]] pnn me() const noexcept { return me_; }
    [[nodiscard]] std::uint64_t life() const noexcept { return life_; }
    [[nodiscard]] sim_runtime& runtime() noexcept { return runtime_; }
    [[nodiscard]] const std::shared_ptr<memory_file>& file() const noexcept { return file_; }
    [[nodiscard]] ctdbd::record_engine& engine() noexcept { return *engine_; }
    [[nodiscard]] const ctdbd::record_engine& engine() const noexcept { return *engine_; }
    [[nodiscard]] memory_store& store() noexcept { return *store_; }
    [[nodiscard]] std::optional<copy> copy_of(byte_view key) const;
    [[nodiscard]] bool inactive() const noexcept { return inactive_; }
    [[nodiscard]] std::string describe() const;
    [[nodiscard]] bool valid_data() const noexcept { return valid_data_; }

    // Clients: requests are read by the daemon in its own time.
    void client_sends(
        client_id client,
        record_socket& socket,
        protocol::call_id call,
        byte_view key,
        protocol::call_flags flags
    );
    void client_closes(client_id client);

    // Hands of recovery; each calls `done` when it is through, from this node's loop.
    void later(std::chrono::microseconds delay, std::function<void()> what);
    void set_map(const protocol::vnn_map& map);
    void freeze(std::function<void()> done);
    void begin(const record_map& records, const protocol::vnn_map& map);
    void commit(ctdb::generation generation);
    void thaw();
    void stop(); // becomes inactive
    void go_on() noexcept { inactive_ = false; }

    // network_port
    void deliver(pnn from, byte_view packet) override;
    void connection_made(pnn to) override;
    void connection_lost(pnn to) override;

    // record_outputs
    bool send(const protocol::packet_header& h, const protocol::req_call& b) override;
    bool send(const protocol::packet_header& h, const protocol::req_dmaster& b) override;
    bool send(const protocol::packet_header& h, const protocol::reply_dmaster& b) override;
    bool send(const protocol::packet_header& h, const protocol::reply_error& b) override;
    bool send(const protocol::packet_header& h, const protocol::reply_call& b) override;
    bool send_update(pnn to, db_id db, std::uint64_t ticket, bytes record_buffer) override;
    void reply_to_client(
        client_id client, reqid id, std::int32_t status, byte_view head, byte_view data
    ) override;
    void
    refuse_client(client_id client, reqid id, std::int32_t status, std::string_view text) override;
    void request_recovery(std::string_view reason) override;
    void taken_up(byte_view key, std::uint64_t arrival, bool from_node) override;

private:
    template <class Body>
    bool transmit(const protocol::packet_header& header, const Body& body);
    void receive(pnn from, byte_view packet);
    void receive_update(const protocol::packet_header& header, byte_view record_buffer);
    void update_answered(reqid id, bool ok);
    void turn();
    void tell_frozen();

    record_cluster& cluster_;
    const pnn me_;
    const std::uint64_t life_;
    sim_runtime runtime_;
    std::shared_ptr<memory_file> file_;
    std::unique_ptr<memory_store> store_;
    ctdbd::request_ids ids_;
    ctdbd::call_routes routes_;
    std::unique_ptr<ctdbd::record_engine> engine_;
    protocol::vnn_map map_{invalid_generation, {}};
    bool inactive_ = false;
    bool valid_data_ = false; // took part in a recovery and was active ever since

    std::deque<std::function<void()>> inbox_; // own packets, clients' requests: the next turn
    async::deferred turn_;
    std::list<async::timer> jobs_;
    std::map<client_id, record_socket*> sockets_;
    std::set<client_id> gone_; // the engine knows of their death
    std::uint32_t last_call_ = 0;
    struct update_sent {
        pnn to;
        std::uint64_t ticket = 0;
    };
    std::map<reqid, update_sent> updates_;
    bool freezing_ = false;
    std::vector<std::function<void()>> freeze_waiters_;
};

} // namespace ctdb::simulation
