// record_recovery: stands in for recovery (databases.md 6): map, freeze, merge by highest rsn, wipe
// and push through the store rule, commit everywhere, thaw. Started again from the beginning
// whenever a member changes meanwhile. Simple and correct is the point.
#pragma once

#include "common/async/runtime.hpp"
#include "common/protocol/types_membership.hpp"
#include "tests/simulation/record/record_model.hpp"
#include "tests/simulation/support/memory_file.hpp"

#include <functional>
#include <vector>

namespace ctdb::simulation {

class record_cluster;
class record_node;

class record_recovery {
public:
    explicit record_recovery(record_cluster& cluster);

    void request();        // one will start soon; one that runs starts again
    void member_changed(); // abandons the attempt that runs, and requests
    [[nodiscard]] bool idle() const noexcept { return !wanted_ && step_ == step::none; }
    [[nodiscard]] pnn lmaster_of(byte_view key) const; // by the last map
    [[nodiscard]] std::uint64_t completed() const noexcept { return completed_; }

private:
    enum class step : std::uint8_t { none, maps, frozen, begun, committed, thawed };
    void start();
    [[nodiscard]] bool full_mesh() const;
    void enter(step next);
    void at_member(record_node& member, step what, const std::function<void()>& done);
    void member_done(std::uint64_t attempt);
    void merge();
    [[nodiscard]] bool has_newest(const record_node& node) const;
    void merge_key(byte_view key);

    record_cluster& cluster_;
    async::timer start_;
    bool wanted_ = false;
    step step_ = step::none;
    std::uint64_t attempt_ = 0;
    std::size_t missing_ = 0; // members that have not finished the step
    std::vector<pnn> members_;
    protocol::vnn_map map_;
    record_map merged_;
    std::uint32_t last_generation_ = 100;
    std::uint64_t completed_ = 0;
};

} // namespace ctdb::simulation
