// ensure(condition): a programmer's error stops the process, in every build; the service manager
// restarts it. Never for input from outside: that is a result<> or a counted, logged drop.
#pragma once

namespace ctdb {
[[noreturn]] void ensure_failed(const char* condition, const char* file, int line) noexcept;
} // namespace ctdb

#define ensure(condition)                                                                          \
    ((condition) ? void() : ::ctdb::ensure_failed(#condition, __FILE__, __LINE__))
