#include "common/conf/tunables.hpp"

#include "common/base/ensure.hpp"
#include "common/base/log.hpp"
#include "common/conf/scanner.hpp"
#include "common/conf/tunable_options.hpp"
#include "common/conf/values.hpp"

#include <algorithm>
#include <filesystem>

namespace ctdb::conf {

namespace {

std::string_view trimmed(std::string_view text) {
    const std::size_t first = text.find_first_not_of(" \t\r");
    if (first == std::string_view::npos) {
        return "";
    }
    return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

class tunables_reader {
public:
    tunables_reader(std::string_view file, protocol::tunable_list& values)
        : file_(file), values_(values) {}
    std::vector<diagnostic> take() { return std::move(findings_); }

    void line(std::string_view raw, int number) {
        line_ = number;
        const std::string_view text = trimmed(raw);
        if (text.empty() || text.front() == '#' || text.front() == ';') {
            return;
        }
        if (text.front() == '[') {
            section(text);
            return;
        }
        const std::size_t equals = text.find('=');
        const std::string_view name = trimmed(text.substr(0, equals));
        if (equals == 0) {
            error("Syntax error", "a value without a name", "expected NAME=VALUE");
            return;
        }
        const std::string_view value =
            equals == std::string_view::npos ? "" : trimmed(text.substr(equals + 1));
        if (value.empty()) {
            error(
                fmt::format("Invalid tunables line containing \"{}\"", name),
                fmt::format("\"{}\" has no value", name),
                "expected NAME=VALUE"
            );
            return;
        }
        assignment(name, value);
    }

private:
    std::string_view file_;
    protocol::tunable_list& values_;
    std::vector<diagnostic> findings_;
    int line_ = 0;

    void error(const std::string& upstream, std::string what, std::string expected) {
        diagnostic d;
        d.line = line_;
        d.what = std::move(what);
        d.expected = std::move(expected);
        d.upstream = {fmt::format("{}: {}", file_, upstream)};
        findings_.push_back(std::move(d));
    }

    void section(std::string_view text) {
        const std::size_t end = text.find(']');
        if (end == std::string_view::npos) {
            error("Syntax error", fmt::format("\"{}\" does not end", text), "expected NAME=VALUE");
            return;
        }
        const std::string_view name = text.substr(1, end - 1);
        error(
            fmt::format("Invalid line for section [{}] - tunables sections not supported", name),
            fmt::format("section [{}]", name),
            "expected NAME=VALUE without sections"
        );
    }

    void assignment(std::string_view name, std::string_view text) {
        const protocol::tunable_info* which = protocol::find_tunable(name);
        if (which == nullptr) {
            error(
                fmt::format("Unknown tunable \"{}\"", name),
                fmt::format("unknown tunable {}", name),
                suggestion(name)
            );
            return;
        }
        if (which->obsolete()) {
            error(
                fmt::format("Obsolete tunable \"{}\"", name),
                fmt::format("tunable {} is obsolete", name),
                "expected the line left out"
            );
            return;
        }
        const std::optional<std::uint32_t> value = parse_unsigned(text);
        if (!value) {
            error(
                fmt::format("Invalid value \"{}\" for tunable \"{}\"", text, name),
                fmt::format("{} = {}", name, text),
                "expected a number from 0 to 4294967295"
            );
            return;
        }
        values_[which->id] = *value;
    }

    static std::string suggestion(std::string_view name) {
        std::vector<std::string_view> names;
        for (const protocol::tunable_info& each : protocol::tunables()) {
            names.push_back(each.name);
        }
        const std::string_view near = closest(name, names);
        return near.empty() ? "" : fmt::format("did you mean {}?", near);
    }
};

void read_file(
    const std::string& name, protocol::tunable_list& values, std::vector<tunables_file>& files
) {
    tunables_file file;
    file.name = name;
    const result<std::string> text = read_text_file(name);
    if (text) {
        file.findings = parse_tunables(*text, name, values);
    } else if (text.error().code == ENOENT) {
        file.missing = true;
    } else {
        diagnostic d;
        d.what = text.error().what;
        file.findings.push_back(std::move(d));
    }
    files.push_back(std::move(file));
}

// DIRECTORY/*.tunables in name order; hidden files are none of ours, as in the shell.
std::vector<std::string> tunables_files_in(const std::string& directory) {
    std::vector<std::string> names;
    std::error_code failure;
    std::filesystem::directory_iterator entry(directory, failure);
    while (!failure && entry != std::filesystem::directory_iterator()) {
        const std::filesystem::path& each = entry->path();
        if (each.extension() == ".tunables" && each.filename().string().front() != '.') {
            names.push_back(each.string());
        }
        entry.increment(failure);
    }
    std::sort(names.begin(), names.end());
    return names;
}

std::uint32_t value_of(const config& settings, const option& which) {
    if (which.type == option_type::boolean) {
        return parse_boolean(settings.text(which)).value_or(false) ? 1 : 0;
    }
    return static_cast<std::uint32_t>(parse_integer(settings.text(which)).value.value_or(0));
}

void apply_options(const config& settings, protocol::tunable_list& values) {
    for (const option& which : tunable_options()) {
        if (settings.is_set(which)) {
            const protocol::tunable_info* info = protocol::find_tunable(which.tunable);
            ensure(info != nullptr); // the table test says so
            values[info->id] = value_of(settings, which);
        }
    }
}

void log_file(const tunables_file& file) {
    if (file.missing) {
        log_info("Optional tunables file {} not found", file.name);
        return;
    }
    log_notice(
        "Loading tunables from {}; options of ctdb.conf can say the same and win", file.name
    );
    log_findings(file.name, file.findings);
}

} // namespace

std::vector<diagnostic>
parse_tunables(std::string_view text, std::string_view file, protocol::tunable_list& values) {
    tunables_reader reader(file, values);
    for (int number = 1; !text.empty(); ++number) {
        const std::size_t end = text.find('\n');
        reader.line(text.substr(0, end), number);
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
    return reader.take();
}

protocol::tunable_list load_tunables(const config& settings, std::vector<tunables_file>& files) {
    protocol::tunable_list values;
    read_file(settings.where().tunables_file(), values, files);
    for (const std::string& name : tunables_files_in(settings.where().tunables_directory())) {
        read_file(name, values, files);
    }
    apply_options(settings, values);
    return values;
}

protocol::tunable_list load_tunables(const config& settings) {
    std::vector<tunables_file> files;
    const protocol::tunable_list values = load_tunables(settings, files);
    for (const tunables_file& file : files) {
        log_file(file);
    }
    return values;
}

} // namespace ctdb::conf
