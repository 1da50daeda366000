// The inside of record_engine. record_engine.cpp: epochs and facade; record_lines.cpp: locks, lines
// and holds; record_calls.cpp: REQ_CALL; record_pending.cpp: calls sent out and their answers;
// record_dmaster.cpp: the dmaster's role changes hands; record_readonly.cpp: copies to read, and
// their end; record_updates.cpp: records that controls bring.
//
// Every request goes submit() -> [parked] -> take_up() with its chain locked -> one of the
// take_up_* functions. Nothing here is re-entrant: outputs and store never call back.
#pragma once

#include "common/base/result.hpp"
#include "ctdbd/database/record/call_rule.hpp"
#include "ctdbd/database/record/delegations.hpp"
#include "ctdbd/database/record/hot_keys.hpp"
#include "ctdbd/database/record/owner_hints.hpp"
#include "ctdbd/database/record/parking.hpp"
#include "ctdbd/database/record/record_engine.hpp"
#include "ctdbd/database/record/record_request.hpp"
#include "ctdbd/database/record/redirect_memory.hpp"
#include "ctdbd/database/record/residency.hpp"
#include "ctdbd/database/record/sticky_records.hpp"

#include <array>
#include <map>
#include <optional>
#include <string_view>

namespace ctdb::ctdbd {

using header_bytes = std::array<std::byte, protocol::record_header_size>;
[[nodiscard]] header_bytes encode_header(const protocol::record_header& header) noexcept;

class record_engine::impl {
public:
    impl(
        record_engine& owner,
        local_store& store,
        async::runtime& rt,
        record_outputs& out,
        record_events& events,
        call_ids& ids,
        record_settings settings
    );
    impl(const impl&) = delete;
    impl& operator=(const impl&) = delete;
    ~impl();

    // What take_up() tells the line: whether a local client has just been given its record.
    enum class taken : std::uint8_t { done, arrived_for_client };

    // A call of a client that was sent to another node (or to ourselves) and has no answer yet.
    struct pending_call {
        client_id client;
        ctdb::reqid client_id_of_call;
        protocol::call_flags flags;
        protocol::call_id call = protocol::call_id::null;      // as the client asked
        protocol::call_id sent_call = protocol::call_id::null; // as other nodes are asked
        bytes key;
        bytes call_data;
        async::time_point started;
        async::time_point resend_at;
        std::optional<async::time_point> refused_since; // first "unknown database" answer
        bool refused = false;                           // the last time it was sent
    };
    using pending_map = std::map<ctdb::reqid, pending_call>;

    // record_engine.cpp
    [[nodiscard]] bool serving() const noexcept;
    void set_vnn_map(const protocol::vnn_map& map);
    void set_generation(ctdb::generation generation);
    void freeze_asked();
    void freeze_failed();
    void set_frozen(bool frozen);
    void set_commit_running(bool running);
    void end_delegations();
    void content_replaced();
    void detached();
    void client_gone(client_id client);
    [[nodiscard]] protocol::packet_header
    header_to(pnn to, ctdb::reqid id, pnn source) const noexcept;
    [[nodiscard]] pnn lmaster_of(byte_view key) const noexcept; // Requires: serving()
    void want_recovery(std::string_view reason, byte_view key);
    void resume_if_serving(bool was_serving, bool resend);
    void drop_stale();

    // record_lines.cpp
    void submit(record_request request);
    [[nodiscard]] bool has_line(byte_view key);
    void park(record_request request);
    void wait_for_lock(std::uint32_t chain, chain_line& line);
    void count_wait_started();
    void count_wait_finished(async::duration waited);
    void count_wait_failed();
    void stop_waiting(chain_line& line);
    void lock_came(std::uint32_t chain, const result<>& locked);
    void lock_failed(std::uint32_t chain, chain_line& line, const error& why);
    void try_line(std::uint32_t chain);
    void serve_line(std::uint32_t chain); // Requires: chain locked
    void run_due_lines();
    void make_due(chain_line& line);
    void tidy_lines();
    void fail_request(record_request& request, const error& why);
    [[nodiscard]] taken take_up(record_request& request);
    [[nodiscard]] bool held_back(record_request& request);
    [[nodiscard]] bool keeps_arrival_order(const record_request& request) const noexcept;
    [[nodiscard]] bool wants_to_read(const record_request& request) const noexcept;
    [[nodiscard]] bool reads_elsewhere(const record_request& request) const noexcept;
    void release_to_line(byte_view key, std::deque<record_request>& requests);
    void put_in_line(record_request request);
    void watch_from(async::time_point at);
    void watch();
    [[nodiscard]] async::time_point watch_holds(async::time_point now);
    void look_at_stay(byte_view key, key_hold& hold, async::time_point now);
    [[nodiscard]] bool used_meanwhile(byte_view key, client_turns& turns);
    void release_what_is_free(byte_view key, key_hold& hold);
    [[nodiscard]] async::time_point watch_lines(async::time_point now);
    [[nodiscard]] async::time_point watch_pending(async::time_point now);

    // record_calls.cpp
    struct look {
        const record_request& request;
        pnn lmaster;
        protocol::record_header header;
        call_action action = call_action::serve;
        bool found = false;   // else header is made up
        bool revoked = false; // RO_REVOKE_COMPLETE to be cleaned up first; value in scratch_
    };
    void take_up_call(record_request& request);
    void look_at_call(look& seen, byte_view value);
    void judge_call(look& seen, byte_view data);
    [[nodiscard]] result<> make_missing(look& seen);
    [[nodiscard]] result<> clean_up_revoked(look& seen);
    void perform_call(record_request& request, look& seen);
    void count_hops(const record_request& request);
    void
    answer_call(const record_request& request, const protocol::record_header& h, byte_view data);
    void answer_client(
        client_id client,
        ctdb::reqid id,
        protocol::call_id call,
        const protocol::record_header& header,
        byte_view data
    );
    void send_out(record_request& request, pnn to);
    void redirect_call(const record_request& request, const look& seen);
    void hold_for_commit(record_request& request);
    void cannot_serve(record_request& request, std::string_view why);
    void refuse_call(const record_request& request, std::string_view why);
    void ask_recovery_for_call(const record_request& request);

    // record_pending.cpp
    void keep_pending(const record_request& request, ctdb::reqid id);
    void reply_call(const protocol::packet_header& header, const protocol::reply_call& body);
    void
    submit_readonly_copy(const protocol::packet_header& header, byte_view key, byte_view value);
    void reply_error(const protocol::packet_header& header, const protocol::reply_error& body);
    void finish(pending_map::iterator call);
    void forget(pending_map::iterator call);
    void end_fetch(byte_view key, ctdb::reqid id);
    void resend_all();
    void resend(ctdb::reqid id);
    void give_up(pending_map::iterator call);

    // record_readonly.cpp
    void delegate(const record_request& request, const look& seen);
    void revoke(record_request& request, look& seen);
    void wait_for_revoke(record_request& request, look& seen);
    void tell_readers(const look& seen, std::set<pnn> readers);
    void update_answered(std::uint64_t ticket, pnn from, bool ok);
    void take_up_revoke_end(const record_request& request);
    [[nodiscard]] async::duration writers_turn(async::duration revoke) const;
    [[nodiscard]] bool end_revoke(const delegations::revoke& ended);
    void take_up_readonly_copy(const record_request& request);
    [[nodiscard]] result<> keep_readonly_copy(const record_request& request);

    // record_updates.cpp
    void take_up_update(const record_request& request);
    [[nodiscard]] result<update_end> apply_update(const record_request& request);
    [[nodiscard]] result<update_end> apply_pushed(const record_request& request);

    // record_dmaster.cpp
    void hand_over(const record_request& request, const look& seen);
    [[nodiscard]] bool send_role(
        pnn to, const record_request& request, const protocol::record_header& header, byte_view data
    );
    [[nodiscard]] taken take_up_req_dmaster(record_request& request);
    [[nodiscard]] taken become_dmaster(const record_request& request, rsn from);
    [[nodiscard]] taken take_up_reply_dmaster(record_request& request);
    void pass_on(const record_request& request, rsn from);
    [[nodiscard]] protocol::record_flags flags_from_wire(const record_request& request);
    [[nodiscard]] result<std::optional<protocol::record_header>> read_header(byte_view key);
    void stay_until(key_hold& hold, async::time_point end);
    void give_turns(const record_request& request, async::time_point now);
    void pin_if_sticky(byte_view key);
    [[nodiscard]] result<protocol::record_header>
    put(byte_view key, pnn lmaster, const protocol::record_header& header, byte_view data);

    record_engine& owner_;
    local_store& store_;
    async::runtime& runtime_;
    record_outputs& out_;
    record_events& events_;
    call_ids& ids_;
    record_settings settings_;

    protocol::vnn_map map_{invalid_generation, {}};
    ctdb::generation generation_ = invalid_generation;
    bool frozen_ = false;
    std::optional<async::time_point> freeze_since_; // asked for, not here yet
    bool commit_running_ = false;
    bool readonly_ = false;
    bool sticky_ = false;

    parking parking_;
    pending_map pending_;
    redirect_memory redirects_;
    residency residency_;
    owner_hints owner_hints_;
    delegations delegations_;
    sticky_records sticky_records_;
    hot_keys hot_keys_;
    protocol::db_statistics statistics_;
    bytes scratch_; // the value between reading and handing over
    std::uint64_t arrivals_ = 0;
    std::size_t locks_held_ = 0;
    std::optional<async::time_point> recovery_wanted_at_;
    async::deferred due_;
    async::timer watch_; // holds, failed locks, resends: at the earliest of them
    async::time_point watch_at_ = async::time_point::max();
};

} // namespace ctdb::ctdbd
