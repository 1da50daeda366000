#include "text.hpp"

#include <array>
#include <cctype>
#include <cerrno>
#include <cstdlib>
#include <ctime>
#include <utility>

#include <fmt/format.h>

#include <strings.h>

namespace ctdb::tool {

namespace {

using named_bit = std::pair<std::uint32_t, std::string_view>;

constexpr std::uint32_t inactive_bits = protocol::inactive_mask.value;
constexpr std::array<named_bit, 8> node_flag_names{{
    {0x01, "DISCONNECTED"},
    {unknown_flag, "UNKNOWN"},
    {0x04, "DISABLED"},
    {0x08, "BANNED"},
    {0x02, "UNHEALTHY"},
    {0x10, "DELETED"},
    {0x20, "STOPPED"},
    {inactive_bits, "INACTIVE"},
}};

// The first two are shown since 4.18 or so; upstream 4.17 has the rest.
constexpr std::array<named_bit, 9> record_flag_names{{
    {0x00000001, "PERSISTENT"},
    {0x00000002, "PERSISTENT_IN_PROGRESS"},
    {0x00010000, "MIGRATED_WITH_DATA"},
    {0x00020000, "VACUUM_MIGRATED"},
    {0x00040000, "AUTOMATIC"},
    {0x01000000, "RO_HAVE_DELEGATIONS"},
    {0x02000000, "RO_HAVE_READONLY"},
    {0x04000000, "RO_REVOKING_READONLY"},
    {0x08000000, "RO_REVOKE_COMPLETE"},
}};

constexpr std::array<std::pair<protocol::run_state, std::string_view>, 7> run_state_names{{
    {protocol::run_state::unknown, "UNKNOWN"},
    {protocol::run_state::init, "INIT"},
    {protocol::run_state::setup, "SETUP"},
    {protocol::run_state::first_recovery, "FIRST_RECOVERY"},
    {protocol::run_state::startup, "STARTUP"},
    {protocol::run_state::running, "RUNNING"},
    {protocol::run_state::shutdown, "SHUTDOWN"},
}};

constexpr bool is_plain(char c) noexcept {
    return c >= 0x20 && c < 0x7F && c != '"' && c != '\\';
}

} // namespace

std::string flags_text(std::uint32_t flags) {
    std::string text;
    for (const auto& [bits, name] : node_flag_names) {
        if ((flags & bits) != 0) {
            text += text.empty() ? "" : "|";
            text += name;
        }
    }
    return text.empty() ? "OK" : text;
}

std::string_view run_state_name(protocol::run_state state) noexcept {
    for (const auto& [value, name] : run_state_names) {
        if (value == state) {
            return name;
        }
    }
    return "UNKNOWN";
}

std::optional<protocol::run_state> parse_run_state(std::string_view name) noexcept {
    for (const auto& [value, known] : run_state_names) {
        if (known.size() == name.size() &&
            ::strncasecmp(known.data(), name.data(), name.size()) == 0) {
            return value;
        }
    }
    return std::nullopt;
}

std::optional<std::uint64_t> lenient_u64(const std::string& text) {
    if (text.find('-') < text.find_first_of("0123456789")) {
        return std::nullopt;
    }
    char* end = nullptr;
    errno = 0;
    const unsigned long long value = std::strtoull(text.c_str(), &end, 0);
    if (end == text.c_str() || errno == ERANGE) {
        return std::nullopt;
    }
    return value;
}

std::optional<std::uint32_t> lenient_u32(const std::string& text) {
    const auto value = lenient_u64(text);
    return value ? std::optional(static_cast<std::uint32_t>(*value)) : std::nullopt;
}

int why_no_number(const std::string& text) {
    const bool negative = text.find('-') < text.find_first_of("0123456789");
    errno = 0;
    static_cast<void>(std::strtoull(text.c_str(), nullptr, 0));
    return !negative && errno == ERANGE ? ERANGE : EINVAL;
}

int exit_status(int code) noexcept {
    return code == -1 ? 1 : code & 0xFF;
}

long decimal_or_zero(const std::string& text) {
    return std::strtol(text.c_str(), nullptr, 10);
}

tl::expected<bytes, std::string> parse_data_in_line(std::string_view word, std::string_view rest) {
    if (!word.starts_with("0x")) {
        return to_bytes(word);
    }
    const std::string_view digits = word.substr(2);
    bytes out;
    if (digits.size() % 2 != 0) {
        const auto text = fmt::format("Key ({}{}) contains odd number of hex digits", digits, rest);
        return tl::unexpected<std::string>(text);
    }
    if (from_hex(digits, out)) {
        return out;
    }
    std::size_t good = 0;
    while (std::isxdigit(static_cast<unsigned char>(digits[good])) != 0 &&
           std::isxdigit(static_cast<unsigned char>(digits[good + 1])) != 0) {
        good += 2;
    }
    return tl::unexpected<std::string>(fmt::format("Invalid hex: {}{}", digits.substr(good), rest));
}

tl::expected<bytes, std::string> parse_data(std::string_view what, const std::string& text) {
    auto data = parse_data_in_line(text, {});
    if (!data) {
        data.error() += fmt::format("\nFailed to parse {} {}", what, text);
    }
    return data;
}

std::string machine_line(std::string_view separator, const std::vector<std::string>& fields) {
    std::string line(separator);
    for (const std::string& field : fields) {
        line += field;
        line += separator;
    }
    return line;
}

std::string ctime_text(std::int64_t seconds) {
    const auto moment = static_cast<std::time_t>(seconds);
    std::tm broken{};
    ::localtime_r(&moment, &broken);
    std::array<char, 64> text{};
    const std::size_t size =
        std::strftime(text.data(), text.size(), "%a %b %e %H:%M:%S %Y", &broken);
    return {text.data(), size};
}

std::string age_text(std::int64_t seconds) {
    return fmt::format(
        "({:03} {:02}:{:02}:{:02})",
        seconds / 86400,
        seconds / 3600 % 24,
        seconds / 60 % 60,
        seconds % 60
    );
}

std::string rfc3339_text(const protocol::time_value& moment) {
    const auto seconds = static_cast<std::time_t>(moment.seconds);
    std::tm broken{};
    ::gmtime_r(&seconds, &broken);
    std::array<char, 32> text{};
    const std::size_t size = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &broken);
    return fmt::format("{}.{:06}Z", std::string_view(text.data(), size), moment.microseconds);
}

std::string escaped(byte_view data) {
    std::string out;
    for (const char c : text_of(data)) {
        if (is_plain(c)) {
            out += c;
        } else {
            out += fmt::format("\\{:02X}", static_cast<unsigned char>(c));
        }
    }
    return out;
}

std::string until_nul(byte_view data) {
    const std::string_view text = text_of(data);
    return std::string(text.substr(0, text.find('\0')));
}

std::string record_flags_text(protocol::record_flags flags) {
    std::string text = fmt::format("0x{:08x}", flags.value);
    for (const auto& [bit, name] : record_flag_names) {
        if ((flags.value & bit) != 0) {
            text += " ";
            text += name;
        }
    }
    return text;
}

std::vector<std::string> record_flag_list(protocol::record_flags flags) {
    std::vector<std::string> names;
    for (const auto& [bit, name] : record_flag_names) {
        if ((flags.value & bit) != 0) {
            names.emplace_back(name);
        }
    }
    return names;
}

std::string record_text(const protocol::record_header& header, byte_view data) {
    return fmt::format(
        "dmaster: {}\nrsn: {}\nflags: {}\ndata({}) = \"{}\"\n",
        header.dmaster,
        header.rsn,
        record_flags_text(header.flags),
        data.size(),
        escaped(data)
    );
}

std::string key_text(byte_view key) {
    return fmt::format("key({}) = \"{}\"\n", key.size(), escaped(key));
}

} // namespace ctdb::tool
