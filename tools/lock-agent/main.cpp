// ctdb-lock-agent FD [NICE]: waits for database locks on behalf of ctdbd, which starts it and
// speaks to it over the socket FD (common/tdb/agent_wire.hpp). NICE, 0 to 19, is added to its nice
// value. Not for use by hand.
#include "common/tdb/agent.hpp"

#include <charconv>
#include <cstdio>
#include <cstring>

#include <unistd.h>

namespace {

// -1: no number.
int number_in(const char* text) {
    int number = -1;
    const char* end = text + std::strlen(text);
    const auto parsed = std::from_chars(text, end, number);
    return parsed.ec == std::errc{} && parsed.ptr == end ? number : -1;
}

} // namespace

int main(int argc, char** argv) {
    const bool counted = argc == 2 || argc == 3;
    const int socket = counted ? number_in(argv[1]) : -1;
    const int added_nice = counted && argc == 3 ? number_in(argv[2]) : 0;
    if (socket < 3 || added_nice < 0 || added_nice > 19) {
        std::fputs("usage: ctdb-lock-agent SOCKET-FD [NICE] (started by ctdbd only)\n", stderr);
        return 2;
    }
    if (added_nice > 0) {
        [[maybe_unused]] const int now = nice(added_nice); // it works without as well
    }
    return ctdb::tdb::run_agent(socket);
}
