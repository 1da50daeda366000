// fencing: when a node that is cut off must stop serving by itself (W16, [cluster] fencing). A pure
// core.
//
// auto: with a cluster lock - no leader heard for three leader timeouts; without, and with three
// nodes or more - no majority connected for that long. Fenced: databases are frozen and addresses
// released; it ends as soon as the reason has gone (the next recovery thaws).
#pragma once

#include "common/async/runtime.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace ctdb::ctdbd {

enum class fencing_mode : std::uint8_t { automatic, off };

struct fencing_facts {
    bool has_lock = false;
    bool leader_known = false;
    std::size_t nodes = 1;     // in the list, not deleted
    std::size_t connected = 1; // the own one included
};

enum class fencing_step : std::uint8_t { none, fence, unfence };

class fencing {
public:
    explicit fencing(fencing_mode mode) : mode_(mode) {}
    void set(fencing_mode mode, std::chrono::milliseconds leader_timeout);
    // Call at every change of the facts and at deadline().
    [[nodiscard]] fencing_step look(const fencing_facts& facts, async::time_point now);
    [[nodiscard]] std::optional<async::time_point> deadline() const;
    [[nodiscard]] bool fenced() const noexcept { return fenced_; }
    [[nodiscard]] const std::string& reason() const noexcept { return reason_; }

private:
    fencing_mode mode_;
    std::chrono::milliseconds leader_timeout_{5000};
    std::optional<async::time_point> alone_since_;
    std::string reason_;
    bool fenced_ = false;
};

} // namespace ctdb::ctdbd
