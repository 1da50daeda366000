// flag_set<E>: the flag words of the wire. One mechanism for all: an enum class whose values are
// bits, opted in with `template <> inline constexpr bool is_flag_enum<node_flag> = true;`. Unknown
// bits survive decode and encode (9.4).
#pragma once

#include <type_traits>

namespace ctdb::protocol {

template <class E>
inline constexpr bool is_flag_enum = false;

template <class E>
struct flag_set {
    using rep = std::underlying_type_t<E>;
    rep value{};

    constexpr flag_set() noexcept = default;
    constexpr flag_set(E one) noexcept
        : value(static_cast<rep>(one)) {} // NOLINT(google-explicit-constructor): a flag is a set
    explicit constexpr flag_set(rep bits) noexcept : value(bits) {}

    [[nodiscard]] constexpr bool has(flag_set all) const noexcept {
        return (value & all.value) == all.value;
    }
    [[nodiscard]] constexpr bool has_any(flag_set some) const noexcept {
        return (value & some.value) != 0;
    }
    [[nodiscard]] constexpr bool none() const noexcept { return value == 0; }
    [[nodiscard]] constexpr flag_set without(flag_set some) const noexcept {
        return flag_set(static_cast<rep>(value & static_cast<rep>(~some.value)));
    }
    constexpr void set(flag_set some) noexcept { value = static_cast<rep>(value | some.value); }
    constexpr void clear(flag_set some) noexcept { *this = without(some); }

    friend constexpr flag_set operator|(flag_set a, flag_set b) noexcept {
        return flag_set(static_cast<rep>(a.value | b.value));
    }
    friend constexpr flag_set operator&(flag_set a, flag_set b) noexcept {
        return flag_set(static_cast<rep>(a.value & b.value));
    }
    constexpr flag_set& operator|=(flag_set other) noexcept { return *this = *this | other; }
    constexpr flag_set& operator&=(flag_set other) noexcept { return *this = *this & other; }
    friend constexpr bool operator==(flag_set, flag_set) noexcept = default;
};

template <class E>
requires is_flag_enum<E>
constexpr flag_set<E> operator|(E a, E b) noexcept {
    return flag_set<E>(a) | flag_set<E>(b);
}

} // namespace ctdb::protocol
