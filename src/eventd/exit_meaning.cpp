#include "eventd/exit_meaning.hpp"

#include "common/event/event_protocol.hpp"

#include <algorithm>
#include <array>
#include <cerrno>

#include <sys/wait.h>

namespace ctdb::eventd {

namespace {

constexpr int errno_offset = 64;
constexpr int errno_status_max = 254;
constexpr std::array<std::string_view, 4> our_components{
    "cluster", "service", "failover", "notification"};

std::int32_t meaning_of_reserved_status(int status) noexcept {
    const int code = status - errno_offset;
    if (code == EACCES || code == ENOENT) { // ENOENT: since 4.22; before it stopped the run
        return event::result_disabled;
    }
    return -code;
}

} // namespace

exit_rule rule_of(std::string_view component) noexcept {
    const auto* const found = std::find(our_components.begin(), our_components.end(), component);
    return found == our_components.end() ? exit_rule::errno_above_64 : exit_rule::plain;
}

std::int32_t meaning_of_exit(int wait_status, exit_rule rule) noexcept {
    if (!WIFEXITED(wait_status)) {
        return -EINTR;
    }
    const int status = WEXITSTATUS(wait_status);
    const bool reserved = status >= errno_offset && status <= errno_status_max;
    if (rule == exit_rule::errno_above_64 && reserved) {
        return meaning_of_reserved_status(status);
    }
    return status;
}

std::int32_t meaning_of_failed_start(int code, script_file file) noexcept {
    if (code == EACCES || (code == ENOENT && file == script_file::vanished)) {
        return event::result_disabled;
    }
    return -code;
}

} // namespace ctdb::eventd
