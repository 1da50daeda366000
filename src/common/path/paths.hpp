// Where everything lives: one value, made once in main() from the environment, handed to whoever
// needs it.
//
// Installed, the directories are those chosen at configure time. Relative ones are taken below the
// prefix the running executable stands in (".../bin", ".../sbin", ".../libexec/ctdb"), so a tree
// installed or moved anywhere works; an executable outside such a directory uses the configured
// prefix. In test mode (CTDB_TEST_MODE set to anything) everything lies below $CTDB_BASE
// (cluster.md 8.4). A path may name something that does not exist; the file system is only asked
// whether the prefix has a helper directory.
#pragma once

#include "common/base/result.hpp"
#include "common/path/environment.hpp"

#include <string>
#include <string_view>

namespace ctdb::path {

struct paths {
    bool test_mode = false;
    std::string etc;  // ctdb.conf, nodes, ...: $CTDB_BASE in test mode
    std::string var;  // databases
    std::string data; // shipped event scripts
    std::string
        run; // sockets, PID files (upstream's lock, pid and socket directories are one here)
    std::string log;     // where log.ctdb is by default
    std::string helpers; // companion daemons and helpers: $CTDB_TEST_HELPER_BINDIR in test mode
    std::string ctdbd_socket_override; // $CTDB_SOCKET, "" = none

    [[nodiscard]] std::string config_file() const; // <etc>/ctdb.conf
    [[nodiscard]] std::string nodes_file() const;
    [[nodiscard]] std::string public_addresses_file() const;
    [[nodiscard]] std::string tunables_file() const;      // <etc>/ctdb.tunables
    [[nodiscard]] std::string tunables_directory() const; // <etc>/tunables.d

    [[nodiscard]] std::string pid_file(std::string_view daemon) const; // "ctdbd", "eventd", ...
    [[nodiscard]] std::string socket(std::string_view daemon) const;   // ctdbd: $CTDB_SOCKET wins
    [[nodiscard]] std::string provider_socket() const; // daemons only: beside ctdbd's socket

    [[nodiscard]] std::string enabled_events(std::string_view component) const;  // <etc>/events/C
    [[nodiscard]] std::string provided_events(std::string_view component) const; // <data>/events/C
    [[nodiscard]] std::string helper(std::string_view program) const;

    // Last component of $CTDB_BASE in test mode, else "": the name of this node in log lines.
    [[nodiscard]] std::string log_host() const;

    bool operator==(const paths&) const = default;
};

// Fails when test mode lacks CTDB_BASE. `executable` is the absolute path of the running program
// ("" = unknown).
[[nodiscard]] result<paths> make_paths(const environment& env, std::string_view executable);

// For main(): process environment and /proc/self/exe; a broken test set-up says so on stderr and
// aborts, as upstream's.
[[nodiscard]] paths process_paths();

// DIRECTORY "/" NAME, without any check.
[[nodiscard]] std::string join(std::string_view directory, std::string_view name);

} // namespace ctdb::path
