// What the clients of the cluster simulation keep: counters in a volatile database, a ledger of
// transactions in a persistent one.
#pragma once

#include "common/base/bytes.hpp"
#include "tests/simulation/support/memory_file.hpp"

#include <cstdint>
#include <string_view>
#include <vector>

namespace ctdb::simulation {

inline constexpr std::string_view volatile_name = "counters.tdb";
inline constexpr std::string_view persistent_name = "ledger.tdb";
inline constexpr std::uint32_t counter_keys = 3;

struct counter_value {
    std::uint64_t counter = 0;
    std::uint64_t stamp = 0; // 0: no such record
    bool operator==(const counter_value&) const = default;
};
[[nodiscard]] bytes encode_counter(const counter_value& value);
[[nodiscard]] counter_value decode_counter(byte_view data);
[[nodiscard]] bytes counter_key(std::uint32_t number);

// One node's copy of the ledger.
struct ledger {
    std::vector<std::uint64_t> first;
    std::vector<std::uint64_t> second;
    std::uint64_t sequence_number = 0;
    [[nodiscard]] bool has(std::uint64_t transaction) const;
};
[[nodiscard]] bytes ledger_key(int which);
[[nodiscard]] bytes encode_list(const std::vector<std::uint64_t>& list);
[[nodiscard]] ledger read_ledger(const memory_file& file);

} // namespace ctdb::simulation
