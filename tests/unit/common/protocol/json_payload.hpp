// Payloads of the golden vectors by the names used there ("payload_type", "type").
#pragma once

#include "common/base/bytes.hpp"
#include "tests/unit/common/protocol/json_archive.hpp"

#include <string_view>

namespace ctdb::protocol::test {

// The payload's bytes as our encoder makes them from the fields; `type` null (""): nothing.
[[nodiscard]] bytes encode_fields(std::string_view type, const json& fields);

// decode(wire) gives the value that the fields describe.
[[nodiscard]] bool decodes_to_fields(std::string_view type, const json& fields, byte_view wire);

[[nodiscard]] bool knows_type(std::string_view type);

} // namespace ctdb::protocol::test
