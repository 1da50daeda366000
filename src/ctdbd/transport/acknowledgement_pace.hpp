// acknowledgement_pace: when the kernel has to be asked again to delay its acknowledgements. Pure.
//
// Data comes on one connection and leaves on the other, so the kernel takes the incoming one for a
// bulk transfer and answers each packet at once with an empty one: doc/performance.md,
// "Acknowledgements". It forgets the wish after a pause of 40 ms or a loss. Where packets are
// further apart than that there is nothing to gain, so a quiet link costs no system call.
#pragma once

#include "common/async/runtime.hpp"

namespace ctdb::ctdbd {

class acknowledgement_pace {
public:
    static constexpr std::chrono::milliseconds kernel_forgets{40}; // its shortest delay
    static constexpr std::chrono::milliseconds lasts{20};          // half of that

    // To be called for each packet that comes; true: ask now.
    [[nodiscard]] bool to_be_delayed(async::time_point now) {
        const bool in_a_row = now - last_packet_ < kernel_forgets;
        last_packet_ = now;
        if (!in_a_row || now - asked_ < lasts) {
            return false;
        }
        asked_ = now;
        return true;
    }

private:
    async::time_point last_packet_{};
    async::time_point asked_{};
};

} // namespace ctdb::ctdbd
