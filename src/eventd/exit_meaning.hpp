// What the end of a script means: 0, its exit status, or a negative errno. Pure.
//
// Upstream reserves exit statuses 64 to 254 for "errno + 64", by which its child reports a failed
// exec; third-party scripts of component legacy use it (exit 77 = "disabled"), so there it holds
// (events.md 1.5). In the other components an exit status is a plain failure: a failed exec is
// reported to us by posix_spawn.
#pragma once

#include <cstdint>
#include <string_view>

namespace ctdb::eventd {

enum class exit_rule : std::uint8_t { plain, errno_above_64 };

[[nodiscard]] exit_rule rule_of(std::string_view component) noexcept;

[[nodiscard]] std::int32_t meaning_of_exit(int wait_status, exit_rule rule) noexcept;

// The script could not be executed. A vanished or not executable script is disabled; a script that
// is there with its interpreter missing cannot run.
enum class script_file : std::uint8_t { exists, vanished };
[[nodiscard]] std::int32_t meaning_of_failed_start(int code, script_file file) noexcept;

} // namespace ctdb::eventd
