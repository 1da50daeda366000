// Sending packets: one block of memory per packet, sized beforehand.
#include "common/base/ensure.hpp"
#include "common/protocol/packet.hpp"

#include <algorithm>
#include <limits>

namespace ctdb::protocol {
namespace {

// What upstream calls sizeof the C structure: daemons never send less (1.3).
struct sizes {
    std::size_t fixed;
    std::size_t c_structure;
};

std::size_t round_up_8(std::size_t size) noexcept {
    return (size + 7) / 8 * 8;
}

std::size_t total_size(const sizes& s, std::size_t data, framing f) noexcept {
    const std::size_t exact = s.fixed + data;
    switch (f) {
    case framing::exact:
        return exact;
    case framing::padded:
        return round_up_8(exact);
    case framing::daemon:
        break;
    }
    return round_up_8(std::max(exact, s.c_structure));
}

std::uint32_t length32(std::size_t size) noexcept {
    ensure(size <= std::numeric_limits<std::uint32_t>::max());
    return static_cast<std::uint32_t>(size);
}

// Fills a zeroed block from front to back.
class packet_writer {
public:
    packet_writer(const packet_header& header, operation op, std::size_t total) : out_(total) {
        put(length32(total));
        put(packet_magic);
        put(packet_version);
        put(header.generation.value);
        put(op);
        put(header.destnode.value);
        put(header.srcnode.value);
        put(header.reqid.value);
    }

    template <class T>
    packet_writer& put(T value) noexcept {
        return store(&value, sizeof(value));
    }
    packet_writer& size_of(byte_view data) noexcept { return put(length32(data.size())); }
    packet_writer& data(byte_view data) noexcept { return store(data.data(), data.size()); }
    packet_writer& skip(std::size_t size) noexcept {
        at_ += size;
        return *this;
    }
    bytes take() noexcept { return std::move(out_); }

private:
    packet_writer& store(const void* from, std::size_t size) noexcept {
        ensure(size <= out_.size() - at_);
        if (size > 0) {
            std::memcpy(out_.data() + at_, from, size);
        }
        return skip(size);
    }

    bytes out_;
    std::size_t at_ = 0;
};

void patch(bytes& packet, std::size_t at, std::uint32_t value) noexcept {
    ensure(packet.size() >= header_size);
    std::memcpy(packet.data() + at, &value, sizeof(value));
}

std::size_t trailer_size(const std::optional<record_flags>& flags) noexcept {
    return flags ? sizeof(flags->value) : 0;
}

} // namespace

bytes encode(const packet_header& header, const req_call& body, framing f) {
    const std::size_t total = total_size({56, 60}, body.key.size() + body.call_data.size(), f);
    packet_writer out(header, operation::req_call, total);
    out.put(body.flags.value).put(body.db_id.value).put(body.call_id).put(body.hopcount);
    out.size_of(body.key).size_of(body.call_data).data(body.key).data(body.call_data);
    return out.take();
}

bytes encode(const packet_header& header, const reply_call& body, framing f) {
    packet_writer out(header, operation::reply_call, total_size({40, 44}, body.data.size(), f));
    out.put(body.status).size_of(body.data).data(body.data);
    return out.take();
}

bytes encode(const packet_header& header, const req_dmaster& body, framing f) {
    const std::size_t data = body.key.size() + body.data.size() + trailer_size(body.flags);
    packet_writer out(header, operation::req_dmaster, total_size({60, 64}, data, f));
    out.put(body.db_id.value).skip(4).put(body.rsn.value).put(body.dmaster.value);
    out.size_of(body.key).size_of(body.data).data(body.key).data(body.data);
    if (body.flags) {
        out.put(body.flags->value);
    }
    return out.take();
}

bytes encode(const packet_header& header, const reply_dmaster& body, framing f) {
    const std::size_t data = body.key.size() + body.data.size() + trailer_size(body.flags);
    packet_writer out(header, operation::reply_dmaster, total_size({56, 64}, data, f));
    out.put(body.db_id.value).skip(4).put(body.rsn.value);
    out.size_of(body.key).size_of(body.data).data(body.key).data(body.data);
    if (body.flags) {
        out.put(body.flags->value);
    }
    return out.take();
}

bytes encode(const packet_header& header, const reply_error& body, framing f) {
    packet_writer out(header, operation::reply_error, total_size({40, 44}, body.message.size(), f));
    out.put(body.status).size_of(body.message).data(body.message);
    return out.take();
}

bytes encode(const packet_header& header, const req_message& body, framing f) {
    packet_writer out(header, operation::req_message, total_size({44, 48}, body.data.size(), f));
    out.put(body.srvid.value).size_of(body.data).data(body.data);
    return out.take();
}

bytes encode(const packet_header& header, const req_control& body, framing f) {
    packet_writer out(header, operation::req_control, total_size({60, 64}, body.data.size(), f));
    out.put(body.opcode).put(body.padding).put(body.srvid.value).put(body.client_id.value);
    out.put(body.flags.value).size_of(body.data).data(body.data);
    return out.take();
}

bytes encode(const packet_header& header, const reply_control& body, framing f) {
    const std::size_t data = body.data.size() + body.error_text.size();
    packet_writer out(header, operation::reply_control, total_size({44, 48}, data, f));
    out.put(body.status).size_of(body.data).size_of(body.error_text);
    out.data(body.data).data(body.error_text);
    return out.take();
}

bytes encode(const packet_header& header, const keepalive& body, framing f) {
    packet_writer out(header, operation::keepalive, total_size({40, 40}, 0, f));
    out.put(body.version).put(body.uptime_s);
    return out.take();
}

bytes encode(const packet_header& header, const req_tunnel& body, framing f) {
    packet_writer out(header, operation::req_tunnel, total_size({48, 56}, body.data.size(), f));
    out.put(body.tunnel_id).put(body.flags.value).size_of(body.data).data(body.data);
    return out.take();
}

bytes encode(const packet_header& header, const packet_body& body, framing f) {
    return std::visit([&](const auto& one) { return encode(header, one, f); }, body);
}

operation operation_of(const packet_body& body) noexcept {
    constexpr operation by_index[] = {
        operation::req_call,
        operation::reply_call,
        operation::req_dmaster,
        operation::reply_dmaster,
        operation::reply_error,
        operation::req_message,
        operation::req_control,
        operation::reply_control,
        operation::keepalive,
        operation::req_tunnel};
    static_assert(std::size(by_index) == std::variant_size_v<packet_body>);
    return by_index[body.index()];
}

void patch_destnode(bytes& packet, pnn destnode) noexcept {
    patch(packet, 20, destnode.value);
}
void patch_srcnode(bytes& packet, pnn srcnode) noexcept {
    patch(packet, 24, srcnode.value);
}
void patch_reqid(bytes& packet, ctdb::reqid reqid) noexcept {
    patch(packet, 28, reqid.value);
}
void patch_generation(bytes& packet, ctdb::generation generation) noexcept {
    patch(packet, 12, generation.value);
}

} // namespace ctdb::protocol
