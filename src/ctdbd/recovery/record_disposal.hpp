// record_disposal: gives merged records back bit by bit, whoever has left them: the memory of a
// million records takes a quarter of a second at a stretch.
//
// Destroying it frees what is left at once.
#pragma once

#include "common/async/runtime.hpp"
#include "ctdbd/recovery/record_merge.hpp"

#include <list>

namespace ctdb::ctdbd {

class record_disposal {
public:
    explicit record_disposal(async::runtime& rt); // outlives the object

    void take(record_merge&& records);
    [[nodiscard]] bool idle() const noexcept { return left_.empty(); }

private:
    void go_on();

    async::runtime& rt_;
    std::list<record_merge> left_;
    async::timer next_; // others are served before
};

} // namespace ctdb::ctdbd
