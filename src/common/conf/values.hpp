// Text to numbers and truth values, by upstream's rules (cluster.md 8.1). Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace ctdb::conf {

// true, yes, false, no in any case.
[[nodiscard]] std::optional<bool> parse_boolean(std::string_view text) noexcept;

// A C number (0x and 0 prefixes), 0 to 2^31-1; what follows it is ignored and text that is no
// number is 0: upstream's unit tests demand it. `sloppy` says that one of these happened, so that a
// warning can be given.
struct parsed_integer {
    std::optional<int> value; // nothing: negative or too large
    bool sloppy = false;
};
[[nodiscard]] parsed_integer parse_integer(std::string_view text) noexcept;

// The whole text must be an unsigned C number: values of tunables.
[[nodiscard]] std::optional<std::uint32_t> parse_unsigned(std::string_view text) noexcept;

} // namespace ctdb::conf
