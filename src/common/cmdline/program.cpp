#include "common/cmdline/program.hpp"

namespace ctdb::cmdline {

option_group help_with_h() {
    return {
        "Help Options:", {{"help", "help", 'h', argument::none, "", "Show this help message"}}, 0};
}

option_group help_and_usage() {
    return {
        "Help options:",
        {{"autohelp", "help", '?', argument::none, "", "Show this help message"},
         {"usage", "usage", '\0', argument::none, "", "Display brief usage message"}},
        1};
}

option debug_option() {
    return {
        "debug", "debug", 'd', argument::text, "ERROR|WARNING|NOTICE|INFO|DEBUG", "debug level"};
}

} // namespace ctdb::cmdline
