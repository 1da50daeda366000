// Layouts of types_record.hpp (wire-protocol.md 4.5); records and buffers are in record_buffer.cpp.
#pragma once

#include "common/protocol/layout/layout.hpp"
#include "common/protocol/types_record.hpp"

#include <string_view>

namespace ctdb::protocol {

template <>
struct layout<record_header> {
    static constexpr std::string_view name = "record header";
    template <class A, class T>
    static void describe(A& a, T& x) {
        a("rsn", x.rsn);
        a("dmaster", x.dmaster);
        a("reserved1", x.reserved);
        a("flags", x.flags);
        a.pad(4);
    }
};

template <>
struct layout<key_data> {
    static constexpr std::string_view name = "key_data";
    template <class A, class T>
    static void describe(A& a, T& x) {
        a("db_id", x.db_id);
        a.pad(4);
        a("header", x.header);
        a.blob("key", x.key);
    }
};

template <>
struct layout<pushed_record> {
    static constexpr std::string_view name = "push_record";
    template <class A, class T>
    static void describe(A& a, T& x) {
        a("generation", x.generation);
        a("db_id", x.db_id);
        a("hdr", x.header);
        a.blob("key", x.key);
        a.blob("value", x.value);
    }
};

} // namespace ctdb::protocol
