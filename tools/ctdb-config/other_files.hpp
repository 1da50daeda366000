// What is wrong with the files beside ctdb.conf: nodes, public addresses, tunables. Reads them;
// runs no program.
#pragma once

#include "common/conf/config.hpp"

#include <string>
#include <vector>

namespace ctdb::config_tool {

struct file_findings {
    std::string name;
    std::vector<conf::diagnostic> findings;
};

// Files without findings are left out. A missing file is one only for the nodes list.
[[nodiscard]] std::vector<file_findings> check_other_files(const conf::config& settings);

// A program that lists nodes, or a file that lists one that is not deleted.
[[nodiscard]] bool has_nodes(const conf::config& settings);

} // namespace ctdb::config_tool
