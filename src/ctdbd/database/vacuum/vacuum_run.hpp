// vacuum_run: one run of vacuuming for one database (databases.md 8.2): look for empty records
// (full runs), bring here what other nodes have for us to delete, delete.
//
// A coroutine that works a few milliseconds per turn of the loop. Queues are taken as they are when
// the run begins. It ends when everything is done, fetched records included, or with the failure
// that ended it. While it waits for other nodes its owner sees to it that it ends in time.
#pragma once

#include "common/async/slot.hpp"
#include "common/async/task.hpp"
#include "ctdbd/database/local_store.hpp"
#include "ctdbd/database/vacuum/vacuum_deletion.hpp"

#include <map>
#include <vector>

namespace ctdb::ctdbd {

enum class vacuum_depth : std::uint8_t { queues, full };
enum class vacuum_cause : std::uint8_t { timer, control };

class vacuum_run {
public:
    static constexpr std::size_t fetches_max = 200; // under way at a time

    vacuum_run(const vacuum_frame& frame, vacuum_depth depth, vacuum_cause cause);

    [[nodiscard]] async::task<result<>> carry_out();
    void fetch_answered(); // one of the records is here, or could not be brought
    // May it go on? Its owner asks now and then, for runs that wait.
    [[nodiscard]] result<> usable() const;
    // It has ended before its time: what it was about to delete is for the next run.
    void break_off();
    [[nodiscard]] std::size_t deleted() const noexcept { return frame_.deleted; }

private:
    async::task<result<>> look();
    [[nodiscard]] result<walk_state> look_some(walk_position& position);
    async::task<result<>> fetch();
    [[nodiscard]] result<bool> fetch_some();
    void fetch_one(database& db, const bytes& key);
    async::task<result<>> fetches_below(std::size_t count);
    async::task<result<>> remove();
    [[nodiscard]] result<> judge_some();
    void judge(database& db, deletion entry);
    async::task<> tell_lmasters();
    void after_deletions(database& db);

    vacuum_frame frame_;
    vacuum_depth depth_;
    vacuum_cause cause_;
    vacuum_deletion deletion_;
    std::map<pnn, std::vector<deletion>> for_lmasters_;
    std::size_t keys_for_lmasters_ = 0;
    std::size_t fetching_ = 0;
    async::notice fetch_ended_;
};

} // namespace ctdb::ctdbd
