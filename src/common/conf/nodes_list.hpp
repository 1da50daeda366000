// The list of nodes: one address a line, the position is the node's number (cluster.md 2.1).
//
// A line beginning with `#` is a deleted node: it keeps its number. A blank line uses none. Any
// wrong line makes the whole list invalid, so that nobody is given another's number.
#pragma once

#include "common/base/ids.hpp"
#include "common/base/result.hpp"
#include "common/conf/config.hpp"
#include "common/conf/diagnostic.hpp"
#include "common/protocol/sock_addr.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace ctdb::conf {

struct node_entry {
    ctdb::pnn pnn;
    bool deleted = false;
    protocol::sock_addr address; // port 0; none (0.0.0.0) for a deleted node
    int line = 0;
    bool operator==(const node_entry&) const = default;
};

struct parsed_nodes {
    std::vector<node_entry> nodes; // index = pnn
    std::vector<diagnostic> findings;
};
inline constexpr std::size_t nodes_max =
    4096; // far beyond any cluster; limits what a broken program can print

[[nodiscard]] parsed_nodes parse_nodes(std::string_view text);

// Where the list comes from: a file, or a program whose output it is. The program is run by the
// caller (a daemon may not wait for it) with a time limit, without a shell; no output at all is a
// failure, its exit status counts for nothing.
struct nodes_source {
    std::string file;                 // "" when a program is configured
    std::vector<std::string> program; // argv
    [[nodiscard]] bool is_program() const { return !program.empty(); }
    [[nodiscard]] std::string text() const; // for messages
};
// [cluster] nodes list, else <etc>/nodes.
[[nodiscard]] nodes_source source_of_nodes(const config& settings);

// Checks text that came from `source`; logs every finding with its line, and fails with their
// number.
[[nodiscard]] result<std::vector<node_entry>>
check_nodes(std::string_view text, const nodes_source& source);
// Reads the file of a source that is one.
[[nodiscard]] result<std::vector<node_entry>> load_nodes_file(const nodes_source& source);

// "!program a b" or "program a b": argv, split at blanks and tabs, no quoting. Also for cluster
// lock values. Empty: no program.
[[nodiscard]] std::vector<std::string> split_program(std::string_view value);

} // namespace ctdb::conf
