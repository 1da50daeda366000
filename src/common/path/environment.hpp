// The process environment as a function, so that a test hands in a map. Nothing but main() reads
// the real one.
#pragma once

#include <functional>
#include <optional>
#include <string>

namespace ctdb::path {

// Value of a variable; nothing when it is not set. Set but empty is a value.
using environment = std::function<std::optional<std::string>(const char* name)>;

[[nodiscard]] environment process_environment();

} // namespace ctdb::path
