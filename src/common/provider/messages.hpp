// The private protocol between ctdbd and the daemons that own parts of it: serviced, failoverd,
// contrackd (provider.socket; format in README.md).
//
//   provider -> ctdbd: register_provider first; then answer, acknowledge, set_health,
//                      publish_answer, set_holding, heartbeat
//   ctdbd -> provider: registered first; then request, deliver, client_gone, the events, heartbeat
//
// A packet is {u32 length, u32 version, u32 number, u32 kind, body}. `number` ties an answer to its
// request and an acknowledgement to its event; 0 = nothing is expected. Decoding copies: messages
// are values. Both sides are on one machine and of one build or nearly: another version is refused
// at registration, an unknown kind or a malformed body ends the connection.
#pragma once

#include "common/base/bytes.hpp"
#include "common/base/ids.hpp"
#include "common/base/result.hpp"
#include "common/protocol/constants.hpp"
#include "common/protocol/types_membership.hpp"
#include "common/protocol/types_tunable.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace ctdb::provider {

inline constexpr std::uint32_t protocol_version = 1;
inline constexpr std::uint32_t packet_length_max = 256U << 20U; // as peers' packets
inline constexpr std::uint32_t opcodes_max = 256;               // per provider
inline constexpr std::uint32_t srvids_max = 256;

// ---- provider -> ctdbd ----

struct register_provider {
    std::uint32_t version = protocol_version;
    std::string name; // "serviced", "failoverd", "contrackd"
    std::uint32_t pid = 0;
    std::vector<std::uint32_t> opcodes; // controls that it answers
    std::vector<srvid> srvids;          // messages that it wants
    bool operator==(const register_provider&) const = default;
};

struct answer { // to the request of the same number; becomes the REPLY_CONTROL
    std::int32_t status = 0;
    bytes data;
    std::string text;
    bool operator==(const answer&) const = default;
};

struct acknowledge { // the event of the same number has been dealt with
    std::int32_t status = 0;
    std::string text; // why not
    bool operator==(const acknowledge&) const = default;
};

// serviced only: becomes the node's flag UNHEALTHY.
struct set_health {
    bool healthy = false;
    std::string reason;
    bool operator==(const set_health&) const = default;
};

// What ctdbd answers to `opcode` while the provider is away; replaces the last one.
struct publish_answer {
    std::uint32_t opcode = 0;
    bytes data;
    bool operator==(const publish_answer&) const = default;
};

// failoverd only: addresses and roles held now.
struct set_holding {
    std::uint32_t count = 0;
    bool operator==(const set_holding&) const = default;
};

// ---- ctdbd -> provider ----

struct registered {
    std::int32_t status = 0; // errno; not 0: refused, the connection is closed
    std::string text;
    pnn self = unknown_pnn;
    std::uint32_t heartbeat_ms = 1000;     // how often ctdbd sends one
    std::uint32_t silence_limit_ms = 4000; // no packet for that long: ctdbd hangs
    bool operator==(const registered&) const = default;
};

struct origin {
    client_id client; // 0: not a local client
    std::int32_t pid = 0;
    pnn node = unknown_pnn; // the node that asks; own pnn for local clients
    bool operator==(const origin&) const = default;
};

struct request { // REQ_CONTROL for a provided opcode; always answered, also with noreply set
    origin from;
    protocol::control_flags flags;
    std::uint32_t opcode = 0;
    ctdb::srvid srvid;
    bytes data;
    bool operator==(const request&) const = default;
};

struct deliver { // REQ_MESSAGE to a registered srvid
    ctdb::srvid srvid;
    pnn from = unknown_pnn;
    bytes data;
    bool operator==(const deliver&) const = default;
};

// A client on whose behalf a request was forwarded has disconnected; its id may now be reused.
struct client_gone {
    client_id client;
    std::int32_t pid = 0;
    bool operator==(const client_gone&) const = default;
};

// ---- events; those with * want an acknowledge (number not 0), bounded by ctdbd ----
// After registration each provider gets the current state once, in this order: node map, leader,
// tunables, run state, activity.

struct node_map_changed {
    protocol::node_map map;
    bool all_ours = false; // every active node runs this implementation
    bool operator==(const node_map_changed&) const = default;
};

struct activity_changed { // * own node turned active or inactive
    bool active = false;
    protocol::node_flags flags;
    bool operator==(const activity_changed&) const = default;
};

struct leader_changed {
    pnn leader = unknown_pnn;
    std::uint64_t epoch = 0; // grows with every change seen here
    bool lock_configured = false;
    bool operator==(const leader_changed&) const = default;
};

struct recovery_changed {
    bool in_recovery = false;
    ctdb::generation generation = invalid_generation;
    bool operator==(const recovery_changed&) const = default;
};

struct run_state_changed {
    protocol::run_state state = protocol::run_state::unknown;
    bool operator==(const run_state_changed&) const = default;
};

struct start_services { // * serviced: status 0 lets the node become RUNNING
    bool operator==(const start_services&) const = default;
};

enum class shutdown_phase : std::uint32_t {
    leaving = 1,       // failoverd: give away and report nothing available
    stop_services = 2, // serviced
    ending = 3,        // all: ctdbd is about to exit
};

struct shutting_down { // *
    shutdown_phase phase = shutdown_phase::leaving;
    bool operator==(const shutting_down&) const = default;
};

struct tunables_changed {
    protocol::tunable_list tunables;
    bool operator==(const tunables_changed&) const = default;
};

// ---- both ways ----

// ctdbd's comes every heartbeat_ms; a provider sends one back for each.
struct heartbeat {
    static constexpr std::uint32_t never = 0xFFFFFFFF;
    // From ctdbd as leader with a cluster lock: milliseconds since it last knew that it holds it.
    std::uint32_t lock_verified_ms = never;
    bool operator==(const heartbeat&) const = default;
};

using message = std::variant<
    register_provider,
    answer,
    acknowledge,
    set_health,
    publish_answer,
    set_holding,
    registered,
    request,
    deliver,
    client_gone,
    node_map_changed,
    activity_changed,
    leader_changed,
    recovery_changed,
    run_state_changed,
    start_services,
    shutting_down,
    tunables_changed,
    heartbeat>;

struct packet {
    std::uint32_t number = 0;
    provider::message message;
    bool operator==(const packet&) const = default;
};

// The packet, its length in front, ready for packet_stream.
[[nodiscard]] bytes encode(std::uint32_t number, const message& m);
[[nodiscard]] result<packet> decode(byte_view whole);              // EBADMSG, with kind and size
[[nodiscard]] std::string_view name_of(const message& m) noexcept; // "node_map_changed"

} // namespace ctdb::provider
