// epoch: the vnn map (with its generation) and the recovery mode of this node. Changed by
// recovery's controls only; everybody else reads it or subscribes.
#pragma once

#include "common/protocol/types_membership.hpp"

#include <functional>
#include <utility>
#include <vector>

namespace ctdb::ctdbd {

class epoch {
public:
    [[nodiscard]] const protocol::vnn_map& vnn_map() const noexcept { return map_; }
    [[nodiscard]] ctdb::generation generation() const noexcept { return map_.generation; }
    [[nodiscard]] protocol::recovery_mode mode() const noexcept { return mode_; }
    [[nodiscard]] bool recovering() const noexcept {
        return mode_ == protocol::recovery_mode::active;
    }

    void set_vnn_map(protocol::vnn_map map) {
        map_ = std::move(map);
        changed();
    }
    void invalidate() { // the node has become inactive: its record traffic is void
        map_.generation = invalid_generation;
        changed();
    }
    void set_mode(protocol::recovery_mode mode) {
        if (mode != mode_) {
            mode_ = mode;
            changed();
        }
    }
    // `on_change` lives as long as the epoch.
    void subscribe(std::function<void()> on_change) { listeners_.push_back(std::move(on_change)); }

private:
    void changed() {
        for (const auto& listener : listeners_) {
            listener();
        }
    }
    protocol::vnn_map map_{invalid_generation, {}};
    protocol::recovery_mode mode_ = protocol::recovery_mode::active; // until the first recovery
    std::vector<std::function<void()>> listeners_;
};

} // namespace ctdb::ctdbd
