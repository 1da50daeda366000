// The protocol of eventd's socket: requests and replies as values, to the byte what upstream's
// eventd and its clients speak. Pure.
//
// A packet is {u32 length, itself included; u32 version, 0 and never checked; u32 request id},
// then a u32 command and the command's own body (events.md 1.2). Text travels as {u32 n, n bytes
// ending in NUL}; n = 0 is "no text". Decoders take the whole packet, refuse anything that does not
// fit to the byte, and allocate only after a length was compared with what is there.
#pragma once

#include "common/base/bytes.hpp"
#include "common/base/result.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace ctdb::event {

inline constexpr std::uint32_t packet_length_min = 16;       // header and command
inline constexpr std::uint32_t request_length_max = 1 << 20; // names and arguments
// 90 scripts with 128 KiB of kept output each, and room for more (script_output.hpp)
inline constexpr std::uint32_t reply_length_max = 64 << 20;

enum class command : std::uint32_t { run = 1, status = 2, script = 3 };

using wall_time = std::chrono::time_point<std::chrono::system_clock, std::chrono::microseconds>;

struct run_request {
    std::string component;
    std::string event;
    std::optional<std::string> arguments; // cut at blanks, no quoting
    std::uint32_t timeout_seconds = 0;    // 0: over at once
    bool run_all = false;                 // go on after a script that failed
    bool operator==(const run_request&) const = default;
};

struct status_request {
    std::string component;
    std::string event;
    bool operator==(const status_request&) const = default;
};

struct script_request {
    enum class action : std::uint32_t { disable = 0, enable = 1 };
    std::string component;
    std::string script; // without ".script"
    action what = action::disable;
    bool operator==(const script_request&) const = default;
};

struct request {
    std::uint32_t id = 0;
    std::variant<run_request, status_request, script_request> body;
    bool operator==(const request&) const = default;
};

// How one script ended: 0, its exit status, or a negative errno (events.md 1.5).
struct script_result {
    std::string name; // without ".script"
    wall_time begin;
    wall_time end;
    std::int32_t result = 0;
    std::string output;
    bool operator==(const script_result&) const = default;
};

inline constexpr std::int32_t result_disabled = -ENOEXEC;
inline constexpr std::int32_t result_timed_out = -ETIMEDOUT;
inline constexpr std::int32_t result_cancelled = -ECANCELED;
inline constexpr std::int32_t result_not_reached = -ENOMSG; // only newer upstream sends it

struct event_status {
    std::int32_t summary = 0; // result of the last script that failed, else 0
    std::vector<script_result> scripts;
    bool operator==(const event_status&) const = default;
};

struct reply {
    std::uint32_t id = 0;
    command to = command::run;
    std::int32_t result = 0;            // errno
    std::optional<event_status> status; // only after command::status with result 0
    bool operator==(const reply&) const = default;
};

[[nodiscard]] bytes encode(const request& r);
[[nodiscard]] bytes encode(const reply& r);
[[nodiscard]] result<request> decode_request(byte_view packet);
[[nodiscard]] result<reply> decode_reply(byte_view packet);

} // namespace ctdb::event
