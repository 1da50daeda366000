// Record ownership under thousands of bad days.
//
//   record_simulation                      seeds 0 .. CTDB_SIMULATION_SEEDS-1 (default 2000)
//   record_simulation --seed N [--verbose] that one again, with the engines' log
//   record_simulation --bugs               with planted bugs: the checkers must find each
#include "common/base/log.hpp"
#include "ctdbd/database/record/planted_bug.hpp"
#include "tests/simulation/record/record_cluster.hpp"

#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

namespace ctdb::ctdbd {
planted_bug bug_planted = planted_bug::none;
} // namespace ctdb::ctdbd

namespace {

using ctdb::ctdbd::planted_bug;
using namespace ctdb::simulation;

struct totals {
    std::uint64_t failures = 0;
    std::uint64_t first_failure = 0;
    std::string first_text;
    std::uint64_t steps = 0;
    std::uint64_t increments = 0;
    std::uint64_t recoveries = 0;
};

run_result run_seed(std::uint64_t seed) {
    record_cluster cluster{run_plan(seed)};
    return cluster.run();
}

totals run_seeds(std::uint64_t count, bool stop_at_first) {
    totals all;
    for (std::uint64_t seed = 0; seed < count; ++seed) {
        const run_result one = run_seed(seed);
        all.steps += one.steps;
        all.increments += one.increments;
        all.recoveries += one.recoveries;
        if (one.failure && all.failures++ == 0) {
            all.first_failure = seed;
            all.first_text = *one.failure;
        }
        if (one.failure && stop_at_first) {
            break;
        }
    }
    return all;
}

int replay(std::uint64_t seed) {
    std::printf("%s\n", run_plan(seed).describe().c_str());
    const run_result one = run_seed(seed);
    std::printf(
        "%llu steps, %llu recoveries, %llu increments: %s\n",
        static_cast<unsigned long long>(one.steps),
        static_cast<unsigned long long>(one.recoveries),
        static_cast<unsigned long long>(one.increments),
        one.failure ? one.failure->c_str() : "all invariants hold"
    );
    return one.failure ? 1 : 0;
}

int run_all(std::uint64_t count) {
    const auto start = std::chrono::steady_clock::now();
    const totals all = run_seeds(count, true);
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    std::printf(
        "%llu seeds, %llu events, %llu increments, %llu recoveries in %.1f s\n",
        static_cast<unsigned long long>(count),
        static_cast<unsigned long long>(all.steps),
        static_cast<unsigned long long>(all.increments),
        static_cast<unsigned long long>(all.recoveries),
        taken.count()
    );
    if (all.failures == 0) {
        return 0;
    }
    std::printf(
        "%s\n%s\nreplay: record_simulation --seed %llu --verbose\n",
        run_plan(all.first_failure).describe().c_str(),
        all.first_text.c_str(),
        static_cast<unsigned long long>(all.first_failure)
    );
    return 1;
}

struct bug_name {
    planted_bug bug;
    const char* name;
};
constexpr bug_name bugs[] = {
    {planted_bug::rsn_not_raised, "rsn not raised"},
    {planted_bug::old_dmaster_keeps_role, "old dmaster keeps its role"},
    {planted_bug::old_generation_served, "old generation served"},
    {planted_bug::orphans_not_noticed, "orphans not noticed"},
    {planted_bug::gone_client_kept, "gone client kept"},
    {planted_bug::reader_not_remembered, "reader not remembered"},
    {planted_bug::copy_stays_readable, "copy stays readable"},
    {planted_bug::migrated_flag_forgotten, "MIGRATED_WITH_DATA forgotten"},
    {planted_bug::reply_dmaster_lost, "REPLY_DMASTER lost"},
};

int find_bugs(std::uint64_t count) {
    int missed = 0;
    for (const bug_name& planted : bugs) {
        ctdb::ctdbd::bug_planted = planted.bug;
        const totals found = run_seeds(count, true);
        std::printf(
            "%s: %s\n",
            planted.name,
            found.failures == 0
                ? "NOT FOUND"
                : fmt::format("seed {}: {}", found.first_failure, found.first_text).c_str()
        );
        missed += found.failures == 0 ? 1 : 0;
    }
    ctdb::ctdbd::bug_planted = planted_bug::none;
    return missed;
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
    bool plant = false;
    const char* seed = std::getenv("CTDB_SIMULATION_SEED");
    for (int i = 1; i < argc; ++i) {
        const std::string_view argument(argv[i]);
        verbose = verbose || argument == "--verbose";
        plant = plant || argument == "--bugs";
        if (argument == "--seed" && i + 1 < argc) {
            seed = argv[++i];
        }
    }
    if (verbose) {
        ctdb::set_log_level(ctdb::log_level::debug);
    } else {
        ctdb::set_log_sink([](ctdb::log_level, std::string_view) {});
    }
    const std::uint64_t count = number(std::getenv("CTDB_SIMULATION_SEEDS"), 2000);
    if (plant) {
        return find_bugs(count);
    }
    return seed != nullptr ? replay(number(seed, 0)) : run_all(count);
}
