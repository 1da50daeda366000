// A question to a list of nodes (`-n` with --json, cli.md 13.3): asked of all at a time, each
// through a connection of its own, so that one that hangs holds up nobody else.
//
// One object: "schema" and, under "nodes", by number what each node answered, or why it did not.
// The exit status is the worst of all.
#pragma once

#include "program.hpp"

namespace ctdb::tool {

// Requires: ctx.options.nodes is a list, --json or --jsonl.
[[nodiscard]] async::task<int> ask_many_nodes(context& ctx, const action& what);

} // namespace ctdb::tool
