#include "common/logging/location.hpp"

namespace ctdb::logging {

result<location> parse_location(std::string_view text) {
    constexpr std::string_view file = "file:";
    if (text.substr(0, file.size()) == file) {
        const std::string_view path = text.substr(file.size());
        if (path.empty() || path == "-") {
            return location{};
        }
        return location{target::file, std::string(path)};
    }
    if (text == "syslog") {
        return location{target::syslog, ""};
    }
    if (text == "syslog:nonblocking") {
        return location{target::syslog_nonblocking, ""};
    }
    if (text == "syslog:udp") {
        return location{target::syslog_udp, ""};
    }
    if (text == "syslog:udp-rfc5424") {
        return location{target::syslog_udp_rfc5424, ""};
    }
    return fail(
        EINVAL,
        "log location \"{}\"; expected file:PATH, syslog, syslog:nonblocking, syslog:udp or "
        "syslog:udp-rfc5424",
        text
    );
}

} // namespace ctdb::logging
