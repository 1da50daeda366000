// answer<T>: what a control of the databases gives back: a reply, or a status other than 0 with the
// reason.
//
// -1 is the status of nearly every refusal; the few others (2 "trans3 commit ended by recovery")
// are written with refuse_with(). An answer_to<T> is called exactly once, at once or later from the
// loop, unless the object that holds it is destroyed first.
#pragma once

#include "common/base/ids.hpp"
#include "common/base/result.hpp"
#include "common/protocol/constants.hpp"

#include <cstdint>
#include <functional>
#include <string>

namespace ctdb::ctdbd {

struct refusal {
    std::int32_t status = protocol::status::failed; // never 0
    std::string text;                               // for the log and the asker
};

template <class T = void>
using answer = tl::expected<T, refusal>;

template <class T = void>
using answer_to = std::function<void(answer<T>)>;

template <class... Args>
[[nodiscard]] tl::unexpected<refusal>
refuse_with(std::int32_t status, fmt::format_string<Args...> format, Args&&... args) {
    return tl::unexpected<refusal>(refusal{status, fmt::format(format, std::forward<Args>(args)...)}
    );
}
template <class... Args>
[[nodiscard]] tl::unexpected<refusal> refuse(fmt::format_string<Args...> format, Args&&... args) {
    return refuse_with(protocol::status::failed, format, std::forward<Args>(args)...);
}
[[nodiscard]] inline tl::unexpected<refusal> refuse(const error& why) {
    return tl::unexpected<refusal>(refusal{protocol::status::failed, why.what});
}

// Who asks. `client` is set only for a client of this very node (databases.md 10.1).
struct asker {
    pnn node;
    client_id client;            // 0: a daemon
    ctdb::generation generation; // of the sender, from the packet's header
    protocol::control_flags flags;
    [[nodiscard]] bool is_own_client() const noexcept { return client.value != 0; }
};

} // namespace ctdb::ctdbd
