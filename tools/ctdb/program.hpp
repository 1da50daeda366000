// The tool's table of options and commands, in upstream's order, with what runs each.
#pragma once

#include "common/async/task.hpp"
#include "common/cmdline/program.hpp"

#include <string_view>

namespace ctdb::tool {

class context;

// local: no daemon, -n refused. own_node: -n only for the local node. any_node: -n allowed.
// any_nodes: a question that may go to many; with --json -n takes a list.
enum class reach : std::uint8_t { local, own_node, any_node, any_nodes };

struct action {
    std::string_view name;
    tool::reach reach = reach::any_node;
    async::task<int> (*run)(context&) = nullptr; // null: not there yet
};

[[nodiscard]] const cmdline::program& table();
[[nodiscard]] const cmdline::program& table_with_lists();        // -n takes a text, id "nodes"
[[nodiscard]] const action& action_of(std::string_view command); // Requires: in the table

} // namespace ctdb::tool
