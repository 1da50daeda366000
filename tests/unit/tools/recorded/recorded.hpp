// Reads recorded outputs and runs commands to compare with them.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace ctdb::test {

struct recorded_entry {
    std::string state;                                             // first part of the header
    std::map<std::string, std::optional<std::string>> environment; // nothing = unset
    std::string command;
    std::string out;
    std::string err;
    int code = 0;
    int line = 0; // of the header
};

[[nodiscard]] std::vector<recorded_entry> read_recorded(const std::string& file);

struct run_output {
    std::string out;
    std::string err;
    int code = 0; // 128 + signal when killed, as a shell says
};

// `sh -c COMMAND` with exactly these variables, ended after ten seconds.
[[nodiscard]] run_output run_command(
    const std::string& command,
    const std::map<std::string, std::string>& environment,
    const std::string& scratch
);

[[nodiscard]] std::string
replace_all(std::string text, const std::string& from, const std::string& to);

} // namespace ctdb::test
