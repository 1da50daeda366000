// Layouts of types_address.hpp (wire-protocol.md 4.7).
#pragma once

#include "common/protocol/layout/layout.hpp"
#include "common/protocol/types_address.hpp"

#include <string_view>

namespace ctdb::protocol {

template <>
struct layout<public_ip> {
    static constexpr std::string_view name = "public_ip";
    template <class A, class T>
    static void describe(A& a, T& x) {
        a("pnn", x.pnn);
        a("addr", x.address);
    }
};

template <>
struct layout<public_ip_list> {
    static constexpr std::string_view name = "public_ip_list";
    template <class A, class T>
    static void describe(A& a, T& x) {
        counted(a, "ip", x.ips, 32);
    }
};

template <>
struct layout<iface> {
    static constexpr std::string_view name = "iface";
    template <class A, class T>
    static void describe(A& a, T& x) {
        a.fixed_text("name", x.name, 18);
        a("link_state", x.link_state);
        a("references", x.references);
    }
};

template <>
struct layout<iface_list> {
    static constexpr std::string_view name = "iface_list";
    template <class A, class T>
    static void describe(A& a, T& x) {
        counted(a, "iface", x.ifaces, 24);
    }
};

template <>
struct layout<public_ip_info> {
    static constexpr std::string_view name = "public_ip_info";
    template <class A, class T>
    static void describe(A& a, T& x) {
        a("ip", x.ip);
        a("active_idx", x.active_index);
        counted(a, "ifaces", x.ifaces, 24);
    }
};

template <>
struct layout<addr_info> {
    static constexpr std::string_view name = "addr_info";
    template <class A, class T>
    static void describe(A& a, T& x) {
        a("addr", x.address);
        a("mask", x.mask);
        a.terminated_text_n("iface", x.iface);
    }
};

template <>
struct layout<connection> {
    static constexpr std::string_view name = "connection";
    template <class A, class T>
    static void describe(A& a, T& x) {
        a("src", x.src);
        a("dst", x.dst);
    }
};

template <>
struct layout<connection_list> {
    static constexpr std::string_view name = "connection_list";
    template <class A, class T>
    static void describe(A& a, T& x) {
        counted(a, "conn", x.connections, 56);
    }
};

template <>
struct layout<tickle_list> {
    static constexpr std::string_view name = "tickle_list";
    template <class A, class T>
    static void describe(A& a, T& x) {
        a("addr", x.address);
        counted(a, "conn", x.connections, 56);
    }
};

} // namespace ctdb::protocol
