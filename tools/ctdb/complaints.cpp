#include "complaints.hpp"

#include <cerrno>
#include <system_error>

#include <fmt/format.h>

namespace ctdb::tool {

namespace {

// -1 and 1 are statuses of commands, not errno.
bool is_errno(int exit_code) {
    return exit_code > 1 && exit_code < 134; // EHWPOISON is the last
}

} // namespace

void complaints::add(const complaint& what, std::string_view line) {
    if (first_.kind == trouble::unknown) {
        first_.kind = what.kind;
    }
    if (first_.errno_value == 0) {
        first_.errno_value = what.errno_value;
    }
    if (!first_.node) {
        first_.node = what.node;
    }
    const std::size_t end = line.find_last_not_of(" \t\n");
    if (end == std::string_view::npos) {
        return;
    }
    text_ += fmt::format("{}{}", text_.empty() ? "" : "; ", line.substr(0, end + 1));
}

trouble complaints::kind(int exit_code) const {
    if (first_.kind != trouble::unknown) {
        return first_.kind;
    }
    switch (errno_value(exit_code)) {
    case EACCES:
    case EPERM:
        return trouble::permission;
    case ETIMEDOUT:
        return trouble::timeout;
    case EINVAL:
        return trouble::usage;
    default:
        return trouble::internal;
    }
}

int complaints::errno_value(int exit_code) const {
    if (first_.errno_value != 0) {
        return first_.errno_value;
    }
    return is_errno(exit_code) ? exit_code : 0;
}

std::string complaints::text(int exit_code) const {
    if (!text_.empty()) {
        return text_;
    }
    if (const int number = errno_value(exit_code); number != 0) {
        return std::generic_category().message(number);
    }
    return fmt::format("failed with status {}", exit_code);
}

std::string_view trouble_name(trouble kind) {
    switch (kind) {
    case trouble::daemon_unreachable:
        return "daemon_unreachable";
    case trouble::timeout:
        return "timeout";
    case trouble::no_such_node:
        return "no_such_node";
    case trouble::no_such_database:
        return "no_such_database";
    case trouble::node_inactive:
        return "node_inactive";
    case trouble::permission:
        return "permission";
    case trouble::usage:
        return "usage";
    case trouble::refused:
        return "refused";
    case trouble::unknown:
    case trouble::internal:
        break;
    }
    return "internal";
}

std::string_view hint_for(trouble kind) {
    switch (kind) {
    case trouble::daemon_unreachable:
        return "is ctdbd running? `ctdb status` on another node shows how the cluster sees this "
               "one";
    case trouble::timeout:
        return "the daemon's log says what keeps it; -t and -T give it more time";
    case trouble::no_such_node:
        return "`ctdb listnodes` lists the nodes";
    case trouble::no_such_database:
        return "`ctdb getdbmap` lists the databases";
    case trouble::node_inactive:
        return "`ctdb status` shows which nodes are active";
    case trouble::permission:
        return "run it as root";
    case trouble::usage:
        return "`ctdb` alone lists commands and their arguments";
    case trouble::refused:
        return "the log of that node's daemon says why";
    case trouble::unknown:
    case trouble::internal:
        break;
    }
    return "";
}

} // namespace ctdb::tool
