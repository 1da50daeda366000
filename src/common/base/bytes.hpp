// Bytes from outside and to outside: bounds-checked reader, growing writer. All integers
// little-endian (wire-protocol.md 0).
//
// reader: a cursor over a view that it does not own; after the first failure every later get()
// fails too, so a decoder may read a whole structure and ask ok() once. Nothing is allocated on
// behalf of a length before it was compared with what remains.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace ctdb {

static_assert(std::endian::native == std::endian::little, "the wire is little-endian memory");

using bytes = std::vector<std::byte>;
using byte_view = std::span<const std::byte>;

[[nodiscard]] byte_view view_of(std::string_view text) noexcept; // the characters, no NUL
[[nodiscard]] bytes to_bytes(std::string_view text);             // the characters, no NUL
[[nodiscard]] bytes to_bytes(byte_view view);
[[nodiscard]] std::string_view text_of(byte_view view) noexcept; // all bytes as characters
[[nodiscard]] std::string to_hex(byte_view view);                // lower case
[[nodiscard]] bool from_hex(std::string_view hex, bytes& out);   // false: odd length or not hex

class reader {
public:
    explicit reader(byte_view input) noexcept : rest_(input) {}

    template <class T>
    requires std::is_arithmetic_v<T> || std::is_enum_v<T>
    [[nodiscard]] T get() noexcept {
        T value{};
        if (const byte_view raw = take(sizeof(T)); raw.size() == sizeof(T)) {
            std::memcpy(&value, raw.data(), sizeof(T));
        }
        return value;
    }
    // The next `size` bytes; an empty view and failure if fewer remain.
    [[nodiscard]] byte_view take(std::size_t size) noexcept;
    void skip(std::size_t size) noexcept { static_cast<void>(take(size)); }
    void reject() noexcept { ok_ = false; } // a decoder's own check failed

    [[nodiscard]] bool ok() const noexcept { return ok_; }
    [[nodiscard]] std::size_t remaining() const noexcept { return rest_.size(); }
    [[nodiscard]] byte_view rest() const noexcept { return rest_; }

private:
    byte_view rest_;
    bool ok_ = true;
};

class writer {
public:
    writer() = default;
    explicit writer(std::size_t expected_size) { out_.reserve(expected_size); }

    template <class T>
    requires std::is_arithmetic_v<T> || std::is_enum_v<T>
    void put(T value) { append(&value, sizeof(T)); }
    void put_bytes(byte_view view) { append(view.data(), view.size()); }
    void put_zeros(std::size_t count) { out_.resize(out_.size() + count); }
    void pad_to(std::size_t multiple);                   // zero-filled
    void patch_u32(std::size_t at, std::uint32_t value); // Requires: at + 4 <= size()

    [[nodiscard]] std::size_t size() const noexcept { return out_.size(); }
    [[nodiscard]] byte_view view() const noexcept { return out_; }
    [[nodiscard]] bytes take() noexcept { return std::move(out_); }

private:
    void append(const void* data, std::size_t size);
    bytes out_;
};

} // namespace ctdb
