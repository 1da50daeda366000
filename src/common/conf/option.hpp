// What an option of ctdb.conf is. Options are constants, declared once (options.hpp); the parser,
// the checks, `ctdb-config`, the sample file and the manual page all read the same declaration.
#pragma once

#include "common/path/paths.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ctdb::conf {

enum class option_type { string, integer, boolean };
enum class takes_effect { at_start, on_reload };

// Why a value is refused: upstream's own line ("" = it has none), what is wrong, what would be
// right.
struct refusal {
    std::string upstream;
    std::string what;
    std::string expected;
};

struct option;
using check_function =
    std::optional<refusal> (*)(const option&, std::string_view value, const path::paths&);

struct option {
    std::string_view section;
    std::string_view key;
    option_type type = option_type::string;
    std::string_view default_text =
        ""; // "" = unset; "{var}" and "{log}" stand for those directories
    takes_effect effect = takes_effect::at_start;
    std::string_view since = ""; // upstream release; "ours" = not in upstream; "" = always there
    std::string_view explanation = ""; // for the administrator, whole sentences
    std::string_view choices = "";     // "auto|yes|no": the only values; "" = free
    int minimum = 0;                   // integers
    int maximum = INT32_MAX;           // integers
    check_function check = nullptr;    // what type, choices and range do not say
    std::string_view replaced_by = ""; // deprecated in favour of this key of the same section
    std::string_view tunable = "";     // also reached as this tunable
};

// The handle code uses: config::get() returns the type it names.
template <class T>
struct option_of : option {};
using string_option = option_of<std::string>;
using integer_option = option_of<int>;
using boolean_option = option_of<bool>;

// Every option, in the order of dumps and manuals (sections together).
[[nodiscard]] std::span<const option* const> all_options() noexcept;

// Section in any case, key exactly as in the table; nullptr when there is none.
[[nodiscard]] const option* find_option(std::string_view section, std::string_view key) noexcept;
[[nodiscard]] bool is_section(std::string_view name) noexcept;

// The default with its directories filled in.
[[nodiscard]] std::string default_value(const option& which, const path::paths& where);

} // namespace ctdb::conf
