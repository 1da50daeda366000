#include "common/conf/nodes_list.hpp"

#include "common/base/log.hpp"
#include "common/conf/scanner.hpp"

#include <algorithm>

namespace ctdb::conf {

namespace {

constexpr std::string_view blanks = " \t\r";

std::string_view trimmed(std::string_view text) {
    const std::size_t first = text.find_first_not_of(blanks);
    if (first == std::string_view::npos) {
        return "";
    }
    return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

// "[fd00::1]" is as good as "fd00::1".
std::string_view without_brackets(std::string_view text) {
    if (text.size() > 2 && text.front() == '[' && text.back() == ']') {
        return text.substr(1, text.size() - 2);
    }
    return text;
}

class nodes_reader {
public:
    parsed_nodes take() { return std::move(out_); }

    void line(std::string_view raw, int number) {
        const std::string_view text = trimmed(raw);
        if (text.empty()) {
            return;
        }
        if (out_.nodes.size() == nodes_max) {
            error(number, "too many nodes", fmt::format("expected at most {}", nodes_max));
            return;
        }
        node_entry entry;
        entry.pnn = ctdb::pnn(static_cast<std::uint32_t>(out_.nodes.size()));
        entry.line = number;
        entry.deleted = text.front() == '#';
        if (!entry.deleted) {
            set_address(entry, text);
        }
        out_.nodes.push_back(std::move(entry));
    }

private:
    parsed_nodes out_;

    void error(int line, std::string what, std::string expected) {
        diagnostic d;
        d.line = line;
        d.what = std::move(what);
        d.expected = std::move(expected);
        out_.findings.push_back(std::move(d));
    }

    void set_address(node_entry& entry, std::string_view text) {
        const auto parsed = protocol::parse_ip(without_brackets(text));
        if (!parsed) {
            error(
                entry.line,
                fmt::format("node {}: \"{}\" is no address", entry.pnn, text),
                "expected an IPv4 or IPv6 address without name or port"
            );
            return;
        }
        entry.address = protocol::without_v4_mapping(*parsed);
        for (const node_entry& other : out_.nodes) {
            if (!other.deleted && protocol::same_ip(other.address, entry.address)) {
                error(
                    entry.line,
                    fmt::format("node {} has the address of node {}", entry.pnn, other.pnn),
                    fmt::format("expected an address other than that in line {}", other.line)
                );
            }
        }
    }
};

} // namespace

parsed_nodes parse_nodes(std::string_view text) {
    nodes_reader reader;
    for (int number = 1; !text.empty(); ++number) {
        const std::size_t end = text.find('\n');
        reader.line(text.substr(0, end), number);
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
    return reader.take();
}

std::vector<std::string> split_program(std::string_view value) {
    if (!value.empty() && value.front() == '!') {
        value.remove_prefix(1);
    }
    std::vector<std::string> words;
    while (true) {
        const std::size_t start = value.find_first_not_of(" \t");
        if (start == std::string_view::npos) {
            return words;
        }
        value.remove_prefix(start);
        const std::size_t end = std::min(value.find_first_of(" \t"), value.size());
        words.emplace_back(value.substr(0, end));
        value.remove_prefix(end);
    }
}

std::string nodes_source::text() const {
    if (!is_program()) {
        return file;
    }
    std::string joined = "!";
    for (const std::string& word : program) {
        joined += joined == "!" ? word : " " + word;
    }
    return joined;
}

nodes_source source_of_nodes(const config& settings) {
    nodes_source source;
    const std::string value = settings.get(options::nodes_list);
    if (value.empty()) {
        source.file = settings.where().nodes_file();
    } else if (value.front() == '!') {
        source.program = split_program(value);
    } else {
        source.file = value;
    }
    return source;
}

result<std::vector<node_entry>> check_nodes(std::string_view text, const nodes_source& source) {
    parsed_nodes parsed = parse_nodes(text);
    log_findings(source.text(), parsed.findings);
    if (!parsed.findings.empty()) {
        return fail(EINVAL, "nodes list {}: {} wrong lines", source.text(), parsed.findings.size());
    }
    if (source.is_program() && text.empty()) {
        return fail(ENOENT, "nodes list {}: the program printed nothing", source.text());
    }
    return std::move(parsed.nodes);
}

result<std::vector<node_entry>> load_nodes_file(const nodes_source& source) {
    const result<std::string> text = read_text_file(source.file);
    if (!text) {
        return fail(text.error().code, "nodes list: {}", text.error().what);
    }
    return check_nodes(*text, source);
}

} // namespace ctdb::conf
