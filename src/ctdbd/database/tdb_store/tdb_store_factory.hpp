// tdb_store_factory: where this node's database files are, how each kind is opened, what happens to
// files that cannot be used (databases.md 1.1, 1.3).
//
// <persistent dir>/<name>.<pnn> for persistent databases, <volatile dir>/<name>.<pnn> for the
// others, <state dir>/persistent_health.tdb.<pnn> and
// persistent_lineage.<pnn>. A volatile file that another process still has
// open is renamed to <path>.stale first: it stays valid for that process, which knew an earlier
// daemon. Opening a persistent file reads all of it (tdb_check).
//
// The agents outlive the factory, the factory the stores it has opened.
#pragma once

#include "common/base/ids.hpp"
#include "common/tdb/lock_agents.hpp"
#include "ctdbd/database/local_store.hpp"
#include "ctdbd/database/tdb_store/health.hpp"
#include "ctdbd/database/tdb_store/lineage_file.hpp"

#include <set>

namespace ctdb::ctdbd {

struct tdb_store_settings {
    std::string volatile_directory;
    std::string persistent_directory;
    std::string state_directory;
    ctdb::pnn node;
    bool mutexes = true;    // [database] tdb mutexes; only where the platform can
    int hash_size = 100001; // tunable DatabaseHashSize
    bool no_mmap = false;   // under a memory checker
};

class tdb_store_factory final : public store_factory {
public:
    // ENOENT/ENOTDIR: a directory is missing; all of them are named in one error.
    static result<std::unique_ptr<tdb_store_factory>>
    create(tdb::lock_agents& agents, tdb_store_settings settings);
    ~tdb_store_factory() override; // Requires: its stores are gone

    // EINVAL: not a name for a file. EBUSY: already open.
    [[nodiscard]] result<std::unique_ptr<local_store>> open(const store_spec& spec) override;
    [[nodiscard]] result<std::vector<std::string>> find_persistent() override;
    [[nodiscard]] std::string health(const std::string& name) const override;
    result<> set_health(const std::string& name, const std::string& reason) override;
    [[nodiscard]] bytes saved_lineage(const std::string& name) const override;
    result<> save_lineages(const std::map<std::string, bytes>& lineages) override;

    // For files opened from now on.
    void set_hash_size(int hash_size);

private:
    tdb_store_factory(
        tdb::lock_agents& agents,
        tdb_store_settings settings,
        std::unique_ptr<database_health> health
    );
    [[nodiscard]] std::string path_of(const store_spec& spec) const;
    [[nodiscard]] int flags_of(store_spec::kind kind) const;
    [[nodiscard]] result<std::unique_ptr<tdb::file>>
    open_persistent(const std::string& name, const tdb::open_options& options);
    [[nodiscard]] static result<std::unique_ptr<tdb::file>> open_volatile(tdb::open_options options
    );

    tdb::lock_agents& agents_;
    tdb_store_settings settings_;
    std::unique_ptr<database_health> health_;
    lineage_file lineages_;
    std::set<std::string> open_paths_; // libtdb cannot open a file twice
};

} // namespace ctdb::ctdbd
