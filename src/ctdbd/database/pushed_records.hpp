// pushed_records: PUSH_RECORD (databases.md 10.1): a client of another node has changed a record
// that it masters and gives everybody a copy on disk.
//
// The copy is stored under the record's chain lock, waited for without blocking, and only while the
// generation is the sender's. It never replaces our own record nor a copy with a higher rsn
// (12.1 #25). Answered when the copy is on disk, or not needed: 0; -1: unknown or not volatile
// database, not stored within ControlTimeout, too many waiting.
#pragma once

#include "common/async/task_set.hpp"
#include "common/protocol/types_record.hpp"
#include "ctdbd/database/answer.hpp"

namespace ctdb::ctdbd {

class database_set;
class node_context;

class pushed_records {
public:
    static constexpr std::size_t waiting_max = 10'000; // for a lock or the disk
    pushed_records(node_context& node, database_set& databases);

    void receive(const protocol::pushed_record& record, answer_to<> done);
    [[nodiscard]] std::size_t waiting() const noexcept { return tasks_.size(); }

private:
    enum class step : std::uint8_t { stored, not_needed, busy };
    [[nodiscard]] answer<step> store(const protocol::pushed_record& record);
    async::task<> carry_out(protocol::pushed_record record, answer_to<> done);
    async::task<answer<>> sync(db_id id);

    node_context& node_;
    database_set& databases_;
    async::task_set tasks_;
};

} // namespace ctdb::ctdbd
