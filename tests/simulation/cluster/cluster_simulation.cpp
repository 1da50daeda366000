// Whole nodes - leadership, record ownership, recovery, transactions - under thousands of bad days;
// see README.md.
#include "common/base/log.hpp"
#include "ctdbd/database/record/planted_bug.hpp"
#include "tests/simulation/cluster/cluster_run.hpp"
#include "tests/simulation/support/seed_options.hpp"

#include <chrono>
#include <cstdio>
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

int run_all(const seed_options& which) {
    const auto start = std::chrono::steady_clock::now();
    run_result sum;
    std::uint64_t failed = 0;
    std::uint64_t done = 0;
    const std::uint64_t end = which.first + which.count;
    for (std::uint64_t seed = which.first; seed < end && (failed == 0 || which.keep_going);
         ++seed) {
        const run_result one = run_seed(seed);
        add(sum, one);
        ++done;
        if (one.failure) {
            ++failed;
            std::printf(
                "seed %llu: %s\n", static_cast<unsigned long long>(seed), one.failure->c_str()
            );
            if (!which.keep_going) {
                tell_story(seed);
            }
        }
    }
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    std::printf(
        "%llu seeds from %llu in %.1f s (%.1f/s), %llu failed; all together: ",
        static_cast<unsigned long long>(done),
        static_cast<unsigned long long>(which.first),
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
    {planted_bug::refusals_ignored, "refusals of TRY_DELETE are ignored"},
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

} // namespace

int main(int argc, char** argv) {
    const auto asked = seed_options_of(
        "cluster_simulation", planted_bugs::some, ctdb::cmdline::arguments_of(argc, argv)
    );
    if (!asked) {
        return ctdb::cmdline::leave(asked.error());
    }
    ctdb::set_log_level(ctdb::log_level::error);
    ctdb::set_log_sink([](ctdb::log_level, std::string_view) {});
    if (asked->bugs) {
        return find_bugs(asked->count);
    }
    return asked->seed ? replay(*asked->seed, asked->verbose) : run_all(*asked);
}
