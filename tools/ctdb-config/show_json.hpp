// The same as JSON (cli.md 13.1). Pure.
#pragma once

#include "common/cmdline/json_answer.hpp"
#include "common/conf/config.hpp"
#include "other_files.hpp"
#include "show.hpp"

namespace ctdb::config_tool {

// "options": those that dump() shows, whether set or not.
[[nodiscard]] cmdline::json dump_json(const conf::config& settings, extent which);

// One option under "options".
[[nodiscard]] cmdline::json get_json(const conf::config& settings, const conf::option& which);

// The same with what explain() tells.
[[nodiscard]] cmdline::json explain_json(const conf::config& settings, const conf::option& which);

// "problems": every finding of every file.
[[nodiscard]] cmdline::json problems_json(const std::vector<file_findings>& files);

} // namespace ctdb::config_tool
