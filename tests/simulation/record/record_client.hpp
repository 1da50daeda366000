// record_client: a process that uses records as Samba does (databases.md 2.3): lock, look, ask the
// daemon if the record is not here, look again; hold the lock while working; sometimes die.
#pragma once

#include "common/async/runtime.hpp"
#include "tests/simulation/record/record_node.hpp"

#include <memory>

namespace ctdb::simulation {

class record_cluster;

class record_client final : public record_socket {
public:
    record_client(record_cluster& cluster, record_node& node, std::uint32_t operations);
    ~record_client() override;

    [[nodiscard]] pnn node() const noexcept { return node_->me(); }
    [[nodiscard]] bool done() const noexcept { return dead_ || (left_ == 0 && !working_); }
    [[nodiscard]] bool dead() const noexcept { return dead_; }
    [[nodiscard]] std::string describe() const;
    void killed_with_node(); // its daemon has crashed; Requires: called before the node goes

    void replied(std::int32_t status, bytes data) override;

private:
    enum class wish : std::uint8_t { increment, remove, fetch, read };
    void perform_next();
    void think();
    void begin();
    void want_lock();
    void locked();
    void work_done();
    void unlock();
    void ask(protocol::call_id call, protocol::call_flags flags);
    void look(const bytes* value);
    void answered();
    bool dies_now();
    void die();
    void then(void (record_client::*next)(), std::chrono::microseconds delay);

    record_cluster& cluster_;
    record_node* node_;
    std::shared_ptr<memory_file> file_; // stays open when the daemon dies
    const client_id id_;
    const lock_owner owner_ = memory_file::new_owner();
    std::uint32_t left_;
    bool working_ = false;
    bool dead_ = false;
    bool holds_ = false;
    wish wish_ = wish::increment;
    bytes key_;
    std::size_t fetch_since_ = 0;
    bytes reply_;
    const char* doing_ = "nothing";
    std::unique_ptr<memory_file::wait> lock_wait_;
    void (record_client::*next_)() = nullptr;
    async::timer timer_;
};

} // namespace ctdb::simulation
