// pushed_records: PUSH_RECORD (databases.md 10.1): a client of another node has changed a record
// that it masters and gives everybody a copy on disk.
//
// The copy goes through the line of its key in the record engine: in arrival order, under the
// chain's lock, and only while the generation is the sender's. It never replaces our own record nor
// a copy with a higher rsn (12.1 #25). Answered when the copy is on disk, or not needed: 0; -1:
// unknown or not volatile database, not stored within ControlTimeout, too many waiting.
#pragma once

#include "common/async/task_set.hpp"
#include "common/protocol/types_record.hpp"
#include "ctdbd/database/answer.hpp"
#include "ctdbd/database/record/record_request.hpp"

namespace ctdb::ctdbd {

class database_set;
class node_context;

class pushed_records {
public:
    static constexpr std::size_t waiting_max = 10'000; // for a lock or the disk
    pushed_records(node_context& node, database_set& databases);

    void receive(const protocol::pushed_record& record, answer_to<> done);
    [[nodiscard]] std::size_t waiting() const noexcept { return in_lines_ + syncs_.size(); }

private:
    void taken_up(db_id id, update_end how, async::time_point deadline, answer_to<> done);
    async::task<> sync(db_id id, async::time_point deadline, answer_to<> done);

    node_context& node_;
    database_set& databases_;
    std::size_t in_lines_ = 0;
    async::task_set syncs_;
};

} // namespace ctdb::ctdbd
