// The value of [logging] location (cluster.md 10.2). The whole rest behind "file:" is the path: a
// ':' in it is a letter.
#pragma once

#include "common/base/result.hpp"

#include <string>
#include <string_view>

namespace ctdb::logging {

enum class target {
    standard_error,
    file,
    syslog,
    syslog_nonblocking,
    syslog_udp,
    syslog_udp_rfc5424
};

struct location {
    target where = target::standard_error;
    std::string path; // of a file
    bool operator==(const location&) const = default;
};

[[nodiscard]] result<location> parse_location(std::string_view text);

} // namespace ctdb::logging
