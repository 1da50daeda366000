// ctdb-path: tells shell scripts where things live (cli.md 8.2).
#include "common/cmdline/parse.hpp"
#include "common/path/paths.hpp"

#include <cerrno>
#include <string>
#include <string_view>

namespace {

using ctdb::path::paths;

// lockdir, piddir and socketdir are what later releases of upstream have in the place of rundir:
// not in the help, which tests of this release compare.
constexpr bool later = true;

const ctdb::cmdline::program& table() {
    static const ctdb::cmdline::program program{
        "ctdb-path",
        ctdb::cmdline::style::helper,
        {ctdb::cmdline::help_with_h()},
        {{"config", "", "Get path of CTDB config file"},
         {"pidfile", "<daemon>", "Get path of CTDB daemon pidfile", 1, 1},
         {"socket", "<daemon>", "Get path of CTDB daemon socket", 1, 1},
         {"datadir append", "<path>", "Get path relative to CTDB DATADIR", 1, 1},
         {"datadir", "", "Get path of CTDB DATADIR"},
         {"etcdir append", "<path>", "Get path relative to CTDB ETCDIR", 1, 1},
         {"etcdir", "", "Get path of CTDB ETCDIR"},
         {"rundir append", "<path>", "Get path relative to CTDB RUNDIR", 1, 1},
         {"rundir", "", "Get path of CTDB RUNDIR"},
         {"vardir append", "<path>", "Get path relative to CTDB VARDIR", 1, 1},
         {"vardir", "", "Get path of CTDB VARDIR"},
         {"lockdir append", "<path>", "Get path relative to CTDB LOCKDIR", 1, 1, false, later},
         {"lockdir", "", "Get path of CTDB LOCKDIR", 0, 0, false, later},
         {"piddir append", "<path>", "Get path relative to CTDB PIDDIR", 1, 1, false, later},
         {"piddir", "", "Get path of CTDB PIDDIR", 0, 0, false, later},
         {"socketdir append", "<path>", "Get path relative to CTDB SOCKETDIR", 1, 1, false, later},
         {"socketdir", "", "Get path of CTDB SOCKETDIR", 0, 0, false, later}},
        EINVAL};
    return program;
}

const std::string& directory(const paths& p, std::string_view name) {
    if (name == "datadir") {
        return p.data;
    }
    if (name == "etcdir") {
        return p.etc;
    }
    if (name == "vardir") {
        return p.var;
    }
    return p.run; // upstream's lock, pid and socket directories are one here
}

std::string answer(const paths& p, const ctdb::cmdline::invocation& asked) {
    const std::string_view name = asked.chosen->name;
    if (name == "config") {
        return p.config_file();
    }
    if (name == "pidfile") {
        return p.pid_file(asked.arguments.front());
    }
    if (name == "socket") {
        return p.socket(asked.arguments.front());
    }
    const std::string& found = directory(p, name.substr(0, name.find(' ')));
    return asked.arguments.empty() ? found : ctdb::path::join(found, asked.arguments.front());
}

} // namespace

int main(int argc, char** argv) {
    const auto asked = ctdb::cmdline::interpret(table(), ctdb::cmdline::arguments_of(argc, argv));
    if (!asked) {
        return ctdb::cmdline::leave(asked.error());
    }
    return ctdb::cmdline::leave({0, answer(ctdb::path::process_paths(), *asked) + "\n", ""});
}
