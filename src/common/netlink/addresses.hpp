// Links and addresses of this network namespace.
#pragma once

#include "common/netlink/request.hpp"
#include "common/protocol/sock_addr.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace ctdb::netlink {

struct link {
    int index = 0;
    std::string name;
    std::vector<std::string> other_names; // altnames
    bool up = false;                      // administratively
    bool carrier = false;                 // the cable is in (IFF_LOWER_UP)
    bool loopback = false;
    bool arp = true;
    std::uint16_t hardware_type = 0;    // ARPHRD_*
    std::vector<std::uint8_t> hardware; // address
    [[nodiscard]] bool usable() const noexcept { return up && carrier; }
};

inline constexpr std::uint32_t forever = 0xFFFFFFFF;

struct kernel_address {
    protocol::sock_addr address; // port 0
    std::uint32_t prefix_bits = 0;
    int link_index = 0;
    std::uint32_t valid_seconds = forever; // left
    bool operator==(const kernel_address&) const = default;
};

[[nodiscard]] const link* find_link(const std::vector<link>& links, std::string_view name);
[[nodiscard]] const link* find_link(const std::vector<link>& links, int index);

class address_table {
public:
    static result<address_table> open();

    [[nodiscard]] result<std::vector<link>> links();
    [[nodiscard]] result<std::vector<kernel_address>> addresses();

    // Adds, or gives an address that is there its new lifetime. IPv6 without duplicate detection.
    // One errno for each.
    [[nodiscard]] result<std::vector<int>> add(const std::vector<kernel_address>& wanted);
    // EADDRNOTAVAIL for those that are not there.
    [[nodiscard]] result<std::vector<int>> remove(const std::vector<kernel_address>& unwanted);
    [[nodiscard]] result<> set_up(int link_index);

private:
    explicit address_table(request_socket socket) noexcept : socket_(std::move(socket)) {}
    request_socket socket_;
};

} // namespace ctdb::netlink
