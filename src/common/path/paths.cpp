#include "common/path/paths.hpp"

#include "install_dirs.hpp"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <system_error>

namespace ctdb::path {

namespace {

bool is_absolute(std::string_view path) {
    return !path.empty() && path.front() == '/';
}

// "/opt/ctdb" for "/opt/ctdb/libexec/ctdb" and "libexec/ctdb"; "" when `directory` does not end
// like that.
std::string prefix_of(std::string_view directory, std::string_view installed_below) {
    if (is_absolute(installed_below) || directory.size() <= installed_below.size()) {
        return "";
    }
    const std::size_t cut = directory.size() - installed_below.size();
    if (directory.substr(cut) != installed_below || directory[cut - 1] != '/') {
        return "";
    }
    return cut == 1 ? "/" : std::string(directory.substr(0, cut - 1));
}

std::string directory_of(std::string_view file) {
    const std::size_t slash = file.rfind('/');
    return slash == std::string_view::npos ? "" : std::string(file.substr(0, slash));
}

std::string below(std::string_view prefix, std::string_view directory) {
    if (is_absolute(directory)) {
        return std::string(directory);
    }
    return prefix == "/" ? join("", directory) : join(prefix, directory);
}

// The prefix of the installed tree the executable belongs to. A build tree has a "bin" too, but no
// helper directory.
std::optional<std::string> running_prefix(std::string_view executable) {
    const std::string directory = directory_of(executable);
    for (const char* installed_below : {installed::helpers, installed::sbin, installed::bin}) {
        const std::string prefix = prefix_of(directory, installed_below);
        std::error_code ignored;
        if (!prefix.empty() &&
            std::filesystem::is_directory(below(prefix, installed::helpers), ignored)) {
            return prefix;
        }
    }
    return std::nullopt;
}

paths installed_paths(std::string_view executable) {
    const std::string prefix = running_prefix(executable).value_or(installed::prefix);
    paths p;
    p.etc = below(prefix, installed::etc);
    p.var = below(prefix, installed::var);
    p.data = below(prefix, installed::data);
    p.run = below(prefix, installed::run);
    p.log = below(prefix, installed::log);
    p.helpers = below(prefix, installed::helpers);
    return p;
}

paths test_paths(const std::string& base, std::string helpers) {
    paths p;
    p.test_mode = true;
    p.etc = base;
    p.var = join(base, "var");
    p.data = join(base, "share");
    p.run = join(base, "run");
    p.log = base;
    p.helpers = std::move(helpers);
    return p;
}

// Without CTDB_TEST_HELPER_BINDIR: those of the installed tree, or, in a build tree where all
// programs lie together, the directory of the running one.
std::string test_helpers(const environment& env, std::string_view executable) {
    if (auto chosen = env("CTDB_TEST_HELPER_BINDIR"); chosen && !chosen->empty()) {
        return *chosen;
    }
    const std::string directory = directory_of(executable);
    if (directory.empty() || running_prefix(executable)) {
        return installed_paths(executable).helpers;
    }
    return directory;
}

std::string_view without_trailing_slashes(std::string_view path) {
    while (path.size() > 1 && path.back() == '/') {
        path.remove_suffix(1);
    }
    return path;
}

} // namespace

environment process_environment() {
    return [](const char* name) -> std::optional<std::string> {
        const char* value = std::getenv(name);
        return value == nullptr ? std::nullopt : std::optional<std::string>(value);
    };
}

std::string join(std::string_view directory, std::string_view name) {
    std::string joined(directory);
    joined += '/';
    joined += name;
    return joined;
}

std::string paths::config_file() const {
    return join(etc, "ctdb.conf");
}

std::string paths::nodes_file() const {
    return join(etc, "nodes");
}

std::string paths::public_addresses_file() const {
    return join(etc, "public_addresses");
}

std::string paths::tunables_file() const {
    return join(etc, "ctdb.tunables");
}

std::string paths::tunables_directory() const {
    return join(etc, "tunables.d");
}

std::string paths::pid_file(std::string_view daemon) const {
    return join(run, daemon) + ".pid";
}

std::string paths::socket(std::string_view daemon) const {
    if (daemon == "ctdbd" && !ctdbd_socket_override.empty()) {
        return ctdbd_socket_override;
    }
    return join(run, daemon) + ".socket";
}

std::string paths::provider_socket() const {
    return join(run, "provider.socket");
}

std::string paths::enabled_events(std::string_view component) const {
    return join(join(etc, "events"), component);
}

std::string paths::provided_events(std::string_view component) const {
    return join(join(data, "events"), component);
}

std::string paths::helper(std::string_view program) const {
    return join(helpers, program);
}

std::string paths::log_host() const {
    if (!test_mode) {
        return "";
    }
    const std::string_view base = without_trailing_slashes(etc);
    const std::size_t slash = base.rfind('/');
    return std::string(slash == std::string_view::npos ? base : base.substr(slash + 1));
}

result<paths> make_paths(const environment& env, std::string_view executable) {
    paths made;
    if (env("CTDB_TEST_MODE")) {
        const auto base = env("CTDB_BASE");
        if (!base) {
            return fail(EINVAL, "Broken CTDB setup, CTDB_BASE not set in test mode");
        }
        made = test_paths(*base, test_helpers(env, executable));
    } else {
        made = installed_paths(executable);
    }
    // Debian's release lets it win outside test mode too; later ones do not. It only ever names a
    // socket to the administrator's own processes, so the older, wider meaning is kept.
    made.ctdbd_socket_override = env("CTDB_SOCKET").value_or("");
    return made;
}

paths process_paths() {
    std::error_code failure;
    const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", failure);
    auto made = make_paths(process_environment(), failure ? std::string() : self.string());
    if (!made) {
        std::fprintf(stderr, "%s\n", made.error().what.c_str());
        std::abort();
    }
    return *made;
}

} // namespace ctdb::path
