// Expected failures are values: result<T> holds a T or an error {errno, context}.
//
// The context is built once, where the failure happens, and names object and cause. Callers add
// what they were doing with `in("reading nodes")` only when it helps the person who reads the log.
#pragma once

#include <cerrno>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <tl/expected.hpp>

namespace ctdb {

struct [[nodiscard]] error {
    int code = 0;     // errno value, never 0 in a failed result
    std::string what; // "cannot open /x/y: Permission denied"
};

template <class T = void>
using result = tl::expected<T, error>;

// fail(EINVAL, "node {}: unknown", n): the failed branch of any result<T>.
template <class... Args>
[[nodiscard]] tl::unexpected<error>
fail(int code, fmt::format_string<Args...> format, Args&&... args) {
    return tl::unexpected<error>(error{code, fmt::format(format, std::forward<Args>(args)...)});
}

// fail_errno("open {}", path): code and text from errno (read before anything else runs).
[[nodiscard]] tl::unexpected<error> fail_errno_text(int code, std::string what);
template <class... Args>
[[nodiscard]] tl::unexpected<error> fail_errno(fmt::format_string<Args...> format, Args&&... args) {
    const int code = errno;
    return fail_errno_text(code, fmt::format(format, std::forward<Args>(args)...));
}

// pass(r): forwards the error of a failed result as the failed branch of another.
template <class T>
[[nodiscard]] tl::unexpected<error> pass(const result<T>& failed) {
    return tl::unexpected<error>(failed.error());
}

} // namespace ctdb
