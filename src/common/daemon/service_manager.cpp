#include "common/daemon/service_manager.hpp"

#include "common/base/unique_fd.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdlib>

#include <sys/socket.h>
#include <sys/un.h>

namespace ctdb::daemon {

void tell_service_manager(std::string_view state) noexcept {
    const char* const named = std::getenv("NOTIFY_SOCKET"); // NOLINT(concurrency-mt-unsafe)
    const std::string_view path = named == nullptr ? std::string_view() : named;
    sockaddr_un address{};
    if (path.empty() || path.size() >= sizeof(address.sun_path)) {
        return;
    }
    address.sun_family = AF_UNIX;
    std::copy(path.begin(), path.end(), address.sun_path);
    if (address.sun_path[0] == '@') {
        address.sun_path[0] = '\0'; // abstract socket
    }
    const unique_fd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
    static_cast<void>(::sendto(
        fd.get(),
        state.data(),
        state.size(),
        MSG_NOSIGNAL,
        reinterpret_cast<const sockaddr*>(&address),
        size
    ));
}

bool under_service_manager() noexcept {
    return std::getenv("INVOCATION_ID") != nullptr; // NOLINT(concurrency-mt-unsafe)
}

} // namespace ctdb::daemon
