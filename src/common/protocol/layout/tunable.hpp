// Layouts of types_tunable.hpp (wire-protocol.md 4.8).
#pragma once

#include "common/protocol/layout/layout.hpp"
#include "common/protocol/types_tunable.hpp"

#include <string_view>

namespace ctdb::protocol {

template <>
struct layout<tunable> {
    static constexpr std::string_view name = "tunable";
    template <class A, class T>
    static void describe(A& a, T& x) {
        a("value", x.value);
        a.text_n("name", x.name);
    }
};

template <>
struct layout<tunable_name> {
    static constexpr std::string_view name = "tunable name";
    template <class A, class T>
    static void describe(A& a, T& x) {
        a.text_n("name", x.name);
    }
};

} // namespace ctdb::protocol
