// The file public_addresses: which addresses this node could host, and on which interfaces
// (failover.md 1).
//
// `ADDRESS/BITS INTERFACE[,INTERFACE...]`, more words are ignored; `#` begins a comment line.
// Whether the interfaces exist is asked of the system by failoverd, not here.
#pragma once

#include "common/base/result.hpp"
#include "common/conf/diagnostic.hpp"
#include "common/protocol/sock_addr.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ctdb::conf {

struct public_address {
    protocol::sock_addr address; // port 0
    std::uint32_t prefix_bits = 0;
    std::vector<std::string> interfaces; // at least one
    int line = 0;
    bool operator==(const public_address&) const = default;
};

struct parsed_public_addresses {
    std::vector<public_address> addresses; // in the order of the file
    std::vector<diagnostic> findings;
};
inline constexpr std::size_t public_addresses_max = 65536; // limit of one node's file

[[nodiscard]] parsed_public_addresses parse_public_addresses(std::string_view text);

// "10.0.2.31/24": for `ctdb addip` and scripts, too. EINVAL.
struct address_and_mask {
    protocol::sock_addr address;
    std::uint32_t prefix_bits = 0;
};
[[nodiscard]] result<address_and_mask> parse_address_and_mask(std::string_view text);

// A missing file means no addresses, with a warning. Wrong lines are all logged as FILE:LINE, then
// EINVAL.
[[nodiscard]] result<std::vector<public_address>> load_public_addresses(const std::string& file);

} // namespace ctdb::conf
