#include "common/base/ensure.hpp"

#include "common/base/log.hpp"
#include "common/base/result.hpp"

#include <cstdlib>
#include <cstring>

namespace ctdb {

void ensure_failed(const char* condition, const char* file, int line) noexcept {
    log_line(log_level::error, fmt::format("{}:{}: broken assumption: {}", file, line, condition));
    std::abort();
}

tl::unexpected<error> fail_errno_text(int code, std::string what) {
    return fail(code == 0 ? EIO : code, "{}: {}", what, std::strerror(code));
}

} // namespace ctdb
