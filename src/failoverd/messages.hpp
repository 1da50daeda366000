// What failoverds say to each other, inside a CTDB tunnel. Pure.
//
// The tunnel loses the origin, so the envelope carries it: {u32 version, u32 origin, u32 kind,
// body}. Leader to member: authority, prepare, release, take, finalise. Member to leader: status
// and one answer to each of the others, with the epoch (and round) that it answers.
#pragma once

#include "common/base/bytes.hpp"
#include "common/base/result.hpp"
#include "failoverd/items.hpp"

#include <map>
#include <string>
#include <variant>
#include <vector>

namespace ctdb::failoverd {

inline constexpr std::uint64_t tunnel_id = 0x4354444246414900;
inline constexpr std::uint32_t message_version = 1;
inline constexpr std::uint32_t items_max = 65536; // of one message

// ---- member to leader ----

// Twice a second (status_pace), and at once when something in it changes.
struct status {
    stamp now{};
    epoch accepted = 0;
    epoch heard = 0;    // of the leader's newest word: says that this was not said before that
    item_set known;     // configured
    item_set available; // could be held; empty unless the node may serve
    item_set held;      // in the kernel
    bool closed =
        false; // its kernel fence: nobody reaches what it holds before it has prepared a plan
    bool operator==(const status&) const = default;
};

enum class verdict : std::uint32_t { ok, stale, not_leader, failed };

struct prepared {
    epoch of = 0;
    verdict outcome = verdict::ok;
    epoch accepted = 0; // highest seen
    item_set held;
    std::string text;
    bool operator==(const prepared&) const = default;
};
struct released {
    epoch of = 0;
    item_set held; // all that is left
    bool operator==(const released&) const = default;
};
enum class take_failure : std::uint32_t { failed, busy, stale }; // busy: another node answers
struct taken {
    epoch of = 0;
    std::uint32_t round = 0;
    item_set held;
    std::map<item, take_failure> failures;
    bool operator==(const taken&) const = default;
};
struct finalised {
    epoch of = 0;
    verdict outcome = verdict::ok;
    std::string text;
    bool operator==(const finalised&) const = default;
};

// ---- leader to member; `echo`: the newest stamp from the member ----

// To everyone who speaks, twice a second; and at once to a status that comes on its own.
struct authority {
    epoch current = 0;
    stamp echo{};
    bool fenced = false; // the leader's node: nobody reaches its items once its failoverd has ended
    bool operator==(const authority&) const = default;
};
struct prepare {
    epoch of = 0;
    stamp echo{};
    std::vector<pnn> members;
    failoverd::plan plan;
    std::uint64_t key = 0; // for released_all
    std::chrono::milliseconds limit{};
    bool operator==(const prepare&) const = default;
};
struct release { // what is held and not in the plan's share
    epoch of = 0;
    std::chrono::milliseconds limit{};
    bool operator==(const release&) const = default;
};
struct take {
    epoch of = 0;
    std::uint32_t round = 0;
    stamp echo{};
    std::map<item, bool> items; // true: ask the network first whether anybody has it
    std::chrono::milliseconds limit{};
    bool operator==(const take&) const = default;
};
struct finalise {
    epoch of = 0;
    std::chrono::milliseconds limit{};
    bool operator==(const finalise&) const = default;
};

// A datagram between the private addresses of nodes (UDP, port of the node transport), for a node
// whose ctdbd has died: {u32 version, u32 origin, u64 key of the last PREPARE, u64 its clock}.
struct released_all {
    pnn origin = unknown_pnn;
    std::uint64_t key = 0;
    stamp now{};
    bool operator==(const released_all&) const = default;
};
[[nodiscard]] bytes encode(const released_all& d);
[[nodiscard]] result<released_all> decode_released_all(byte_view data); // EBADMSG

using message = std::variant<
    status,
    prepared,
    released,
    taken,
    finalised,
    authority,
    prepare,
    release,
    take,
    finalise>;

struct envelope {
    pnn origin = unknown_pnn;
    failoverd::message message;
};

[[nodiscard]] bytes encode(pnn origin, const message& m);
[[nodiscard]] result<envelope> decode(byte_view data); // EBADMSG

} // namespace ctdb::failoverd
