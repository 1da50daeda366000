// record_model: what the records ought to be, and the invariants of databases.md 11 that hold after
// every event: I1 one dmaster, I2 its rsn is ahead, I3 no rsn falls, I4 no chase without cause, I6
// the value written last is the value read next, I7 a record that left with data says so, I8
// arrival order, I22 a copy that may be read has the dmaster's value, I24 no transient flag in a
// file.
#pragma once

#include "common/base/bytes.hpp"
#include "common/base/ids.hpp"
#include "common/protocol/types_record.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace ctdb::simulation {

// A value: how often the record was incremented, and which write this is. No data = no record.
struct record_value {
    std::uint64_t counter = 0;
    std::uint64_t stamp = 0; // 0: no such record
    bool operator==(const record_value&) const = default;
};
[[nodiscard]] bytes encode_value(const record_value& value);
[[nodiscard]] record_value decode_value(byte_view data);

struct key_model {
    std::vector<record_value> history{record_value{}}; // the last one is current
    pnn writer = unknown_pnn;
    std::uint64_t writer_life = 0;
    std::uint64_t handovers = 0;
    [[nodiscard]] const record_value& current() const { return history.back(); }
};

// One node's copy of a record, as the checkers see it.
struct copy {
    pnn node;
    ctdb::generation generation; // of the node's database
    protocol::record_header header;
    record_value value;
};

class record_model {
public:
    // hops_allowed: redirects of a request that no handover explains (I4).
    record_model(std::size_t keys, std::uint64_t hops_allowed);

    [[nodiscard]] const std::vector<bytes>& keys() const noexcept { return names_; }
    [[nodiscard]] key_model& at(byte_view key);

    // Clients.
    void saw(byte_view key, const record_value& seen, const std::string& who); // under its lock
    record_value
    write_next(byte_view key, bool remove, pnn node, std::uint64_t life); // under its lock
    void fetched(byte_view key, std::size_t since, const record_value& seen);
    std::uint64_t increments = 0;

    // The file of a node changed.
    void changed(pnn node, byte_view key, const bytes* after);
    void wiped(pnn node);
    void check_against_holder(byte_view key, const copy& holder, const copy& other);
    // Checks what has changed; copies(key) gives the copies on all active nodes.
    void check_changed(const std::function<std::vector<copy>(byte_view key)>& copies);

    // Role packets.
    void role_sent(byte_view key, rsn packet, const std::vector<copy>& copies);
    void call_sent(byte_view key, pnn source, reqid id);
    void call_arrived(byte_view key, pnn source, reqid id, std::uint32_t hopcount);
    void taken_up(pnn node, std::uint64_t life, byte_view key, std::uint64_t arrival);

    // A recovery chose `winner` for the key; `valid` says whether a node's data took part with the
    // life it had.
    void recovered(
        byte_view key,
        const record_value& winner,
        const std::vector<copy>& candidates,
        const std::function<bool(pnn, std::uint64_t life)>& valid
    );

    void fail(const std::string& what);
    [[nodiscard]] const std::optional<std::string>& failure() const noexcept { return failure_; }

private:
    std::vector<bytes> names_;
    std::vector<key_model> models_;
    const std::uint64_t hops_allowed_;
    [[nodiscard]] std::size_t index(byte_view key) const;
    std::set<std::size_t> changed_;
    std::map<std::pair<pnn, std::size_t>, rsn> highest_;
    std::map<std::pair<pnn, reqid>, std::uint64_t> handovers_at_start_;
    std::map<std::tuple<pnn, std::uint64_t, std::size_t>, std::uint64_t> arrivals_;
    std::uint64_t last_stamp_ = 0;
    std::optional<std::string> failure_;
};

} // namespace ctdb::simulation
