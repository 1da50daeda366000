// Words to values and values to words, by the rules of upstream's tool (cli.md 1.6, 2). Pure but
// for the time zone.
#pragma once

#include "common/base/bytes.hpp"
#include "common/protocol/constants.hpp"
#include "common/protocol/types_membership.hpp"
#include "common/protocol/types_record.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

namespace ctdb::tool {

// ---- node flags ----

// Made up by the tool: the flags of other nodes are not known yet.
inline constexpr std::uint32_t unknown_flag = 0x40;
[[nodiscard]] std::string flags_text(std::uint32_t flags); // "BANNED|INACTIVE", "OK"

[[nodiscard]] std::string_view run_state_name(protocol::run_state state) noexcept;
[[nodiscard]] std::optional<protocol::run_state> parse_run_state(std::string_view name) noexcept;

// ---- numbers ----

// As strtoul() with base 0: leading digits, the rest ignored, too big wraps; a minus sign or no
// digits at all: nothing.
[[nodiscard]] std::optional<std::uint32_t> lenient_u32(const std::string& text);
[[nodiscard]] std::optional<std::uint64_t> lenient_u64(const std::string& text);
// Where there is none: ERANGE if it does not fit 64 bits, else EINVAL.
[[nodiscard]] int why_no_number(const std::string& text);
// As atoi(): base 10, a sign, the rest ignored; 0 where there is no number.
[[nodiscard]] long decimal_or_zero(const std::string& text);

// "0x..." as hex, anything else as it is. The error is what upstream prints, two lines.
[[nodiscard]] tl::expected<bytes, std::string>
parse_data(std::string_view what, const std::string& text); // what: "key", "value"
// The same for a word that `rest` follows on its line: upstream's complaint shows both, one line.
[[nodiscard]] tl::expected<bytes, std::string>
parse_data_in_line(std::string_view word, std::string_view rest);

// -1 becomes 1, everything else is cut to eight bits.
[[nodiscard]] int exit_status(int code) noexcept;

// ---- output ----

// "|a|b|": each field followed by the separator, one in front.
[[nodiscard]] std::string
machine_line(std::string_view separator, const std::vector<std::string>& fields);
[[nodiscard]] std::string ctime_text(std::int64_t seconds);                 // no newline
[[nodiscard]] std::string age_text(std::int64_t seconds);                   // "(000 00:01:02)"
[[nodiscard]] std::string rfc3339_text(const protocol::time_value& moment); // UTC
[[nodiscard]] std::string escaped(byte_view data);                          // as catdb shows it
[[nodiscard]] std::string until_nul(byte_view data);                        // as printf shows it

[[nodiscard]] std::string record_flags_text(protocol::record_flags flags
); // "0x00010000 MIGRATED..."
// dmaster, rsn, flags and data lines.
[[nodiscard]] std::vector<std::string> record_flag_list(protocol::record_flags flags); // names
[[nodiscard]] std::string record_text(const protocol::record_header& header, byte_view data);
[[nodiscard]] std::string key_text(byte_view key);

} // namespace ctdb::tool
