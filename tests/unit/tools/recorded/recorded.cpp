#include "tests/unit/tools/recorded/recorded.hpp"

#include <cstdlib>
#include <fstream>
#include <sstream>

#include <sys/wait.h>

namespace ctdb::test {

namespace {

bool starts_with(const std::string& text, const std::string& head) {
    return text.compare(0, head.size(), head) == 0;
}

void read_environment(const std::string& text, recorded_entry& entry) {
    std::istringstream words(text);
    std::string previous;
    for (std::string word; words >> word;) {
        const std::size_t equals = word.find('=');
        if (word == "unset") {
            entry.environment[previous] = std::nullopt;
        } else if (equals != std::string::npos) {
            entry.environment[word.substr(0, equals)] = word.substr(equals + 1);
        }
        previous = word;
    }
}

recorded_entry read_header(const std::string& line) {
    recorded_entry entry;
    std::istringstream parts(line.substr(std::string("=== state: ").size()));
    std::getline(parts, entry.state, ';');
    for (std::string part; std::getline(parts, part, ';');) {
        if (starts_with(part, " environment: ")) {
            read_environment(part.substr(14), entry);
        }
        if (starts_with(part, " note: ")) {
            entry.state += " -" + part.substr(6);
        }
    }
    return entry;
}

std::string slurp(const std::string& file) {
    std::ifstream in(file);
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
}

std::string quoted(const std::string& text) {
    return "'" + replace_all(text, "'", "'\\''") + "'";
}

} // namespace

std::string replace_all(std::string text, const std::string& from, const std::string& to) {
    for (std::size_t at = text.find(from); at != std::string::npos;
         at = text.find(from, at + to.size())) {
        text.replace(at, from.size(), to);
    }
    return text;
}

std::vector<recorded_entry> read_recorded(const std::string& file) {
    std::vector<recorded_entry> entries;
    std::ifstream in(file);
    std::string* section = nullptr;
    int number = 0;
    for (std::string line; std::getline(in, line);) {
        ++number;
        if (starts_with(line, "=== state: ")) {
            entries.push_back(read_header(line));
            entries.back().line = number;
            section = nullptr;
        } else if (entries.empty()) {
            continue;
        } else if (starts_with(line, "$ ") && section == nullptr && entries.back().command.empty()) {
            entries.back().command = line.substr(2);
        } else if (line == "--- stdout") {
            section = &entries.back().out;
        } else if (line == "--- stderr") {
            section = &entries.back().err;
        } else if (starts_with(line, "--- exit: ")) {
            entries.back().code = std::atoi(line.c_str() + 10);
            section = nullptr;
        } else if (section != nullptr) {
            *section += line + "\n";
        }
    }
    return entries;
}

run_output run_command(
    const std::string& command,
    const std::map<std::string, std::string>& environment,
    const std::string& scratch
) {
    std::string line = "exec timeout 10 env -i";
    for (const auto& [name, value] : environment) {
        line += " " + quoted(name + "=" + value);
    }
    line += " sh -c " + quoted(command) + " >" + quoted(scratch + "/out") + " 2>" +
            quoted(scratch + "/err") + " </dev/null";
    const int status = std::system(line.c_str());
    run_output done;
    done.out = slurp(scratch + "/out");
    done.err = slurp(scratch + "/err");
    done.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return done;
}

} // namespace ctdb::test
