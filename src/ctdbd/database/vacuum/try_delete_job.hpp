// try_delete_job: TRY_DELETE_RECORDS at a node that is not the lmaster (databases.md 8.2): deletes
// its copies of empty records, answers with those that it keeps.
//
// A coroutine in slices; a database that freezes meanwhile keeps the rest. -1: the database is
// unknown or not volatile, the request is malformed or of another generation (I12).
#pragma once

#include "common/async/task.hpp"
#include "common/protocol/types_record.hpp"
#include "ctdbd/database/answer.hpp"

namespace ctdb::ctdbd {

class database_set;
class node_context;

// `node` and `databases` outlive the task.
[[nodiscard]] async::task<answer<protocol::record_buffer>>
try_delete(node_context& node, database_set& databases, bytes request, asker who);

} // namespace ctdb::ctdbd
