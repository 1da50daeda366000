#include "program.hpp"

#include "common/base/log.hpp"

#include <cstdio>
#include <string_view>

#include <fmt/format.h>

namespace ctdb::bench {

namespace {

std::optional<order> parse(const command_line& form, const strings& words) {
    if (words.size() < form.numbers + form.sockets_min) {
        return std::nullopt;
    }
    const auto sockets = words.begin() + static_cast<std::ptrdiff_t>(form.numbers);
    order what;
    for (auto word = words.begin(); word != sockets; ++word) {
        const auto number = number_in(*word);
        if (!number) {
            return std::nullopt;
        }
        what.numbers.push_back(*number);
    }
    what.sockets.assign(sockets, words.end());
    return what;
}

async::task<result<>>
with_connections(async::event_loop& loop, measurement job, const order& what) {
    auto nodes = co_await connect_all(loop, what.sockets);
    if (!nodes) {
        co_return pass(nodes);
    }
    co_return co_await job(*nodes, what);
}

} // namespace

strings words_of(int argc, char** argv) {
    return argc > 0 ? strings(argv + 1, argv + argc) : strings();
}

int run_program(
    const command_line& form,
    const strings& words,
    const std::function<result<>(const order& what)>& job
) {
    set_log_level(log_level::error); // that a client works at a stretch is its purpose
    const auto what = parse(form, words);
    if (!what) {
        fmt::print(stderr, "usage: {}\n", form.usage);
        return 2;
    }
    const auto done = job(*what);
    if (!done) {
        const std::string_view usage = form.usage;
        fmt::print(stderr, "{}: {}\n", usage.substr(0, usage.find(' ')), done.error().what);
    }
    return done ? 0 : 1;
}

int measure(const command_line& form, int argc, char** argv, measurement what_to_measure) {
    return run_program(form, words_of(argc, argv), [what_to_measure](const order& what) {
        async::event_loop loop;
        return loop.run_until_done(with_connections(loop, what_to_measure, what));
    });
}

} // namespace ctdb::bench
