// The text around a message in each kind of log (cluster.md 10.2). Pure: time and process are
// handed in.
#pragma once

#include "common/base/log.hpp"

#include <cstdint>
#include <ctime>
#include <string>
#include <string_view>

namespace ctdb::logging {

struct line_origin {
    std::string_view host;
    std::string_view program;
    int pid = 0;
    std::tm local{}; // with its offset from UTC
    std::uint32_t microseconds = 0;
};

inline constexpr std::size_t syslog_bytes_max = 1024; // of one datagram

[[nodiscard]] int syslog_severity(log_level level) noexcept;    // RFC 5424: 3 = error ... 7 = debug
[[nodiscard]] std::string timestamp(const line_origin& origin); // YYYY-MM-DDThh:mm:ss.uuuuuu+hh:mm
[[nodiscard]] std::string file_header(const line_origin& origin); // up to the message
[[nodiscard]] std::string
syslog_datagram(const line_origin& origin, log_level level, std::string_view message);
[[nodiscard]] std::string
rfc5424_datagram(const line_origin& origin, log_level level, std::string_view message);

// Control characters, which could fake lines or confuse terminals, become '?'; tabs stay.
[[nodiscard]] std::string printable(std::string_view message);

} // namespace ctdb::logging
