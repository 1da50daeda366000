// All golden packets and types as plain bytes, for tests that damage them.
#pragma once

#include "common/base/bytes.hpp"

#include <string>
#include <vector>

namespace ctdb::protocol::test {

struct sample {
    std::string name;
    std::string type; // empty: a packet
    bytes wire;
};

[[nodiscard]] std::vector<sample> all_samples();

} // namespace ctdb::protocol::test
