// The way to the node that is asked: through ctdbd of this one (cli.md 1.3, 1.5).
#pragma once

#include "context.hpp"
#include "program.hpp"

namespace ctdb::tool {

// ctx.ctdbd, ctx.self and ctx.target are set; says what is wrong.
[[nodiscard]] async::task<outcome<>> connect(context& ctx);

// ctx.target is the node of `-n`, if the command may be asked there and the node is connected; says
// why not. Requires: connected.
[[nodiscard]] async::task<outcome<>> choose_target(context& ctx, reach how);

} // namespace ctdb::tool
