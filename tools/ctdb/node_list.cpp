#include "node_list.hpp"

#include "common/base/ensure.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

#include <fmt/format.h>

namespace ctdb::tool {

namespace {

using expected_nodes = tl::expected<std::vector<pnn>, std::string>;

std::vector<std::string_view> words_of(std::string_view list) {
    std::vector<std::string_view> words;
    for (;;) {
        const std::size_t end = list.find(',');
        words.push_back(list.substr(0, end));
        if (end == std::string_view::npos) {
            return words;
        }
        list.remove_prefix(end + 1);
    }
}

std::optional<std::uint32_t> number(std::string_view text) {
    std::uint32_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc{} && end == text.data() + text.size() ? std::optional(value)
                                                                    : std::nullopt;
}

struct range {
    std::uint32_t first = 0;
    std::uint32_t last = 0;
};

// "3" and "0-2".
std::optional<range> range_of(std::string_view word) {
    const std::size_t dash = word.find('-');
    const auto first = number(word.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : number(word.substr(dash + 1));
    if (!first || !last || *last < *first) {
        return std::nullopt;
    }
    return range{*first, *last};
}

bool is_name(std::string_view word) {
    return word == "all" || word == "active" || word == "leader" || word == "local";
}

bool exists(const cluster_facts& facts, std::uint32_t node) {
    const auto& all = facts.nodes.nodes;
    return node < all.size() && !all[node].flags.has_any(protocol::node_flag::deleted);
}

expected_nodes in_range(range wanted, const cluster_facts& facts) {
    std::vector<pnn> nodes;
    for (std::uint32_t i = wanted.first;; ++i) {
        if (!exists(facts, i)) {
            return tl::unexpected(fmt::format("Node {} does not exist", i));
        }
        nodes.emplace_back(i);
        if (i == wanted.last) {
            return nodes;
        }
    }
}

std::vector<pnn> all_nodes(const cluster_facts& facts, bool only_active) {
    std::vector<pnn> nodes;
    for (const protocol::node_and_flags& n : facts.nodes.nodes) {
        const bool wanted = only_active ? !protocol::is_inactive(n.flags)
                                        : !n.flags.has_any(protocol::node_flag::deleted);
        if (wanted) {
            nodes.push_back(n.pnn);
        }
    }
    return nodes;
}

expected_nodes named(std::string_view word, const cluster_facts& facts) {
    if (word == "local") {
        return std::vector<pnn>{facts.self};
    }
    if (word != "leader") {
        return all_nodes(facts, word == "active");
    }
    if (facts.leader == unknown_pnn) {
        return tl::unexpected(std::string("There is no leader"));
    }
    return std::vector<pnn>{facts.leader};
}

expected_nodes with_address(std::string_view word, const cluster_facts& facts) {
    const auto address = protocol::parse_ip(word);
    ensure(address.has_value()); // is_node_list()
    for (const protocol::node_and_flags& n : facts.nodes.nodes) {
        if (protocol::same_ip(n.address, *address)) {
            return std::vector<pnn>{n.pnn};
        }
    }
    return tl::unexpected(fmt::format("No node has the address {}", word));
}

expected_nodes nodes_of_word(std::string_view word, const cluster_facts& facts) {
    if (is_name(word)) {
        return named(word, facts);
    }
    const auto wanted = range_of(word);
    return wanted ? in_range(*wanted, facts) : with_address(word, facts);
}

} // namespace

bool is_node_list(std::string_view text) {
    const auto words = words_of(text);
    return std::all_of(words.begin(), words.end(), [](std::string_view word) {
        return is_name(word) || range_of(word) || protocol::parse_ip(word);
    });
}

bool names_leader(std::string_view list) {
    const auto words = words_of(list);
    return std::find(words.begin(), words.end(), "leader") != words.end();
}

tl::expected<std::vector<pnn>, std::string>
nodes_of(std::string_view list, const cluster_facts& facts) {
    std::vector<pnn> nodes;
    for (const std::string_view word : words_of(list)) {
        const auto chosen = nodes_of_word(word, facts);
        if (!chosen) {
            return chosen;
        }
        for (const pnn node : *chosen) {
            if (std::find(nodes.begin(), nodes.end(), node) == nodes.end()) {
                nodes.push_back(node);
            }
        }
    }
    return nodes;
}

} // namespace ctdb::tool
