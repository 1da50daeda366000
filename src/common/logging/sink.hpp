// Where finished messages go. Made by open_sink(), owned by the logger.
//
// A sink never blocks longer than the system call it makes, never throws, never logs. What it
// cannot write it counts, and says so (`[Dropped N log messages]`) as soon as it can write again.
#pragma once

#include "common/base/log.hpp"
#include "common/base/result.hpp"
#include "common/logging/location.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace ctdb::logging {

class sink {
public:
    virtual ~sink() = default;
    virtual void write(log_level level, std::string_view message) noexcept = 0;
    virtual result<> reopen() { return {}; } // after a log file was moved away
};

struct sink_identity {
    std::string program;
    std::string host; // "" = short name of this machine
};

// Where the datagram kinds send to; a test has others.
struct syslog_addresses {
    std::string unix_socket = "/dev/log";
    std::uint16_t udp_port = 514; // on 127.0.0.1
};

[[nodiscard]] result<std::unique_ptr<sink>>
open_sink(const location& where, sink_identity identity, const syslog_addresses& addresses = {});

} // namespace ctdb::logging
