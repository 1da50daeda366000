// Messages of our own: histories of databases and failover rounds between nodes, provider packets
// between daemons. The first byte picks the decoder (make_private_corpus.cpp writes the same ones).
#include "common/provider/messages.hpp"
#include "ctdbd/database/lineage.hpp"
#include "failoverd/messages.hpp"

#include <array>
#include <cstdlib>
#include <cstring>
#include <span>

using namespace ctdb;

namespace {

// Decoded and encoded again; nothing: refused.
using recode_function = result<bytes> (*)(byte_view);

template <auto Decode>
result<bytes> recode(byte_view data) {
    const auto value = Decode(data);
    if (!value) {
        return pass(value);
    }
    return encode(*value);
}

result<bytes> recode_lineage(byte_view data) {
    reader in(data);
    const ctdbd::lineage value = ctdbd::get_lineage(in);
    if (!in.ok() || in.remaining() != 0) {
        return fail(EBADMSG, "malformed lineage");
    }
    writer out;
    ctdbd::put(out, value);
    return out.take();
}

result<bytes> recode_failover(byte_view data) {
    const auto value = failoverd::decode(data);
    if (!value) {
        return pass(value);
    }
    return failoverd::encode(value->origin, value->message);
}

result<bytes> recode_provider(byte_view data) {
    bytes packet = to_bytes(data);
    if (packet.size() >= 4) { // a wrong length is refused at once
        const auto length = static_cast<std::uint32_t>(packet.size());
        std::memcpy(packet.data(), &length, sizeof(length));
    }
    const auto value = provider::decode(packet);
    if (!value) {
        return pass(value);
    }
    return provider::encode(value->number, value->message);
}

constexpr std::array<recode_function, 8> decoders{
    recode_lineage,
    recode<ctdbd::decode_lineage_question>,
    recode<ctdbd::decode_lineage_answer>,
    recode<ctdbd::decode_epoch_number>,
    recode<ctdbd::decode_lineage_verdict>,
    recode_failover,
    recode<failoverd::decode_released_all>,
    recode_provider};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) {
        return 0;
    }
    const recode_function recode_it = decoders[data[0] % decoders.size()];
    const bytes payload = to_bytes(std::as_bytes(std::span(data + 1, size - 1)));
    const auto once = recode_it(payload);
    if (!once) {
        return 0;
    }
    const auto twice = recode_it(*once);
    if (!twice || *twice != *once) {
        std::abort();
    }
    return 0;
}
