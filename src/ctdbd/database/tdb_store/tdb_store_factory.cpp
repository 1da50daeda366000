#include "ctdbd/database/tdb_store/tdb_store_factory.hpp"

#include "common/base/ensure.hpp"
#include "common/base/log.hpp"
#include "common/base/unique_fd.hpp"
#include "ctdbd/database/tdb_store/checked_file.hpp"
#include "ctdbd/database/tdb_store/tdb_store.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <filesystem>

#include <fcntl.h>

namespace ctdb::ctdbd {

namespace fs = std::filesystem;

namespace {

result<> check_directories(const tdb_store_settings& settings) {
    std::string missing;
    for (const std::string& directory :
         {settings.volatile_directory, settings.persistent_directory, settings.state_directory}) {
        std::error_code ignored;
        if (!fs::is_directory(directory, ignored)) {
            missing += (missing.empty() ? "" : ", ") + directory;
        }
    }
    if (!missing.empty()) {
        return fail(ENOENT, "no such directory: {}", missing);
    }
    return {};
}

// A process that has the file open as a clear-if-first database (a shared lock on byte 4); 0 or -1
// if it is in another container. Requires: not open in this process, whose locks the close would
// drop.
std::optional<pid_t> process_using(const std::string& path) {
    constexpr off_t active_lock_offset = 4;
    const unique_fd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
    if (!fd) {
        return {}; // not there, or the real open will tell why
    }
    struct flock look {};
    look.l_type = F_WRLCK;
    look.l_whence = SEEK_SET;
    look.l_start = active_lock_offset;
    look.l_len = 1;
    if (fcntl(fd.get(), F_GETLK, &look) != 0 || look.l_type == F_UNLCK) {
        return {};
    }
    return look.l_pid;
}

// X.tdb.<digits>: the name and the node; nothing for any other file.
struct persistent_file {
    std::string name;
    std::string node;
};
std::optional<persistent_file> parse_file_name(const std::string& file) {
    const std::size_t dot = file.rfind('.');
    if (dot == std::string::npos || dot == 0) {
        return {};
    }
    persistent_file found{file.substr(0, dot), file.substr(dot + 1)};
    const bool digits = !found.node.empty() && std::ranges::all_of(found.node, [](char c) {
        return c >= '0' && c <= '9';
    });
    const std::string suffix = ".tdb";
    if (!digits || !found.name.ends_with(suffix) || found.name == suffix) {
        return {};
    }
    return found;
}

constexpr const char* health_name = "persistent_health.tdb";

// Any name that upstream can give a file in the directory, the empty one too: a node that refused
// what the others have attached would fail every recovery. Too long ones the file system refuses.
result<> check_name(const std::string& name) {
    const bool bad = name.find('/') != std::string::npos || name.find('\0') != std::string::npos;
    if (bad) {
        return fail(EINVAL, "a database cannot be named \"{}\"", name);
    }
    return {};
}

} // namespace

result<std::unique_ptr<tdb_store_factory>>
tdb_store_factory::create(tdb::lock_agents& agents, tdb_store_settings settings) {
    if (const auto there = check_directories(settings); !there) {
        return pass(there);
    }
    auto health = database_health::open(
        fmt::format("{}/{}.{}", settings.state_directory, health_name, settings.node)
    );
    if (!health) {
        return pass(health);
    }
    if (settings.mutexes && !tdb::robust_mutexes_work()) {
        log_notice("robust mutexes do not work here: databases use fcntl locks");
        settings.mutexes = false;
    }
    return std::unique_ptr<tdb_store_factory>(
        new tdb_store_factory(agents, std::move(settings), std::move(*health))
    );
}

tdb_store_factory::tdb_store_factory(
    tdb::lock_agents& agents, tdb_store_settings settings, std::unique_ptr<database_health> health
)
    : agents_(agents), settings_(std::move(settings)), health_(std::move(health)),
      lineages_(fmt::format("{}/persistent_lineage.{}", settings_.state_directory, settings_.node)
      ) {}

tdb_store_factory::~tdb_store_factory() {
    ensure(open_paths_.empty());
}

void tdb_store_factory::set_hash_size(int hash_size) {
    settings_.hash_size = hash_size;
}

std::string tdb_store_factory::path_of(const store_spec& spec) const {
    const bool persistent = spec.is == store_spec::kind::persistent;
    return fmt::format(
        "{}/{}.{}",
        persistent ? settings_.persistent_directory : settings_.volatile_directory,
        spec.name,
        settings_.node
    );
}

int tdb_store_factory::flags_of(store_spec::kind kind) const {
    using namespace tdb::open_flag;
    int flags = disallow_nesting | (settings_.no_mmap ? no_mmap : 0);
    if (kind != store_spec::kind::persistent) {
        flags |= no_sync | clear_if_first | incompatible_hash;
    }
    if (kind == store_spec::kind::volatile_db && settings_.mutexes) {
        flags |= mutex_locking;
    }
    return flags;
}

result<std::unique_ptr<local_store>> tdb_store_factory::open(const store_spec& spec) {
    if (const auto named = check_name(spec.name); !named) {
        return pass(named);
    }
    tdb::open_options options;
    options.path = path_of(spec);
    options.flags = flags_of(spec.is);
    options.hash_size = settings_.hash_size;
    if (open_paths_.contains(options.path)) {
        return fail(EBUSY, "database file {} is already open", options.path);
    }
    auto opened = spec.is == store_spec::kind::persistent ? open_persistent(spec.name, options)
                                                          : open_volatile(options);
    if (!opened) {
        return pass(opened);
    }
    open_paths_.insert(options.path);
    return std::make_unique<tdb_store>(
        agents_,
        std::move(*opened),
        spec.name,
        [this, path = options.path] { open_paths_.erase(path); }
    );
}

result<std::unique_ptr<tdb::file>>
tdb_store_factory::open_persistent(const std::string& name, const tdb::open_options& options) {
    auto checked = open_checked(options);
    if (!checked) {
        return pass(checked);
    }
    if (checked->made_new) {
        lineages_.forget(name); // of another file
    }
    if (!checked->set_aside.empty()) {
        const auto marked = set_health(
            name, fmt::format("ERROR - Backup of corrupted TDB in '{}'", checked->set_aside)
        );
        if (!marked) { // an empty database that passes for a good one would win or lose data
            return pass(marked);
        }
    }
    return std::move(checked->opened);
}

result<std::unique_ptr<tdb::file>> tdb_store_factory::open_volatile(tdb::open_options options) {
    const std::string stale = options.path + ".stale";
    if (const auto user = process_using(options.path)) {
        log_notice(
            "database file {} is still open in process {}, which keeps it as {}",
            options.path,
            *user,
            stale
        );
        if (std::rename(options.path.c_str(), stale.c_str()) != 0) {
            return fail_errno("rename {} to {}", options.path, stale);
        }
    } else {
        std::error_code ignored; // usually there is none
        fs::remove(stale, ignored);
    }
    options.creation = tdb::create::if_missing;
    return tdb::file::open(options);
}

result<std::vector<std::string>> tdb_store_factory::find_persistent() {
    std::vector<std::string> names;
    std::error_code failed;
    fs::directory_iterator entry(settings_.persistent_directory, failed);
    for (; !failed && entry != fs::directory_iterator(); entry.increment(failed)) {
        const std::string file = entry->path().filename().string();
        const auto found = parse_file_name(file);
        if (!found || found->name == health_name) { // the same directory may serve for both
            log_info("{}: not the name of a database of ours, ignored", entry->path().string());
        } else if (found->node != std::to_string(settings_.node.value)) {
            log_notice("{}: of another node, ignored", entry->path().string());
        } else {
            names.push_back(found->name);
        }
    }
    if (failed) {
        return fail(
            failed.value(), "read {}: {}", settings_.persistent_directory, failed.message()
        );
    }
    std::ranges::sort(names);
    return names;
}

std::string tdb_store_factory::health(const std::string& name) const {
    return health_->reason(name);
}

result<> tdb_store_factory::set_health(const std::string& name, const std::string& reason) {
    return health_->set(name, reason);
}

bytes tdb_store_factory::saved_lineage(const std::string& name) const {
    return lineages_.of(name);
}

result<> tdb_store_factory::save_lineages(const std::map<std::string, bytes>& lineages) {
    return lineages_.save(lineages);
}

} // namespace ctdb::ctdbd
