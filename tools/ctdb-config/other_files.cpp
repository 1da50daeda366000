#include "other_files.hpp"

#include "common/conf/nodes_list.hpp"
#include "common/conf/public_addresses.hpp"
#include "common/conf/scanner.hpp"
#include "common/conf/tunables.hpp"

#include <algorithm>

#include <unistd.h>

namespace ctdb::config_tool {

namespace {

std::vector<conf::diagnostic> whole_file(std::string what, std::string expected) {
    conf::diagnostic d;
    d.what = std::move(what);
    d.expected = std::move(expected);
    return {d};
}

// Own address: the node that `node address` names must be in the list.
void check_own_address(
    const conf::config& settings, const conf::parsed_nodes& nodes, file_findings& file
) {
    const std::string own = settings.get(conf::options::node_address);
    const auto parsed = protocol::parse_ip(own);
    if (own.empty() || !parsed) {
        return;
    }
    const auto address = protocol::without_v4_mapping(*parsed);
    const bool listed =
        std::any_of(nodes.nodes.begin(), nodes.nodes.end(), [&address](const conf::node_entry& n) {
            return !n.deleted && protocol::same_ip(n.address, address);
        });
    if (!listed) {
        const auto missing = whole_file(
            fmt::format("[cluster] node address {} is not in the list", own),
            "expected this node in its own list"
        );
        file.findings.insert(file.findings.end(), missing.begin(), missing.end());
    }
}

file_findings check_nodes_source(const conf::config& settings) {
    const conf::nodes_source source = conf::source_of_nodes(settings);
    file_findings file;
    if (source.is_program()) {
        file.name = source.program.front();
        if (::access(file.name.c_str(), X_OK) != 0) {
            file.findings =
                whole_file("cannot be run", "expected a program for [cluster] nodes list");
        }
        return file;
    }
    file.name = source.file;
    const result<std::string> text = conf::read_text_file(source.file);
    if (!text) {
        file.findings = whole_file(text.error().what, "expected the list of nodes");
        return file;
    }
    conf::parsed_nodes nodes = conf::parse_nodes(*text);
    file.findings = nodes.findings;
    check_own_address(settings, nodes, file);
    return file;
}

file_findings check_public_addresses(const conf::config& settings) {
    file_findings file;
    file.name = settings.where().public_addresses_file();
    const result<std::string> text = conf::read_text_file(file.name);
    if (text) {
        file.findings = conf::parse_public_addresses(*text).findings;
    } else if (text.error().code != ENOENT) {
        file.findings = whole_file(text.error().what, "");
    }
    return file;
}

} // namespace

std::vector<file_findings> check_other_files(const conf::config& settings) {
    std::vector<file_findings> files{
        check_nodes_source(settings), check_public_addresses(settings)};
    std::vector<conf::tunables_file> tunables;
    (void)conf::load_tunables(settings, tunables);
    for (conf::tunables_file& each : tunables) {
        files.push_back({std::move(each.name), std::move(each.findings)});
    }
    files.erase(
        std::remove_if(
            files.begin(), files.end(), [](const file_findings& f) { return f.findings.empty(); }
        ),
        files.end()
    );
    return files;
}

bool has_nodes(const conf::config& settings) {
    const conf::nodes_source source = conf::source_of_nodes(settings);
    if (source.is_program()) {
        return true;
    }
    const result<std::string> text = conf::read_text_file(source.file);
    if (!text) {
        return text.error().code !=
               ENOENT; // there is something; ctdbd will say what is wrong with it
    }
    const conf::parsed_nodes nodes = conf::parse_nodes(*text);
    return std::any_of(nodes.nodes.begin(), nodes.nodes.end(), [](const conf::node_entry& n) {
        return !n.deleted;
    });
}

} // namespace ctdb::config_tool
