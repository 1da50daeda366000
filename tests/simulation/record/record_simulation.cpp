// Record ownership under thousands of bad days; see README.md.
#include "common/base/log.hpp"
#include "ctdbd/database/record/planted_bug.hpp"
#include "tests/simulation/record/record_cluster.hpp"
#include "tests/simulation/support/seed_options.hpp"

#include <chrono>
#include <cstdio>
#include <string_view>

namespace ctdb::ctdbd {
planted_bug bug_planted = planted_bug::none;
} // namespace ctdb::ctdbd

namespace {

using ctdb::ctdbd::planted_bug;
using namespace ctdb::simulation;

struct totals {
    std::uint64_t seeds = 0;
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

void print_failure(std::uint64_t seed, const run_result& one) {
    std::printf(
        "%s\n%s\nreplay: record_simulation --seed %llu --verbose\n",
        run_plan(seed).describe().c_str(),
        one.failure->c_str(),
        static_cast<unsigned long long>(seed)
    );
}

totals run_seeds(const seed_options& which) {
    totals all;
    for (std::uint64_t seed = which.first; seed < which.first + which.count; ++seed) {
        const run_result one = run_seed(seed);
        ++all.seeds;
        all.steps += one.steps;
        all.increments += one.increments;
        all.recoveries += one.recoveries;
        if (!one.failure) {
            continue;
        }
        if (all.failures++ == 0) {
            all.first_failure = seed;
            all.first_text = *one.failure;
        }
        if (!which.bugs) {
            print_failure(seed, one);
        }
        if (!which.keep_going) {
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

int run_all(const seed_options& which) {
    const auto start = std::chrono::steady_clock::now();
    const totals all = run_seeds(which);
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    std::printf(
        "%llu seeds from %llu in %.1f s, %llu failed; %llu events, %llu increments, "
        "%llu recoveries\n",
        static_cast<unsigned long long>(all.seeds),
        static_cast<unsigned long long>(which.first),
        taken.count(),
        static_cast<unsigned long long>(all.failures),
        static_cast<unsigned long long>(all.steps),
        static_cast<unsigned long long>(all.increments),
        static_cast<unsigned long long>(all.recoveries)
    );
    return all.failures == 0 ? 0 : 1;
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

int find_bugs(const seed_options& which) {
    int missed = 0;
    for (const bug_name& planted : bugs) {
        ctdb::ctdbd::bug_planted = planted.bug;
        const totals found = run_seeds(which);
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
    return missed == 0 ? 0 : 1;
}

} // namespace

int main(int argc, char** argv) {
    const auto asked = seed_options_of(
        "record_simulation", planted_bugs::some, ctdb::cmdline::arguments_of(argc, argv)
    );
    if (!asked) {
        return ctdb::cmdline::leave(asked.error());
    }
    if (asked->verbose) {
        ctdb::set_log_level(ctdb::log_level::debug);
    } else {
        ctdb::set_log_sink([](ctdb::log_level, std::string_view) {});
    }
    if (asked->bugs) {
        return find_bugs(*asked);
    }
    return asked->seed ? replay(*asked->seed) : run_all(*asked);
}
