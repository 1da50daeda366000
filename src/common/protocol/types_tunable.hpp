// Tunables on the wire: one value, a name, all values, all names (4.8). The table of tunables is in
// tunables.hpp.
#pragma once

#include "common/protocol/codec.hpp"
#include "common/protocol/tunables.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace ctdb::protocol {

// SET_TUNABLE.
struct tunable {
    std::uint32_t value = 0;
    std::string name{};
    bool operator==(const tunable&) const = default;
};

// GET_TUNABLE.
struct tunable_name {
    std::string name{};
    bool operator==(const tunable_name&) const = default;
};

// LIST_TUNABLES: on the wire joined by ':'. A leading ':' (upstream's daemon sends one) is no empty
// name.
struct var_list {
    std::vector<std::string> names{};
    bool operator==(const var_list&) const = default;
};

template <>
struct codec<var_list> {
    static std::string_view name() noexcept { return "var_list"; }
    static void put(writer& out, const var_list& list);
    static void get(reader& in, var_list& list);
};

template <>
struct codec<tunable_list> {
    static std::string_view name() noexcept { return "tunable list"; }
    static void put(writer& out, const tunable_list& list);
    static void get(reader& in, tunable_list& list);
};

template <>
inline constexpr trailing trailing_bytes<tunable> = trailing::tolerated;
template <>
inline constexpr trailing trailing_bytes<tunable_name> = trailing::tolerated;
template <>
inline constexpr trailing trailing_bytes<var_list> = trailing::tolerated;

} // namespace ctdb::protocol
