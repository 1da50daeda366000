// Records as catdb, cattdb and dumpdbbackup show them: five lines each; with --jsonl one object per
// line as they come; with --json one object with all of them. The number at the end.
#pragma once

#include "json.hpp"

#include <cstddef>

namespace ctdb::tool {

[[nodiscard]] json record_json(const protocol::record_header& header, byte_view data);

class dump {
public:
    explicit dump(const context& ctx) : ctx_(ctx) {}
    void show(byte_view key, byte_view value); // value with its header; without one it is no record
    void end(std::string_view noun) const;     // "Dumped 3 records"

private:
    const context& ctx_;
    std::size_t count_ = 0;
    json records_ = json::array(); // of --json
};

} // namespace ctdb::tool
