// ctdb-lock-agent FD: waits for database locks on behalf of ctdbd, which starts it and speaks to it
// over the socket FD (common/tdb/agent_wire.hpp). Not for use by hand.
#include "common/tdb/agent.hpp"

#include <charconv>
#include <cstdio>
#include <cstring>

int main(int argc, char** argv) {
    int socket = -1;
    if (argc == 2) {
        const char* end = argv[1] + std::strlen(argv[1]);
        const auto parsed = std::from_chars(argv[1], end, socket);
        if (parsed.ec != std::errc{} || parsed.ptr != end) {
            socket = -1;
        }
    }
    if (socket < 3) {
        std::fputs("usage: ctdb-lock-agent SOCKET-FD (started by ctdbd only)\n", stderr);
        return 2;
    }
    return ctdb::tdb::run_agent(socket);
}
