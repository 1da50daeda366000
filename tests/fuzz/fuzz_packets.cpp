// A packet as a peer or client might send it, the payload of its control or message included.
#include "common/protocol/packet.hpp"
#include "tests/unit/common/protocol/recode.hpp"

#include <cstdlib>

using namespace ctdb;

namespace {

void reply_payload(const protocol::reply_control& reply) {
    // a reply does not say what it answers: all of them must stand it
    for (std::uint32_t opcode = 0; opcode < 163; ++opcode) {
        static_cast<void>(protocol::test::recode_reply(opcode, reply.data));
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    bytes packet = to_bytes(std::as_bytes(std::span(data, size)));
    if (size >= protocol::header_size) {
        // frame it rightly, or hardly anything gets behind the header
        writer head;
        head.put(static_cast<std::uint32_t>(size));
        head.put(protocol::packet_magic);
        head.put(protocol::packet_version);
        std::memcpy(packet.data(), head.view().data(), head.size());
    }
    const auto once = protocol::test::recode_packet(packet);
    if (!once) {
        return 0;
    }
    const auto twice = protocol::test::recode_packet(*once);
    if (!twice || *twice != *once) {
        std::abort();
    }
    const auto decoded = protocol::decode_packet(packet);
    if (const auto* const reply = std::get_if<protocol::reply_control>(&decoded->body)) {
        reply_payload(*reply);
    }
    return 0;
}
