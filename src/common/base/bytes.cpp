#include "common/base/bytes.hpp"

#include "common/base/ensure.hpp"

#include <array>

namespace ctdb {

byte_view view_of(std::string_view text) noexcept {
    return std::as_bytes(std::span(text.data(), text.size()));
}

bytes to_bytes(std::string_view text) {
    return to_bytes(view_of(text));
}

bytes to_bytes(byte_view view) {
    return {view.begin(), view.end()};
}

std::string_view text_of(byte_view view) noexcept {
    return {reinterpret_cast<const char*>(view.data()), view.size()};
}

std::string to_hex(byte_view view) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string out;
    out.reserve(2 * view.size());
    for (const std::byte b : view) {
        const auto value = std::to_integer<unsigned>(b);
        out.push_back(digits[value >> 4U]);
        out.push_back(digits[value & 15U]);
    }
    return out;
}

namespace {

int hex_digit(char c) noexcept {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

} // namespace

bool from_hex(std::string_view hex, bytes& out) {
    out.clear();
    if (hex.size() % 2 != 0) {
        return false;
    }
    out.reserve(hex.size() / 2);
    for (std::size_t i = 0; i < hex.size(); i += 2) {
        const int high = hex_digit(hex[i]);
        const int low = hex_digit(hex[i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        out.push_back(static_cast<std::byte>(high * 16 + low));
    }
    return true;
}

byte_view reader::take(std::size_t size) noexcept {
    if (!ok_ || size > rest_.size()) {
        ok_ = false;
        return {};
    }
    const byte_view taken = rest_.first(size);
    rest_ = rest_.subspan(size);
    return taken;
}

void writer::append(const void* data, std::size_t size) {
    if (size == 0) {
        return;
    }
    const std::size_t at = out_.size();
    out_.resize(at + size);
    std::memcpy(out_.data() + at, data, size);
}

void writer::pad_to(std::size_t multiple) {
    ensure(multiple > 0);
    put_zeros((multiple - out_.size() % multiple) % multiple);
}

void writer::patch_u32(std::size_t at, std::uint32_t value) {
    ensure(at + sizeof(value) <= out_.size());
    std::memcpy(out_.data() + at, &value, sizeof(value));
}

} // namespace ctdb
