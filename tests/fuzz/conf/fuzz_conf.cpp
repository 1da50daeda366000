// Any bytes as each of the files an administrator writes: nothing breaks, every finding names a
// line of the text.
#include "common/base/ensure.hpp"
#include "common/conf/config.hpp"
#include "common/conf/nodes_list.hpp"
#include "common/conf/public_addresses.hpp"
#include "common/conf/tunables.hpp"
#include "common/logging/line_splitter.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace {

using namespace ctdb;

void check(const std::vector<conf::diagnostic>& findings, std::string_view text) {
    const auto lines = std::count(text.begin(), text.end(), '\n') + 1;
    for (const conf::diagnostic& d : findings) {
        ensure(d.line >= 1 && d.line <= lines);
        ensure(!d.what.empty());
    }
}

void configuration(std::string_view text) {
    path::paths where;
    where.etc = "/nonexistent";
    const auto loaded = conf::load_text(text, where, conf::unknown_options::warn);
    check(loaded.findings, text);
    ensure(loaded.settings.has_value() != conf::has_errors(loaded.findings));
    if (loaded.settings) {
        for (const conf::option* each : conf::all_options()) {
            (void)loaded.settings->text(*each);
        }
        (void)loaded.settings->get(conf::options::leader_timeout);
        (void)loaded.settings->get(conf::options::leader_capability);
    }
}

void lists(std::string_view text) {
    const auto nodes = conf::parse_nodes(text);
    check(nodes.findings, text);
    for (std::size_t i = 0; i < nodes.nodes.size(); ++i) {
        ensure(nodes.nodes[i].pnn.value == i);
    }
    const auto addresses = conf::parse_public_addresses(text);
    check(addresses.findings, text);
    for (const conf::public_address& each : addresses.addresses) {
        ensure(!each.interfaces.empty() && !each.address.is_none());
    }
    protocol::tunable_list values;
    check(conf::parse_tunables(text, "F", values), text);
}

void lines(std::string_view text) {
    logging::line_splitter splitter([](std::string_view line) {
        ensure(line.size() <= logging::child_line_max);
        ensure(line.find('\n') == std::string_view::npos);
    });
    const std::size_t half = text.size() / 2;
    splitter.feed(text.substr(0, half));
    splitter.feed(text.substr(half));
    splitter.finish();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    configuration(text);
    lists(text);
    lines(text);
    return 0;
}
