// Decoding and encoding by run-time names: what generic tests and fuzz targets call.
//
// Each decodes the bytes and encodes the value again; the error is the decoder's.
#pragma once

#include "common/base/bytes.hpp"
#include "common/base/ids.hpp"
#include "common/base/result.hpp"

#include <cstdint>
#include <string_view>
#include <vector>

namespace ctdb::protocol::test {

[[nodiscard]] result<bytes> recode_request(std::uint32_t opcode, byte_view payload);
[[nodiscard]] result<bytes> recode_reply(std::uint32_t opcode, byte_view payload);
[[nodiscard]] result<bytes>
recode_message(srvid address, byte_view payload); // any payload if unknown
[[nodiscard]] result<bytes> recode_packet(byte_view packet
); // body of controls and messages included
[[nodiscard]] result<bytes> recode_type(std::string_view type, byte_view payload);

// Names that recode_type() knows: those of the golden vectors.
[[nodiscard]] std::vector<std::string_view> type_names();

} // namespace ctdb::protocol::test
