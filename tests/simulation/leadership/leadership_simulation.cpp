// Timed cases and seeds of chaos; see README.md.
#include "common/base/log.hpp"
#include "common/protocol/messages.hpp"
#include "tests/simulation/leadership/leader_chaos.hpp"
#include "tests/simulation/leadership/leader_cluster.hpp"
#include "tests/simulation/support/seed_options.hpp"

namespace {

using namespace ctdb;
using namespace ctdb::simulation;
using namespace std::chrono_literals;

int failures = 0;

cluster_settings settings_for(bool lock, bool ours) {
    cluster_settings s;
    s.lock = lock;
    s.ours = ours;
    return s;
}

void report(const std::string& name, bool good, double seconds, const std::string& problem) {
    fmt::print(
        "{:<62} {} {:.3f} s{}\n",
        name,
        good ? "ok  " : "FAIL",
        seconds,
        good || problem.empty() ? "" : ": " + problem
    );
    failures += good ? 0 : 1;
}

// Runs until settled without `gone` leading; the limit is the requirement.
void expect_settled(
    const std::string& name, leader_cluster& c, async::duration limit, pnn gone = unknown_pnn
) {
    const async::time_point began = c.world().now();
    const bool good = c.run_until([&] { return c.settled() && *c.common_leader() != gone; }, limit);
    const std::chrono::duration<double> took = c.world().now() - began;
    report(name, good, took.count(), c.problem().empty() ? c.unsettled() : c.problem());
}

// A cluster that has settled for a while; where to begin.
std::size_t settle(leader_cluster& c) {
    c.run_until([&] { return c.settled(); }, 40s);
    c.run_for(3s);
    const auto leader = c.common_leader();
    if (!leader) {
        report("a cluster settles to begin with", false, 0, c.unsettled());
    }
    return leader.value_or(pnn{0}).value;
}

std::string kind(bool lock, bool ours) {
    return fmt::format("{}, {}", lock ? "lock" : "no lock", ours ? "ours" : "mixed");
}

void cold_start(bool lock, bool ours) {
    leader_cluster c(settings_for(lock, ours));
    expect_settled("cold start, " + kind(lock, ours), c, ours ? 1500ms : 12s);
}

void leader_killed(bool lock, bool ours) {
    leader_cluster c(settings_for(lock, ours));
    const std::size_t leader = settle(c);
    c.crash(leader);
    expect_settled("leader killed, " + kind(lock, ours), c, ours ? 1000ms : 12s);
}

void leader_stopped(bool lock, bool ours) {
    leader_cluster c(settings_for(lock, ours));
    const std::size_t leader = settle(c);
    c.at(leader).own().stop();
    const pnn gone{static_cast<std::uint32_t>(leader)};
    // Mixed without lock: ElectionTimeout after the last ELECTION message.
    expect_settled("leader stopped, " + kind(lock, ours), c, ours || lock ? 1000ms : 6s, gone);
}

void leader_paused(bool lock, bool ours) {
    leader_cluster c(settings_for(lock, ours));
    const std::size_t leader = settle(c);
    c.pause(leader);
    // Noticed by silence; a lock is dropped by the keeper after the leader timeout.
    const auto limit = ours ? (lock ? 7s : 4s) : 60s;
    expect_settled("leader hangs, " + kind(lock, ours), c, limit);
    c.resume(leader);
    c.run_for(100ms);
    expect_settled("leader is back from the hang, " + kind(lock, ours), c, ours ? 10s : 40s);
}

void stray_election(bool lock, bool ours) {
    leader_cluster c(settings_for(lock, ours));
    settle(c);
    const std::size_t before = c.recoveries();
    c.stray(
        1,
        protocol::messages::leader::address,
        protocol::encode_message<protocol::messages::leader>(unknown_pnn)
    );
    c.run_for(1ms);
    expect_settled("stray LEADER{UNKNOWN}, " + kind(lock, ours), c, ours || lock ? 500ms : 5s);
    if (ours && c.recoveries() != before) {
        report("  and nobody recovers for it", false, 0, "recovered");
    }
}

// databases.md 12.1 #26: by event, not by the leader's look once a second, so at whatever moment it
// is asked for; a second cause does not wait for RerecoveryTimeout.
void recovery_is_asked_for(bool lock) {
    leader_cluster c(settings_for(lock, true));
    const std::size_t leader = settle(c);
    std::chrono::duration<double> longest{0};
    for (int moment = 0; moment < 10; ++moment) {
        c.run_for(20s + 100ms); // the last recovery is forgotten; a tenth of a second later
        c.at((leader + 1) % 3).ask_for_recovery();
        const async::time_point began = c.world().now();
        c.run_until([&] { return c.settled(); }, 5s);
        longest = std::max<std::chrono::duration<double>>(longest, c.world().now() - began);
    }
    report(
        "a follower asks for a recovery, " + kind(lock, true),
        longest < 400ms && c.problem().empty(),
        longest.count(),
        c.problem()
    );
    c.crash((leader + 2) % 3);
    c.run_until([&] { return !c.settled(); }, 5s);
    expect_settled("  and another cause follows at once", c, 3s);
}

void one_link_broken(bool lock) {
    leader_cluster c(settings_for(lock, true));
    const std::size_t leader = settle(c);
    const std::size_t other = (leader + 1) % 3;
    c.cut(leader, other);
    c.run_for(3s);
    bool unseated = false;
    c.run_until(
        [&] {
            unseated = unseated || !c.at(leader).leader_logic().leading();
            return unseated;
        },
        20s
    );
    report(
        "one broken link does not unseat the leader, " + kind(lock, true),
        !unseated && c.problem().empty(),
        20,
        c.problem()
    );
}

void check(const std::string& name, bool good, leader_cluster& c) {
    report(name, good && c.problem().empty(), 0, c.problem());
}

// Two followers that cannot talk to each other: one has to go, the rest serves.
void followers_cannot_talk() {
    leader_cluster c(settings_for(false, true));
    const std::size_t leader = settle(c);
    c.cut((leader + 1) % 3, (leader + 2) % 3);
    c.run_for(1s);
    const auto banned = [&](std::size_t node) { return c.at(node).table().own_is_banned(); };
    const bool one_went =
        c.run_until([&] { return banned((leader + 1) % 3) != banned((leader + 2) % 3); }, 20s);
    check("two followers cannot talk: one is banned", one_went && !banned(leader), c);
    expect_settled("  and the rest goes on", c, 2s);
}

// databases.md 12.1 #19: not before twice as many failed recoveries as there are nodes.
void recoveries_fail_at_one_node() {
    leader_cluster c(settings_for(false, true));
    const std::size_t leader = settle(c);
    const std::size_t bad = (leader + 1) % 3;
    const std::size_t good = (leader + 2) % 3;
    c.at(bad).refuse_maps(true);
    c.at(good).ask_for_recovery();
    const bool banned = c.run_until([&] { return c.at(bad).table().own_is_banned(); }, 120s);
    const bool only_it = !c.at(leader).table().own_is_banned();
    check("who makes every recovery fail is banned", banned && only_it, c);
    check("  after 6 of them", c.at(bad).maps_refused() == 6, c);
    expect_settled("  and the rest goes on", c, 12s);
}

// Seldom enough, so that there are successes in between: nobody is to blame for long.
void recoveries_fail_now_and_then() {
    leader_cluster c(settings_for(false, true));
    const std::size_t leader = settle(c);
    const std::size_t other = (leader + 1) % 3;
    for (std::uint32_t failed = 5; failed <= 15; failed += 5) {
        c.at(other).refuse_maps(true);
        c.at(other).ask_for_recovery();
        c.run_until([&] { return c.at(other).maps_refused() >= failed; }, 120s);
        c.at(other).refuse_maps(false);
        c.run_until([&] { return c.settled(); }, 30s);
    }
    check(
        "failed recoveries are forgiven with a success",
        c.settled() && !c.at(other).table().own_is_banned() && c.at(other).maps_refused() == 15,
        c
    );
}

void recoveries_disabled() {
    leader_cluster c(settings_for(false, true));
    const std::size_t leader = settle(c);
    const auto disable = [&](std::uint32_t seconds) {
        const protocol::disable_message m{pnn{0}, srvid{0}, seconds};
        c.stray(
            leader,
            protocol::messages::disable_recoveries::address,
            protocol::encode_message<protocol::messages::disable_recoveries>(m)
        );
    };
    disable(20);
    c.run_for(100ms);
    c.at((leader + 1) % 3).ask_for_recovery();
    c.run_for(10s);
    check("disabled recoveries do not happen", !c.settled(), c);
    disable(0);
    c.run_for(50ms);
    expect_settled("  and do when they are enabled again", c, 1s);
}

// Three nodes without a lock: the one that is alone stops serving by itself, the others go on.
void minority_fences_itself() {
    leader_cluster c(settings_for(false, true));
    const std::size_t leader = settle(c);
    c.cut(leader, (leader + 1) % 3);
    c.cut(leader, (leader + 2) % 3);
    c.run_for(14s);
    check("a node alone is not fenced too early", !c.at(leader).fenced(), c);
    c.run_for(2s);
    const bool others = c.at((leader + 1) % 3).fenced() || c.at((leader + 2) % 3).fenced();
    check(
        "a node alone is fenced after three leader timeouts",
        c.at(leader).fenced() && !c.at(leader).leader_logic().leading() && !others,
        c
    );
    c.heal_everything();
    c.run_for(200ms);
    expect_settled("  and serves again when the others are back", c, 3s);
    check("  unfenced", !c.at(leader).fenced(), c);
}

void lock_file_system_away() {
    leader_cluster c(settings_for(true, true));
    const std::size_t leader = settle(c);
    c.arbiter().file_system_away = true;
    c.crash(leader);
    c.run_for(20s);
    const std::size_t other = (leader + 1) % 3;
    check(
        "no lock, no leader, fenced while its file system is away",
        !c.common_leader() && c.at(other).fenced(),
        c
    );
    c.arbiter().file_system_away = false;
    expect_settled("  and soon a leader when it is back", c, 3s);
}

void timed_cases() {
    followers_cannot_talk();
    recoveries_fail_at_one_node();
    recoveries_fail_now_and_then();
    recoveries_disabled();
    minority_fences_itself();
    lock_file_system_away();

    for (const bool lock : {false, true}) {
        for (const bool ours : {true, false}) {
            cold_start(lock, ours);
            leader_killed(lock, ours);
            leader_stopped(lock, ours);
            leader_paused(lock, ours);
            stray_election(lock, ours);
        }
        one_link_broken(lock);
        recovery_is_asked_for(lock);
    }
}

struct chaos_totals {
    std::uint64_t seeds = 0;
    std::uint64_t failed = 0;
    double longest = 0;
    std::uint64_t longest_seed = 0;
};

void chaos_seed(std::uint64_t seed, chaos_totals& all) {
    const chaos_outcome outcome = run_leader_chaos(seed);
    ++all.seeds;
    if (!outcome.problem.empty()) {
        fmt::print("seed {} ({}): {}\n", seed, outcome.described, outcome.problem);
        fmt::print("replay: leadership_simulation --seed {} --verbose\n", seed);
        ++all.failed;
    }
    if (outcome.settled_after_s > all.longest) {
        all.longest = outcome.settled_after_s;
        all.longest_seed = seed;
    }
}

void chaos_seeds(const seed_options& which) {
    chaos_totals all;
    const std::uint64_t end = which.first + which.count;
    for (std::uint64_t s = which.first; s < end && (all.failed == 0 || which.keep_going); ++s) {
        chaos_seed(s, all);
    }
    failures += static_cast<int>(all.failed);
    fmt::print(
        "{} seeds from {}, {} failed; longest way to a settled cluster {:.2f} s (seed {})\n",
        all.seeds,
        which.first,
        all.failed,
        all.longest,
        all.longest_seed
    );
}

} // namespace

int main(int argc, char** argv) {
    auto asked = seed_options_of(
        "leadership_simulation", planted_bugs::none, cmdline::arguments_of(argc, argv)
    );
    if (!asked) {
        return cmdline::leave(asked.error());
    }
    set_log_level(log_level::debug);
    if (!asked->verbose) {
        set_log_sink([](log_level, std::string_view) {});
        set_log_level(log_level::error);
    }
    if (asked->seed) {
        asked->first = *asked->seed;
        asked->count = 1;
    } else {
        timed_cases();
    }
    chaos_seeds(*asked);
    return failures == 0 ? 0 : 1;
}
