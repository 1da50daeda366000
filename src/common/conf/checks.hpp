// Checks of option values beyond type, choices and range; used by the table only. They may look at
// the file system.
#pragma once

#include "common/conf/option.hpp"

namespace ctdb::conf::checks {

[[nodiscard]] std::optional<refusal> transport(const option&, std::string_view, const path::paths&);
[[nodiscard]] std::optional<refusal> address(const option&, std::string_view, const path::paths&);
[[nodiscard]] std::optional<refusal> directory(const option&, std::string_view, const path::paths&);
[[nodiscard]] std::optional<refusal> script(const option&, std::string_view, const path::paths&);
[[nodiscard]] std::optional<refusal> location(const option&, std::string_view, const path::paths&);
[[nodiscard]] std::optional<refusal> level(const option&, std::string_view, const path::paths&);
[[nodiscard]] std::optional<refusal>
script_level(const option&, std::string_view, const path::paths&);
[[nodiscard]] std::optional<refusal>
above_zero(const option&, std::string_view, const path::paths&);
[[nodiscard]] std::optional<refusal> program(const option&, std::string_view, const path::paths&);

} // namespace ctdb::conf::checks
