// A payload: the first byte picks the type.
#include "tests/unit/common/protocol/recode.hpp"

#include <cstdlib>

using namespace ctdb;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const auto names = protocol::test::type_names();
    if (size == 0) {
        return 0;
    }
    const std::string_view type = names[data[0] % names.size()];
    const bytes payload = to_bytes(std::as_bytes(std::span(data + 1, size - 1)));
    const auto once = protocol::test::recode_type(type, payload);
    if (!once) {
        return 0;
    }
    const auto twice = protocol::test::recode_type(type, *once);
    if (!twice || *twice != *once) {
        std::abort();
    }
    return 0;
}
