// What a command has said went wrong, kept so that with --json one error object can tell it all
// (cli.md 13.1). The lines themselves go to stderr as upstream's do, with --json or without.
#pragma once

#include "common/base/ids.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ctdb::tool {

enum class trouble : std::uint8_t {
    unknown, // what the exit status says
    daemon_unreachable,
    timeout,
    no_such_node,
    no_such_database,
    node_inactive,
    permission,
    usage,
    refused,
    internal,
};

struct complaint {
    trouble kind = trouble::unknown;
    int errno_value = 0; // 0: none
    std::optional<pnn> node;
};

class complaints {
public:
    // The first one with a kind, an errno or a node is the cause; what follows are consequences.
    void add(const complaint& what, std::string_view line);

    [[nodiscard]] trouble kind(int exit_code) const;    // never unknown
    [[nodiscard]] int errno_value(int exit_code) const; // 0: none
    [[nodiscard]] std::optional<pnn> node() const { return first_.node; }
    [[nodiscard]] std::string text(int exit_code) const; // all lines; never empty
    [[nodiscard]] const std::string& lines() const { return text_; }

private:
    complaint first_;
    std::string text_; // lines joined with "; "
};

[[nodiscard]] std::string_view trouble_name(trouble kind); // "no_such_node"; Requires: not unknown
[[nodiscard]] std::string_view hint_for(trouble kind);     // what to do next; may be empty

} // namespace ctdb::tool
