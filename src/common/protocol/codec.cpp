#include "common/protocol/codec.hpp"

namespace ctdb::protocol {

void codec<std::string>::put(writer& out, const std::string& text) {
    out.put_bytes(view_of(text));
    out.put_zeros(1);
}

void codec<std::string>::get(reader& in, std::string& text) {
    const std::string_view all = text_of(in.take(in.remaining()));
    const std::size_t end = all.find('\0');
    if (end == std::string_view::npos) {
        in.reject();
        return;
    }
    text = all.substr(0, end);
}

void codec<std::optional<std::string>>::put(writer& out, const std::optional<std::string>& text) {
    if (text) {
        codec<std::string>::put(out, *text);
    }
}

void codec<std::optional<std::string>>::get(reader& in, std::optional<std::string>& text) {
    text.reset();
    if (in.remaining() > 0) {
        codec<std::string>::get(in, text.emplace());
    }
}

void codec<plain_text>::put(writer& out, const plain_text& value) {
    out.put_bytes(view_of(value.text));
}

void codec<plain_text>::get(reader& in, plain_text& value) {
    value.text = text_of(in.take(in.remaining()));
}

void codec<raw_bytes>::put(writer& out, const raw_bytes& value) {
    out.put_bytes(value.data);
}

void codec<raw_bytes>::get(reader& in, raw_bytes& value) {
    value.data = to_bytes(in.take(in.remaining()));
}

tl::unexpected<error> bad_payload(std::string_view type, std::size_t size) {
    return fail(EINVAL, "payload of {} bytes is no valid {}", size, type);
}

} // namespace ctdb::protocol
