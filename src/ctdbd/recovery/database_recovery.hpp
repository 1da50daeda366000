// database_recovery: one attempt to recover one database (databases.md 6.5-6.7): names, attach,
// freeze, transaction, collect, wipe, push, commit, thaw.
//
// Waits for no other database except for a slot, and that only when frozen everywhere. Failing
// leaves the database frozen with an open transaction on some nodes; the next attempt, or the next
// recovery, starts a new transaction. Private to this folder.
//
// Once nodes were told to commit there is no other attempt in this generation: some may have the
// new content, and as long as the others have not committed the next one, a copy there would be as
// new as its holder's (I2). The next recovery has another generation.
#pragma once

#include "common/protocol/record_buffer.hpp"
#include "ctdbd/recovery/copy_choice.hpp"
#include "ctdbd/recovery/record_merge.hpp"
#include "ctdbd/recovery/recovery_run.hpp"

#include <optional>
#include <string>

namespace ctdb::ctdbd {

class database_recovery {
public:
    // Both outlive the object, the object its tasks.
    database_recovery(recovery_run& run, const database_plan& plan);
    database_recovery(const database_recovery&) = delete;
    database_recovery& operator=(const database_recovery&) = delete;
    ~database_recovery(); // leaves its records to the disposal

    [[nodiscard]] async::task<result<>> attempt();
    [[nodiscard]] bool may_be_repeated() const noexcept { return !committing_; }

private:
    [[nodiscard]] async::task<result<>> make_it_exist_everywhere();
    [[nodiscard]] async::task<result<>> agree_on_name();
    [[nodiscard]] async::task<result<>> attach_where_lacking();
    [[nodiscard]] async::task<result<>> change_content();

    [[nodiscard]] async::task<result<>> collect();
    [[nodiscard]] async::task<result<>> collect_from_all();
    [[nodiscard]] async::task<result<>> collect_from_newest();
    [[nodiscard]] std::vector<pnn>
    find_diverged(const std::vector<copy_state>& copies, const copy_state& winner) const;
    void tell_verdict(lineage history, std::uint64_t base, std::vector<pnn> diverged);
    [[nodiscard]] async::task<result<>> pull(pnn node, std::uint32_t order);
    [[nodiscard]] async::task<result<>> push();
    [[nodiscard]] async::task<std::uint32_t> send_records(srvid address);
    [[nodiscard]] async::duration pause_for_queues() const;
    [[nodiscard]] push_rules rules() const;
    void append(const record_merge::record& winner, const push_rules& rules, srvid address);
    void
    append(byte_view key, const protocol::record_header& header, byte_view value, srvid address);
    void append_missing_number(const push_rules& rules, srvid address);
    void flush(srvid address);

    void note_step(std::string_view finished); // its time goes into the log line at the end
    void log_steps() const;

    [[nodiscard]] protocol::transdb transaction() const;
    [[nodiscard]] std::string step(std::string_view what) const; // "database x: what"
    [[nodiscard]] bool is_persistent() const {
        return plan_.kind.has(protocol::db_flag::persistent);
    }

    recovery_run& run_;
    const database_plan& plan_;
    std::vector<pnn> nodes_; // concerned: all active, or those that have an odd one
    std::string name_;
    record_merge merge_;
    protocol::record_buffer_writer buffer_;
    std::size_t buffer_size_max_;
    std::optional<std::uint64_t> new_number_; // pushed instead of the winner's
    bool new_number_sent_ = false;
    bool committing_ = false;
    std::uint32_t sent_ = 0;
    async::time_point step_began_;
    std::string steps_; // "freeze 2 ms, collect 31 ms"
};

} // namespace ctdb::ctdbd
