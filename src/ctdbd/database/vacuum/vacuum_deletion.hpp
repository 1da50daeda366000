// vacuum_deletion: one batch of empty records that this node masters leaves the cluster: the copies
// of all other active nodes first, asked in parallel, then our own, the last one
// (databases.md 8.2).
//
// Whatever fails keeps our copy and puts the record back for a later run of the timer: an empty
// record at its lmaster is harmless, a lost one is not.
#pragma once

#include "common/async/task.hpp"
#include "ctdbd/database/vacuum/delete_queue.hpp"
#include "ctdbd/database/vacuum/vacuum_frame.hpp"

#include <vector>

namespace ctdb::ctdbd {

class vacuum_deletion {
public:
    static constexpr std::size_t records_max = 2000; // in one batch
    static constexpr std::size_t bytes_max = 256 * 1024;

    explicit vacuum_deletion(vacuum_frame& frame) : frame_(frame) {}

    void add(deletion entry); // as judged: its header is the stored one
    [[nodiscard]] bool full() const noexcept {
        return batch_.size() >= records_max || size_ >= bytes_max;
    }
    [[nodiscard]] bool empty() const noexcept { return batch_.empty(); }

    // Deletes the batch. A failure is one of the frame's: the run is over, the batch put back.
    [[nodiscard]] async::task<result<>> carry_out();
    void put_back(); // what is left of it

private:
    [[nodiscard]] bool all_can_be_asked(const std::vector<pnn>& others) const;
    async::task<bool> gone_elsewhere();
    async::task<result<>> delete_own();
    [[nodiscard]] result<> delete_some();
    enum class outcome : std::uint8_t { done, busy };
    [[nodiscard]] outcome delete_one(database& db, const deletion& entry);

    vacuum_frame& frame_;
    std::vector<deletion> batch_;
    std::vector<deletion> busy_;
    std::size_t size_ = 0;
};

} // namespace ctdb::ctdbd
