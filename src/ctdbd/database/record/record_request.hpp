// record_request: a client's call or a node's packet on its way through the engine.
//
// Key and data are views into the packet until the request has to wait; own() then copies them once
// into `storage`, and moving the request keeps the views valid.
#pragma once

#include "common/async/runtime.hpp"
#include "common/base/bytes.hpp"
#include "common/base/ids.hpp"
#include "common/protocol/constants.hpp"

#include <cstdint>
#include <functional>
#include <memory>

namespace ctdb::ctdbd {

enum class request_kind : std::uint8_t {
    client_call,
    node_call,     // REQ_CALL of a node, or of a client's call sent to ourselves
    req_dmaster,   // to the lmaster: `new_dmaster` takes over
    reply_dmaster, // to the new dmaster
    readonly_copy, // REPLY_CALL that brings a copy to read (databases.md 3.3)
    update,        // one record of an UPDATE_RECORD: a copy ends (databases.md 3.4)
    pushed,        // PUSH_RECORD: a copy from the dmaster's disk (databases.md 10.1)
    revoke_end,    // of ours: every copy has ended, or one has not
};

// How a record that a control brought ended; of several the last of these counts.
enum class update_end : std::uint8_t { stored, not_needed, refused };

// An UPDATE_RECORD or PUSH_RECORD: answered once, when its last record is done, however that ends,
// or when its time is up; what has not been taken up by then never is.
class update_job {
public:
    update_job(
        async::runtime& rt, async::time_point deadline, std::function<void(update_end)> answer
    );
    void add() noexcept { ++missing_; }
    void finish(update_end how); // of one record; the first one is the job itself
    [[nodiscard]] bool over() const noexcept { return answer_ == nullptr; }

private:
    void tell(update_end how);

    std::size_t missing_ = 1;
    update_end worst_ = update_end::stored;
    std::function<void(update_end)> answer_;
    async::timer limit_;
};

struct record_request {
    request_kind kind = request_kind::client_call;
    client_id client; // client_call
    ctdb::reqid id;   // the client's, or of the packet
    pnn source;       // originator
    pnn via;          // whose link brought it
    pnn new_dmaster;  // req_dmaster
    ctdb::generation generation;
    protocol::call_flags flags;
    protocol::call_id call = protocol::call_id::null;
    std::uint32_t hopcount = 0;
    ctdb::rsn rsn;                       // dmaster packets
    protocol::record_flags record_flags; // dmaster packets
    std::shared_ptr<update_job> job;     // update, pushed
    std::uint64_t ticket = 0;            // revoke_end
    std::uint64_t arrival = 0;
    async::time_point arrived;
    byte_view key;
    byte_view data; // value (readonly_copy, update, pushed: with header), or the call's argument
    bytes storage;

    record_request() = default;
    record_request(record_request&&) = default;
    record_request& operator=(record_request&&) = default;

    [[nodiscard]] bool from_client() const noexcept { return kind == request_kind::client_call; }
    [[nodiscard]] bool is_call() const noexcept {
        return kind == request_kind::client_call || kind == request_kind::node_call;
    }
    // Dies unserved: whoever waits for an update has to know.
    void abandoned() const;
    void own();
};

[[nodiscard]] bool same_bytes(byte_view a, byte_view b) noexcept;

} // namespace ctdb::ctdbd
