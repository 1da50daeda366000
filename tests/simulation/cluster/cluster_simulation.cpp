// Whole nodes - leadership, record ownership, recovery, transactions - under thousands of bad days.
//
//   cluster_simulation                       CTDB_SIMULATION_SEEDS seeds (default 1000) from
//                                            CTDB_SIMULATION_FIRST (default 0)
//   cluster_simulation --first F --count N   the same
//   ... --keep-going                         past failures
//   cluster_simulation --bugs                with planted bugs: the checkers must find each
//   cluster_simulation --seed N [--verbose]  that one again, with the nodes' log
#include "common/base/log.hpp"
#include "ctdbd/database/record/planted_bug.hpp"
#include "tests/simulation/cluster/cluster_run.hpp"

#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <functional>
#include <string_view>

namespace ctdb::ctdbd {
planted_bug bug_planted = planted_bug::none;
} // namespace ctdb::ctdbd

namespace {

using namespace ctdb::simulation;
using ctdb::ctdbd::planted_bug;

constexpr std::size_t last_lines = 60;

run_result run_seed(std::uint64_t seed) {
    return cluster_run(run_plan(seed)).run();
}

void print(const run_result& one) {
    std::printf(
        "%.1f virtual seconds, settled %.1f s after healing, %llu events, %llu epochs, "
        "%llu increments, %llu deletions (%llu outside of the epoch, %llu times all holders left), "
        "%llu transactions (%llu might go, %llu turns lost): %s\n",
        one.virtual_seconds,
        one.settled_after_s,
        static_cast<unsigned long long>(one.steps),
        static_cast<unsigned long long>(one.epochs),
        static_cast<unsigned long long>(one.increments),
        static_cast<unsigned long long>(one.removals),
        static_cast<unsigned long long>(one.unpromised),
        static_cast<unsigned long long>(one.lost_records),
        static_cast<unsigned long long>(one.transactions),
        static_cast<unsigned long long>(one.forgiven),
        static_cast<unsigned long long>(one.turns_lost),
        one.failure ? one.failure->c_str() : "all invariants hold"
    );
}

// Runs the seed again with every line of its log; the sink must not outlive the run.
run_result run_told(std::uint64_t seed, const std::function<void(std::string)>& tell) {
    cluster_run run{run_plan(seed)};
    ctdb::set_log_level(ctdb::log_level::debug);
    ctdb::set_log_sink([&](ctdb::log_level, std::string_view line) {
        tell(fmt::format("{}: {}", run.moment(), line));
    });
    const run_result told = run.run();
    ctdb::set_log_sink([](ctdb::log_level, std::string_view) {});
    ctdb::set_log_level(ctdb::log_level::error);
    return told;
}

void tell_story(std::uint64_t seed) {
    std::deque<std::string> lines;
    const run_result again = run_told(seed, [&lines](std::string line) {
        lines.push_back(std::move(line));
        if (lines.size() > last_lines) {
            lines.pop_front();
        }
    });
    std::printf("last events:\n");
    for (const std::string& line : lines) {
        std::printf("  %s\n", line.c_str());
    }
    std::printf("%s\n", run_plan(seed).describe().c_str());
    print(again);
    std::printf(
        "replay: cluster_simulation --seed %llu --verbose\n", static_cast<unsigned long long>(seed)
    );
}

int replay(std::uint64_t seed, bool verbose) {
    std::printf("%s\n", run_plan(seed).describe().c_str());
    const auto tell = [verbose](const std::string& line) {
        if (verbose) {
            std::printf("%s\n", line.c_str());
        }
    };
    const run_result one = verbose ? run_told(seed, tell) : run_seed(seed);
    print(one);
    return one.failure ? 1 : 0;
}

void add(run_result& sum, const run_result& one) {
    sum.steps += one.steps;
    sum.virtual_seconds += one.virtual_seconds;
    sum.settled_after_s = std::max(sum.settled_after_s, one.settled_after_s);
    sum.epochs += one.epochs;
    sum.increments += one.increments;
    sum.removals += one.removals;
    sum.transactions += one.transactions;
    sum.unpromised += one.unpromised;
    sum.lost_records += one.lost_records;
    sum.forgiven += one.forgiven;
    sum.turns_lost += one.turns_lost;
}

int run_all(std::uint64_t first, std::uint64_t count, bool keep_going) {
    const auto start = std::chrono::steady_clock::now();
    run_result sum;
    std::uint64_t failed = 0;
    std::uint64_t done = 0;
    for (std::uint64_t seed = first; seed < first + count && (failed == 0 || keep_going); ++seed) {
        const run_result one = run_seed(seed);
        add(sum, one);
        ++done;
        if (one.failure) {
            ++failed;
            std::printf(
                "seed %llu: %s\n", static_cast<unsigned long long>(seed), one.failure->c_str()
            );
            if (!keep_going) {
                tell_story(seed);
            }
        }
    }
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    std::printf(
        "%llu seeds in %.1f s (%.1f/s), %llu failed; all together: ",
        static_cast<unsigned long long>(done),
        taken.count(),
        static_cast<double>(done) / taken.count(),
        static_cast<unsigned long long>(failed)
    );
    print(sum);
    return failed == 0 ? 0 : 1;
}

struct bug_name {
    planted_bug bug;
    const char* name;
};
constexpr bug_name bugs[] = {
    {planted_bug::inactive_nodes_pulled, "inactive nodes are pulled"},
    {planted_bug::older_epochs_counted, "copies of older epochs count"},
};

int find_bugs(std::uint64_t count) {
    int missed = 0;
    for (const bug_name& planted : bugs) {
        ctdb::ctdbd::bug_planted = planted.bug;
        std::uint64_t seed = 0;
        run_result one;
        while (seed < count && !one.failure) {
            one = run_seed(seed++);
        }
        std::printf(
            "bug \"%s\": %s%s\n",
            planted.name,
            one.failure ? fmt::format("found by seed {}: ", seed - 1).c_str() : "NOT FOUND",
            one.failure ? one.failure->c_str() : ""
        );
        missed += one.failure ? 0 : 1;
    }
    ctdb::ctdbd::bug_planted = planted_bug::none;
    return missed == 0 ? 0 : 1;
}

std::uint64_t number(const char* text, std::uint64_t otherwise) {
    std::uint64_t value = otherwise;
    if (text != nullptr) {
        std::from_chars(text, text + std::strlen(text), value);
    }
    return value;
}

} // namespace

int main(int argc, char** argv) {
    bool verbose = false;
    bool keep_going = false;
    bool plant = false;
    const char* seed = std::getenv("CTDB_SIMULATION_SEED");
    std::uint64_t first = number(std::getenv("CTDB_SIMULATION_FIRST"), 0);
    std::uint64_t count = number(std::getenv("CTDB_SIMULATION_SEEDS"), 1000);
    for (int i = 1; i < argc; ++i) {
        const std::string_view argument(argv[i]);
        verbose = verbose || argument == "--verbose";
        plant = plant || argument == "--bugs";
        keep_going = keep_going || argument == "--keep-going";
        if (i + 1 >= argc) {
            continue;
        }
        if (argument == "--seed") {
            seed = argv[++i];
        } else if (argument == "--first") {
            first = number(argv[++i], first);
        } else if (argument == "--count") {
            count = number(argv[++i], count);
        }
    }
    ctdb::set_log_level(ctdb::log_level::error);
    ctdb::set_log_sink([](ctdb::log_level, std::string_view) {});
    if (plant) {
        return find_bugs(count);
    }
    return seed != nullptr ? replay(number(seed, 0), verbose) : run_all(first, count, keep_going);
}
