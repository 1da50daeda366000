#include "common/logging/line_format.hpp"

#include <algorithm>

namespace ctdb::logging {

namespace {

constexpr int facility_daemon = 3 << 3; // RFC 5424

int priority(log_level level) noexcept {
    return facility_daemon + syslog_severity(level);
}

bool is_control(char c) noexcept {
    return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == '\x7f';
}

std::string cut(std::string datagram) {
    datagram.resize(std::min(datagram.size(), syslog_bytes_max));
    return datagram;
}

} // namespace

int syslog_severity(log_level level) noexcept {
    const int number = static_cast<int>(level);
    if (number <= 0) {
        return 3;
    }
    if (number == 1) {
        return 4;
    }
    if (number <= 5) {
        return 5; // INFO is level 5: a notice to syslog, as upstream has it
    }
    return number <= 9 ? 6 : 7;
}

std::string timestamp(const line_origin& origin) {
    const std::tm& t = origin.local;
    const long offset = t.tm_gmtoff / 60;
    const long minutes = offset < 0 ? -offset : offset;
    return fmt::format(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}{}{:02}:{:02}",
        t.tm_year + 1900,
        t.tm_mon + 1,
        t.tm_mday,
        t.tm_hour,
        t.tm_min,
        t.tm_sec,
        origin.microseconds,
        offset < 0 ? '-' : '+',
        minutes / 60,
        minutes % 60
    );
}

std::string file_header(const line_origin& origin) {
    return fmt::format(
        "{} {} {}[{}]: ", timestamp(origin), origin.host, origin.program, origin.pid
    );
}

std::string syslog_datagram(const line_origin& origin, log_level level, std::string_view message) {
    return cut(fmt::format("<{}>{}[{}]: {}", priority(level), origin.program, origin.pid, message));
}

std::string rfc5424_datagram(const line_origin& origin, log_level level, std::string_view message) {
    return cut(fmt::format(
        "<{}>1 {} {} {} {} - - {}",
        priority(level),
        timestamp(origin),
        origin.host,
        origin.program,
        origin.pid,
        message
    ));
}

std::string printable(std::string_view message) {
    std::string text(message);
    std::replace_if(text.begin(), text.end(), is_control, '?');
    return text;
}

} // namespace ctdb::logging
