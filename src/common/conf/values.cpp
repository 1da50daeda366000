#include "common/conf/values.hpp"

#include <charconv>
#include <limits>

#include <strings.h>

namespace ctdb::conf {

namespace {

bool same(std::string_view a, std::string_view b) noexcept {
    return a.size() == b.size() && strncasecmp(a.data(), b.data(), a.size()) == 0;
}

struct c_number {
    std::uint64_t value = 0;
    bool too_large = false;
    std::string_view rest; // what is left behind the digits
};

// Digits behind the prefix that says the base; no digits: value 0 and all the text is rest.
c_number read_number(std::string_view text) noexcept {
    int base = 10;
    std::string_view digits = text;
    if (text.size() > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X') &&
        std::string_view("0123456789abcdefABCDEF").find(text[2]) != std::string_view::npos) {
        base = 16;
        digits = text.substr(2);
    } else if (text.size() > 1 && text[0] == '0') {
        base = 8;
    }
    c_number out;
    const char* end = digits.data() + digits.size();
    const auto [stop, failure] = std::from_chars(digits.data(), end, out.value, base);
    out.too_large = failure == std::errc::result_out_of_range;
    out.rest = failure == std::errc::invalid_argument
                   ? text
                   : std::string_view(stop, static_cast<std::size_t>(end - stop));
    return out;
}

} // namespace

std::optional<bool> parse_boolean(std::string_view text) noexcept {
    if (same(text, "true") || same(text, "yes")) {
        return true;
    }
    if (same(text, "false") || same(text, "no")) {
        return false;
    }
    return std::nullopt;
}

parsed_integer parse_integer(std::string_view text) noexcept {
    const bool negative = !text.empty() && text.front() == '-';
    if (!text.empty() && (negative || text.front() == '+')) {
        text.remove_prefix(1);
    }
    const c_number number = read_number(text);
    parsed_integer out;
    out.sloppy = text.empty() || !number.rest.empty();
    constexpr auto largest = static_cast<std::uint64_t>(std::numeric_limits<int>::max());
    if (number.too_large || number.value > largest || (negative && number.value != 0)) {
        return out;
    }
    out.value = static_cast<int>(number.value);
    return out;
}

std::optional<std::uint32_t> parse_unsigned(std::string_view text) noexcept {
    const c_number number = read_number(text);
    if (text.empty() || !number.rest.empty() || number.too_large ||
        number.value > std::numeric_limits<std::uint32_t>::max()) {
        return std::nullopt;
    }
    return static_cast<std::uint32_t>(number.value);
}

} // namespace ctdb::conf
