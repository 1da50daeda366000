// lineage_file: which recoveries the persistent databases of this node have been through, kept in
// one file over restarts (doc/decisions/0070). The lineages are opaque here.
//
// Format, little-endian: magic "CTDBLIN1", u32 count, per database u32 name size, name, u32 size,
// lineage. Written beside, synced and renamed: old or new, never half. A file that cannot be read
// is as good as none: sequence numbers decide then.
#pragma once

#include "common/base/bytes.hpp"
#include "common/base/result.hpp"

#include <map>
#include <string>

namespace ctdb::ctdbd {

class lineage_file {
public:
    explicit lineage_file(std::string path);

    [[nodiscard]] bytes of(const std::string& name) const;          // empty: not known
    void forget(const std::string& name) { lineages_.erase(name); } // until the next save
    result<> save(const std::map<std::string, bytes>& lineages);

private:
    [[nodiscard]] result<> load();
    result<> write(byte_view content) const;

    std::string path_;
    std::map<std::string, bytes> lineages_;
};

} // namespace ctdb::ctdbd
