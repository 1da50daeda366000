// cluster_lock: the one lock whose holder leads. A door: the lock keeper in the daemon, an arbiter
// in the simulation.
//
//   CL1  after take() exactly one of held, refused, released comes; after held one of lost,
//        released.  CL2  after release() only `released` comes, from the loop, also when nothing
//        was held.  CL3  take() while a release is under way starts when that has finished.
// Callbacks run from the loop, never from inside take() or release().
#pragma once

#include "common/async/runtime.hpp"

#include <cstdint>
#include <functional>
#include <string>

namespace ctdb::ctdbd {

enum class lock_refusal : std::uint8_t { contention, timed_out, failed };

struct cluster_lock_events {
    std::function<void(async::duration latency)> held;
    std::function<void(lock_refusal kind, const std::string& why)> refused;
    std::function<void(const std::string& why)> lost;
    std::function<void()> released;
};

class cluster_lock {
public:
    cluster_lock() = default;
    cluster_lock(const cluster_lock&) = delete;
    cluster_lock& operator=(const cluster_lock&) = delete;
    virtual ~cluster_lock() = default; // gives the lock back at once

    virtual void listen(cluster_lock_events events) = 0; // before take(); every function is set
    virtual void take() = 0;                             // Requires: neither held nor being taken
    virtual void release() = 0;
};

} // namespace ctdb::ctdbd
