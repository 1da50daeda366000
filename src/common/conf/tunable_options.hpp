// The options of ctdb.conf that give a tunable its value: `[cluster] keepalive interval = 5` is
// KeepaliveInterval (design 4).
#pragma once

#include "common/conf/option.hpp"

#include <span>

namespace ctdb::conf {

[[nodiscard]] std::span<const option> tunable_options() noexcept;

} // namespace ctdb::conf
