// lineage: which recoveries a node's copy of a database has been through, and the private messages
// by which our nodes tell each other (doc/decisions/0070). Pure.
//
// An epoch is a recovery's place in time: later recoveries have higher numbers as far as clocks
// and what was seen tell. The generation stays what it is on the wire, a random name; the pair
// says both. A lineage without steps is unknown: the last recovery was led by another
// implementation, or the file is new.
#pragma once

#include "common/base/bytes.hpp"
#include "common/base/ids.hpp"
#include "common/base/result.hpp"

#include <compare>
#include <cstdint>
#include <map>
#include <vector>

namespace ctdb::ctdbd {

// One recovery that decided about a database.
struct lineage_step {
    std::uint64_t epoch = 0;
    ctdb::generation generation;
    std::uint64_t base = 0; // the database's sequence number when it was recovered
    // For how much of the cluster it spoke: its nodes; `whole` under a cluster lock, which lets
    // only one side lead.
    std::uint32_t standing = 0;
    static constexpr std::uint32_t whole = 0xFFFFFFFF;
    friend bool operator==(const lineage_step&, const lineage_step&) = default;
};

struct lineage {
    static constexpr std::size_t steps_max = 16; // older ones are forgotten

    std::uint64_t birth = 0;         // epoch of the first recovery that decided about the content
    std::vector<lineage_step> steps; // oldest first

    [[nodiscard]] bool known() const noexcept { return !steps.empty(); }
    [[nodiscard]] std::uint64_t epoch() const noexcept { return known() ? steps.back().epoch : 0; }
    void add(const lineage_step& step);
    friend bool operator==(const lineage&, const lineage&) = default;
};

// ---- messages between our own nodes; upstream has no listener there ----

// "What are your copies?" from the leader once its vnn map is in force.
inline constexpr srvid lineage_question_address{0x9E01000000000002};
// "This generation is this epoch", before any database is committed.
inline constexpr srvid epoch_address{0x9E01000000000003};
// "This is what you get for this database", before it is wiped.
inline constexpr srvid verdict_address{0x9E01000000000004};

struct lineage_question {
    pnn asker;
    srvid answer_to;
};
struct lineage_answer {
    pnn node;
    std::uint64_t highest_epoch = 0; // ever heard of
    std::map<db_id, lineage> copies;
};
struct epoch_number {
    ctdb::generation generation;
    std::uint64_t epoch = 0;
    std::vector<pnn> members; // all nodes taken in, with or without LMASTER
};
struct lineage_verdict {
    ctdb::generation generation; // of the recovery
    db_id database;
    lineage content;           // of the winner, with this recovery as its last step
    std::vector<pnn> diverged; // nodes whose copy holds what the winner never had
};

void put(writer& out, const lineage& value);
[[nodiscard]] lineage get_lineage(reader& in); // rejects what cannot be
[[nodiscard]] bytes encode(const lineage_question& m);
[[nodiscard]] bytes encode(const lineage_answer& m);
[[nodiscard]] bytes encode(const epoch_number& m);
[[nodiscard]] bytes encode(const lineage_verdict& m);
[[nodiscard]] result<lineage_question> decode_lineage_question(byte_view data);
[[nodiscard]] result<lineage_answer> decode_lineage_answer(byte_view data);
[[nodiscard]] result<epoch_number> decode_epoch_number(byte_view data);
[[nodiscard]] result<lineage_verdict> decode_lineage_verdict(byte_view data);

} // namespace ctdb::ctdbd
