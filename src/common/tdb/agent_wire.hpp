// What ctdbd and its lock agents say to each other: one SOCK_SEQPACKET message per command and
// reply; host byte order, same build on both ends. An agent serves one command after the other, but
// a rewrite in place piece by piece between those for other files; those for its own file come
// after it.
//
//   ctdbd -> agent                                  agent -> ctdbd
//   lock_chain  file, path, flags; payload = key    reply when the chain is held
//   lock_all    file, path, flags                   reply when the whole file is held
//   try_all     file, path, flags                   reply at once; EBUSY: others hold a lock of it
//   release     file: gives up what is held of it   -
//   apply       file, path, flags; payload = buffer reply when the transaction is on disk, or
//   failed rewrite     file; payload = rewrite_order,      reply when the file has its new content;
//   it is
//               journal beside it                   held as a whole before and after
//   tidy        file, path, flags; payload = u32    reply when the file is repacked, or need not be
//   sync        file, path, flags                   reply when what was written is on disk
//   close       file: forget it                     -
//
// An agent holds at most one lock of a file, but may hold locks of many files. Only lock_chain,
// lock_all, apply and tidy wait for others' locks: an agent that holds anything is not given them.
// A payload too large for a message travels as a memory file beside it. End of file on the socket
// ends the agent. `file` names an opening of a path: a path that was replaced has another number.
#pragma once

#include "common/base/bytes.hpp"
#include "common/base/result.hpp"
#include "common/base/unique_fd.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace ctdb::tdb {

enum class agent_op : std::uint32_t {
    lock_chain = 1,
    lock_all = 2,
    release = 3,
    apply = 4,
    close = 5,
    tidy = 6,
    sync = 7,
    rewrite = 8,
    try_all = 9,
};

struct agent_command {
    agent_op op = agent_op::release;
    std::uint32_t serial = 0; // echoed in the reply
    std::uint32_t file = 0;
    int flags = 0;              // of tdb_open
    bool volatile_rule = false; // apply: skip keys that do not exist
    std::string path;
    bytes payload;
    unique_fd journal; // received with a rewrite
};

struct agent_reply {
    std::uint32_t serial = 0;
    int code = 0; // errno, 0 = done
    std::string what;
};

inline constexpr std::size_t inline_payload_max = 16 * 1024; // well below the socket's buffer
inline constexpr std::size_t path_size_max = 4096;
inline constexpr std::size_t payload_size_max = std::size_t{1} << 30; // sanity; packets are smaller

// Sending never waits: EAGAIN means that the other end does not read. `journal` goes with a
// rewrite.
result<> send_command(int socket, const agent_command& command, int journal = -1);
result<> send_reply(int socket, const agent_reply& reply);

enum class waiting : std::uint8_t { allowed, refused };
// nullopt: nothing there (waiting refused). Failure ECONNRESET: the other end is gone.
result<std::optional<agent_command>> receive_command(int socket, waiting wait);
result<std::optional<agent_reply>> receive_reply(int socket, waiting wait); // EBADMSG: malformed

} // namespace ctdb::tdb
