// Tells systemd, if it started us with Type=notify, what we are doing. Without one, nothing
// happens. The protocol (sd_notify(3)) is one datagram, so no library is needed.
#pragma once

#include <string_view>

namespace ctdb::daemon {

// `state` as in sd_notify(3): "READY=1", "STOPPING=1", "STATUS=...". Never fails visibly: the
// service manager's absence must not stop a daemon.
void tell_service_manager(std::string_view state) noexcept;

// Started by a service manager that supervises us (systemd sets INVOCATION_ID).
[[nodiscard]] bool under_service_manager() noexcept;

} // namespace ctdb::daemon
