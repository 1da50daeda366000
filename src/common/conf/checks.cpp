#include "common/conf/checks.hpp"

#include "common/base/log.hpp"
#include "common/conf/nodes_list.hpp"
#include "common/logging/location.hpp"
#include "common/protocol/sock_addr.hpp"

#include <sys/stat.h>

namespace ctdb::conf::checks {

namespace {

std::string invalid_value(const option& which, std::string_view value) {
    return fmt::format("Invalid value for [{}] -> {} = {}", which.section, which.key, value);
}

refusal refuse(const option& which, std::string_view value, std::string expected) {
    refusal r;
    r.upstream = invalid_value(which, value);
    r.what = fmt::format("[{}] {} = {}", which.section, which.key, value);
    r.expected = std::move(expected);
    return r;
}

refusal refuse_path(const option& which, std::string upstream, std::string expected) {
    refusal r;
    r.what = fmt::format("[{}] {}", which.section, upstream);
    r.upstream = std::move(upstream);
    r.expected = std::move(expected);
    return r;
}

} // namespace

std::optional<refusal>
transport(const option& which, std::string_view value, const path::paths& /*where*/) {
    if (value == "tcp") {
        return std::nullopt;
    }
    return refuse(which, value, "expected tcp");
}

std::optional<refusal>
address(const option& which, std::string_view value, const path::paths& /*where*/) {
    if (protocol::parse_ip(value)) {
        return std::nullopt;
    }
    return refuse(which, value, "expected an IPv4 or IPv6 address without port");
}

std::optional<refusal>
directory(const option& which, std::string_view value, const path::paths& /*where*/) {
    struct stat about {};
    if (::stat(std::string(value).c_str(), &about) == 0 && S_ISDIR(about.st_mode)) {
        return std::nullopt;
    }
    return refuse_path(
        which,
        fmt::format("{} \"{}\" does not exist", which.key, value),
        "expected an existing directory"
    );
}

// Only the base name of the value counts, looked up in the configuration directory: upstream's
// rule.
std::optional<refusal>
script(const option& which, std::string_view value, const path::paths& where) {
    const std::string file = path::join(where.etc, value.substr(value.rfind('/') + 1));
    const std::string named = fmt::format("{} {}", which.key, file);
    struct stat about {};
    if (::stat(file.c_str(), &about) != 0) {
        return refuse_path(which, named + " does not exist", "expected an executable file");
    }
    if (!S_ISREG(about.st_mode)) {
        return refuse_path(which, named + " is not a file", "expected an executable file");
    }
    if ((about.st_mode & S_IXUSR) == 0) {
        return refuse_path(which, named + " is not executable", "expected chmod u+x");
    }
    return std::nullopt;
}

std::optional<refusal>
location(const option& which, std::string_view value, const path::paths& /*where*/) {
    const auto parsed = logging::parse_location(value);
    if (parsed && parsed->where != logging::target::file) {
        return std::nullopt;
    }
    refusal r = refuse(
        which,
        value,
        "expected file:PATH, syslog, syslog:nonblocking, syslog:udp or syslog:udp-rfc5424"
    );
    r.upstream.clear(); // upstream has no line of its own here
    if (!parsed) {
        return r;
    }
    const std::string_view file = parsed->path;
    const std::size_t slash = file.rfind('/');
    const std::string parent(
        slash == std::string_view::npos ? "." : file.substr(0, slash == 0 ? 1 : slash)
    );
    struct stat about {};
    if (::stat(parent.c_str(), &about) == 0 && S_ISDIR(about.st_mode)) {
        return std::nullopt;
    }
    r.expected = fmt::format("expected the directory {} to exist", parent);
    return r;
}

std::optional<refusal>
level(const option& which, std::string_view value, const path::paths& /*where*/) {
    if (parse_log_level(value)) {
        return std::nullopt;
    }
    refusal r = refuse(which, value, "expected ERROR, WARNING, NOTICE, INFO or DEBUG");
    r.upstream.clear();
    return r;
}

std::optional<refusal>
script_level(const option& which, std::string_view value, const path::paths& where) {
    auto refused = level(which, value, where);
    if (refused) {
        refused->upstream = invalid_value(which, value);
    }
    return refused;
}

std::optional<refusal>
above_zero(const option& which, std::string_view value, const path::paths& /*where*/) {
    if (value != "0") {
        return std::nullopt;
    }
    return refuse(which, value, "expected a number above 0");
}

std::optional<refusal>
program(const option& which, std::string_view value, const path::paths& /*where*/) {
    if (value.front() != '!' || !split_program(value).empty()) {
        return std::nullopt;
    }
    return refuse(which, value, "expected a program behind \"!\"");
}

} // namespace ctdb::conf::checks
