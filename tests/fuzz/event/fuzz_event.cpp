// A packet of the event socket, from a client and from the daemon.
#include "common/event/event_protocol.hpp"

#include <cstdlib>
#include <span>

using namespace ctdb;

namespace {

template <class Decode>
void recode(byte_view packet, Decode decode) {
    const auto once = decode(packet);
    if (!once) {
        return;
    }
    const auto twice = decode(event::encode(*once));
    if (!twice || *twice != *once) {
        std::abort();
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    bytes packet = to_bytes(std::as_bytes(std::span(data, size)));
    if (packet.size() >= 4) { // a wrong length is refused at once
        const auto length = static_cast<std::uint32_t>(packet.size());
        std::memcpy(packet.data(), &length, sizeof(length));
    }
    recode(packet, event::decode_request);
    recode(packet, event::decode_reply);
    return 0;
}
