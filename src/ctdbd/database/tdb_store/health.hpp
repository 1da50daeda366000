// database_health: which persistent databases of this node are not to be trusted, and why
// (databases.md 1.3, wire-protocol.md 7.6).
//
// Kept in <state directory>/persistent_health.tdb.<pnn>: key = database name, value = reason, both
// without NUL; no record = healthy. Every change is a durable transaction; answers come from
// memory.
#pragma once

#include "common/tdb/file.hpp"

#include <map>

namespace ctdb::ctdbd {

class database_health {
public:
    // A corrupt file is set aside and a new one begun: each database is checked when opened anyway.
    static result<std::unique_ptr<database_health>> open(const std::string& path);

    [[nodiscard]] std::string reason(const std::string& name) const; // empty = healthy
    result<> set(const std::string& name, const std::string& reason);

private:
    explicit database_health(std::unique_ptr<tdb::file> opened) : file_(std::move(opened)) {}
    [[nodiscard]] result<> load();
    result<> change(const std::string& name, const std::string& reason);

    std::unique_ptr<tdb::file> file_;
    std::map<std::string, std::string> reasons_;
};

} // namespace ctdb::ctdbd
