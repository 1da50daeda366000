// Texts made from a program's table. All end with a line end.
#pragma once

#include "common/cmdline/program.hpp"

#include <string>
#include <string_view>

namespace ctdb::cmdline {

[[nodiscard]] std::string option_help(const program& table); // `-?`: usage line and options
[[nodiscard]] std::string brief_usage(const program& table); // `--usage`: one paragraph
[[nodiscard]] std::string full_help(const program& table);   // options and commands
[[nodiscard]] std::string command_misuse(const program& table, const command& wrong);

[[nodiscard]] std::string bash_completion(const program& table); // a script to be sourced
[[nodiscard]] std::string man_options(const program& table);     // scdoc fragments
[[nodiscard]] std::string man_commands(const program& table);
[[nodiscard]] std::string scdoc_escaped(std::string_view text);

} // namespace ctdb::cmdline
