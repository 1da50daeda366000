// Where the tunables of a node get their values from: defaults, tunables files, ctdb.conf
// (cluster.md 7.2, design 4).
//
// The table of tunables itself belongs to the wire: common/protocol/tunables.hpp.
#pragma once

#include "common/conf/config.hpp"
#include "common/conf/diagnostic.hpp"
#include "common/protocol/tunables.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace ctdb::conf {

// Lines of one tunables file into `values`; the good ones count although others are wrong.
// `upstream` of a finding is upstream's line, which names `file`.
[[nodiscard]] std::vector<diagnostic>
parse_tunables(std::string_view text, std::string_view file, protocol::tunable_list& values);

// Defaults, then ctdb.tunables, then tunables.d/*.tunables in name order, then the options of
// ctdb.conf, which win. Never fails: what is wrong is logged, the rest counts.
[[nodiscard]] protocol::tunable_list load_tunables(const config& settings);

// The same with the findings of each file handed out instead of logged.
struct tunables_file {
    std::string name;
    bool missing = false;
    std::vector<diagnostic> findings;
};
[[nodiscard]] protocol::tunable_list
load_tunables(const config& settings, std::vector<tunables_file>& files);

} // namespace ctdb::conf
