// The command line that the benchmark programs share, "NAME [WORD] NUMBER... SOCKET...", and what
// becomes of it: a measurement with a connection to the node of every SOCKET.
#pragma once

#include "cluster.hpp"

#include <functional>
#include <span>

namespace ctdb::bench {

struct command_line {
    const char* usage; // begins with the program's name
    std::size_t numbers;
    std::size_t sockets_min;
};

struct order {
    std::vector<unsigned> numbers; // as many as the command line has
    strings sockets;
};

// The words after the program's name, or none of them.
[[nodiscard]] strings words_of(int argc, char** argv);

// Does the job with what the words say, and the exit status: 0, 1 with the error on stderr, 2 with
// the usage there if the words are not those of the command line.
[[nodiscard]] int run_program(
    const command_line& form,
    const strings& words,
    const std::function<result<>(const order& what)>& job
);

// A measurement as such a job, in a loop of its own.
using measurement = async::task<result<>> (*)(connections& nodes, const order& what);
[[nodiscard]] int
measure(const command_line& form, int argc, char** argv, measurement what_to_measure);

} // namespace ctdb::bench
