// Values to bytes and back: one trait, codec<T>, for every type of the protocol (wire-protocol.md
// 4, 9).
//
//   bytes whole = encode(value);                         // a whole payload
//   result<node_map> map = decode<node_map>(payload);    // EINVAL on anything that is not one
//   put(out, value); get(in, value);                     // embedded: inside a bigger structure
//
// get() reads what belongs to the value and leaves the reader failed if that was impossible.
// decode() also judges what follows: nothing may follow a type of fixed size or one that ends with
// the payload; more bytes may follow types that know their own end (`trailing_bytes<T>`). Nothing
// is allocated for a count before it was compared with the rest. The layouts are instantiated in
// codec_*.cpp only, so including this header is cheap.
#pragma once

#include "common/base/bytes.hpp"
#include "common/base/ids.hpp"
#include "common/base/result.hpp"
#include "common/protocol/flags.hpp"

#include <concepts>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

namespace ctdb::protocol {

// No payload: zero bytes.
struct none {
    friend constexpr bool operator==(none, none) noexcept = default;
};

// Text that fills the payload without a terminating NUL (DUMP_MEMORY, the answer to MEM_DUMP).
struct plain_text {
    std::string text{};
    bool operator==(const plain_text&) const = default;
};

// Payload whose meaning is the receiver's own business.
struct raw_bytes {
    bytes data{};
    bool operator==(const raw_bytes&) const = default;
};

enum class trailing { refused, tolerated };
template <class T>
inline constexpr trailing trailing_bytes = trailing::refused;

// Structures: defined from their layouts in codec_*.cpp.
template <class T>
struct codec {
    static std::string_view name() noexcept;
    static void put(writer& out, const T& value);
    static void get(reader& in, T& value);
};

template <class T>
requires std::is_arithmetic_v<T> || std::is_enum_v<T>
struct codec<T> {
    static std::string_view name() noexcept { return "number"; }
    static void put(writer& out, T value) { out.put(value); }
    static void get(reader& in, T& value) { value = in.get<T>(); }
};

// One byte, 0 or 1, anything else is refused (9.3).
template <>
struct codec<bool> {
    static std::string_view name() noexcept { return "boolean"; }
    static void put(writer& out, bool value) { out.put<std::uint8_t>(value ? 1 : 0); }
    static void get(reader& in, bool& value) {
        const auto raw = in.get<std::uint8_t>();
        value = raw == 1;
        if (raw > 1) {
            in.reject();
        }
    }
};

template <class Tag, class Rep>
struct codec<strong_id<Tag, Rep>> {
    static std::string_view name() noexcept { return "number"; }
    static void put(writer& out, strong_id<Tag, Rep> id) { out.put(id.value); }
    static void get(reader& in, strong_id<Tag, Rep>& id) { id.value = in.get<Rep>(); }
};

template <class E>
struct codec<flag_set<E>> {
    using rep = typename flag_set<E>::rep;
    static std::string_view name() noexcept { return "flags"; }
    static void put(writer& out, flag_set<E> flags) { out.put(flags.value); }
    static void get(reader& in, flag_set<E>& flags) { flags.value = in.get<rep>(); }
};

template <>
struct codec<none> {
    static std::string_view name() noexcept { return "empty payload"; }
    static void put(writer&, none) {}
    static void get(reader&, none&) {}
};

// Bare string: takes the whole rest; it must contain a NUL, the text ends at the first one.
template <>
struct codec<std::string> {
    static std::string_view name() noexcept { return "string"; }
    static void put(writer& out, const std::string& text);
    static void get(reader& in, std::string& text);
};

// Bare string where zero bytes mean "none" (GET_RECLOCK_FILE, DB_GET_HEALTH).
template <>
struct codec<std::optional<std::string>> {
    static std::string_view name() noexcept { return "string or nothing"; }
    static void put(writer& out, const std::optional<std::string>& text);
    static void get(reader& in, std::optional<std::string>& text);
};

template <>
struct codec<plain_text> {
    static std::string_view name() noexcept { return "text"; }
    static void put(writer& out, const plain_text& value);
    static void get(reader& in, plain_text& value);
};

template <>
struct codec<raw_bytes> {
    static std::string_view name() noexcept { return "bytes"; }
    static void put(writer& out, const raw_bytes& value);
    static void get(reader& in, raw_bytes& value);
};

template <class T>
void put(writer& out, const T& value) {
    codec<T>::put(out, value);
}

template <class T>
void get(reader& in, T& value) {
    codec<T>::get(in, value);
}

template <class T>
[[nodiscard]] bytes encode(const T& value) {
    writer out;
    codec<T>::put(out, value);
    return out.take();
}

[[nodiscard]] tl::unexpected<error> bad_payload(std::string_view type, std::size_t size);

template <class T>
[[nodiscard]] result<T> decode(byte_view payload) {
    reader in(payload);
    T value{};
    codec<T>::get(in, value);
    const bool complete = in.remaining() == 0 || trailing_bytes<T> == trailing::tolerated;
    if (!in.ok() || !complete) {
        return bad_payload(codec<T>::name(), payload.size());
    }
    return value;
}

} // namespace ctdb::protocol
