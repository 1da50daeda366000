// The golden vectors: tests/vectors, or the directory that CTDB_TEST_VECTORS names.
#pragma once

#include "common/base/bytes.hpp"
#include "tests/unit/common/protocol/json_archive.hpp"

#include <string>
#include <vector>

namespace ctdb::protocol::test {

// The vectors of one file ("calls"), as an array. Throws if the file is missing or its count is
// wrong.
[[nodiscard]] json load_vectors(const std::string& family);

// Every packet object of every file of packets: fields and "hex". Those of exchanges.json included.
[[nodiscard]] std::vector<json> all_packets();

} // namespace ctdb::protocol::test
