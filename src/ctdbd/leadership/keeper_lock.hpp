// keeper_lock: the cluster lock of a real node. Each attempt is a ctdb-lock-keeper process, which
// holds the lock program and drops the lock when this process's loop stops renewing the lease (W2)
// or dies.
//
// Destroying it kills the keeper and the lock program at once.
#pragma once

#include "common/async/child_process.hpp"
#include "common/async/event_loop.hpp"
#include "ctdbd/leadership/cluster_lock.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace ctdb::ctdbd {

// Program and arguments behind a [cluster] cluster lock value (cluster.md 4.7): a path means our
// own helper with recheck and ping (W14), `!program args` means that program. EINVAL: empty.
[[nodiscard]] result<std::vector<std::string>>
lock_command(std::string_view value, const std::string& default_helper);

struct keeper_lock_settings {
    std::string keeper;                      // path of ctdb-lock-keeper
    std::vector<std::string> command;        // lock_command()
    std::chrono::milliseconds lease{5000};   // the leader timeout
    std::chrono::milliseconds attempt{5000}; // an answer of the lock program may take so long
};

class keeper_lock final : public cluster_lock {
public:
    static constexpr std::chrono::milliseconds release_limit{1500}; // then the keeper is killed

    keeper_lock(async::event_loop& loop, keeper_lock_settings settings);
    ~keeper_lock() override;

    void listen(cluster_lock_events events) override { events_ = std::move(events); }
    void take() override;
    void release() override;
    [[nodiscard]] bool held() const noexcept { return state_ == state::held; }

private:
    enum class state : std::uint8_t { idle, trying, held, releasing };
    result<> start_keeper();
    void renew();
    void look(); // from the loop: what the keeper has said, or that it has ended
    void heard(std::string_view line);
    void keeper_ended();
    void to_idle();
    void refused(lock_refusal kind, const std::string& why);
    void lost(const std::string& why);
    void released();

    async::event_loop& loop_;
    const keeper_lock_settings settings_;
    cluster_lock_events events_;
    state state_ = state::idle;
    bool take_again_ = false; // CL3
    async::time_point began_;
    std::string heard_;  // what has not been looked at yet
    bool ended_ = false; // the keeper's output has
    std::string start_failure_;
    unique_fd commands_;
    std::unique_ptr<async::child_process> keeper_;
    async::timer renewal_;
    async::timer release_timer_;
    async::deferred look_later_;
};

} // namespace ctdb::ctdbd
