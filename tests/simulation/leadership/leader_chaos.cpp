#include "tests/simulation/leadership/leader_chaos.hpp"

#include "common/base/log.hpp"
#include "common/protocol/messages.hpp"
#include "tests/simulation/leadership/leader_cluster.hpp"

namespace ctdb::simulation {

namespace {

using namespace std::chrono_literals;
namespace messages = protocol::messages;

constexpr std::size_t faults = 25;
// From the last fault to a settled cluster (LS3): leader timeout, an election, recoveries that wait
// for their pace. Mixed elections take longer by upstream's times.
constexpr auto settle_limit_ours = 20s;
constexpr auto settle_limit_mixed = 60s;
constexpr auto stays = 12s; // LS4

class chaos {
public:
    explicit chaos(std::uint64_t seed)
        : cluster_(settings_of(seed)), settings_(settings_of(seed)) {}

    chaos_outcome run() {
        chaos_outcome outcome;
        outcome.described = fmt::format(
            "{} nodes, {}, {}",
            settings_.nodes,
            settings_.lock ? "lock" : "no lock",
            settings_.ours ? "ours" : "mixed"
        );
        for (std::size_t i = 0; i < faults && cluster_.problem().empty(); ++i) {
            cluster_.run_for(world().between(1ms, 3s));
            something_happens();
        }
        outcome.problem = cluster_.problem();
        if (outcome.problem.empty()) {
            outcome.problem = heal_and_settle(outcome);
        }
        return outcome;
    }

private:
    static cluster_settings settings_of(std::uint64_t seed) {
        sim_world dice(seed * 2654435761U + 1);
        cluster_settings s;
        s.nodes = 3 + dice.below(5);
        s.lock = dice.chance(50);
        s.ours = dice.chance(70);
        s.delays.most = dice.chance(30) ? std::chrono::microseconds(40ms) : 1ms;
        s.seed = seed;
        if (dice.chance(10)) {
            s.nodes = 8 + dice.below(9);
        }
        return s;
    }
    sim_world& world() { return cluster_.world(); }
    std::size_t any_node() { return world().below(cluster_.size()); }

    void something_happens() {
        const std::size_t node = any_node();
        const std::size_t other = any_node();
        const std::uint64_t what = world().below(16);
        log_debug("FAULT {} node {} other {}", what, node, other);
        if (!cluster_.alive(node)) {
            cluster_.start(node);
        } else if (!cluster_.runs(node)) {
            cluster_.resume(node);
        } else {
            happens_to(what, node, other);
        }
    }

    void happens_to(std::uint64_t what, std::size_t node, std::size_t other) {
        switch (what) {
        case 0:
        case 1:
            cluster_.crash(node);
            break;
        case 2:
        case 3:
            cluster_.pause(node);
            break;
        case 4:
        case 5:
            if (node != other) {
                cluster_.cut(node, other);
            }
            break;
        case 6:
        case 7:
            heal_links();
            break;
        case 8:
            cluster_.at(node).own().stop();
            break;
        case 9:
            cluster_.at(node).own().resume();
            break;
        case 10:
            cluster_.at(node).set_leader_capability(world().chance(50));
            break;
        case 11:
            split();
            break;
        case 12:
            say_leader(node, unknown_pnn);
            break;
        case 13:
            say_leader(node, pnn{static_cast<std::uint32_t>(other)});
            break;
        case 14:
            cluster_.at(node).ask_for_recovery();
            break;
        default:
            if (settings_.lock) {
                cluster_.arbiter().file_system_away = world().chance(50);
            }
            break;
        }
    }

    void heal_links() {
        for (std::size_t a = 0; a < cluster_.size(); ++a) {
            for (std::size_t b = a + 1; b < cluster_.size(); ++b) {
                cluster_.heal(a, b);
            }
        }
    }

    // Two halves that cannot see each other.
    void split() {
        const std::size_t border = 1 + world().below(cluster_.size() - 1);
        for (std::size_t a = 0; a < border; ++a) {
            for (std::size_t b = border; b < cluster_.size(); ++b) {
                cluster_.cut(a, b);
            }
        }
    }

    void say_leader(std::size_t node, pnn who) {
        cluster_.stray(
            node, messages::leader::address, protocol::encode_message<messages::leader>(who)
        );
    }

    std::string heal_and_settle(chaos_outcome& outcome) {
        cluster_.heal_everything();
        const async::time_point healed = world().now();
        const auto limit = settings_.ours ? settle_limit_ours : settle_limit_mixed;
        const bool settled = cluster_.run_until([this] { return cluster_.settled(); }, limit);
        if (!settled) {
            return cluster_.problem().empty() ? "LS3: " + cluster_.unsettled() : cluster_.problem();
        }
        outcome.settled_after_s = std::chrono::duration<double>(world().now() - healed).count();
        cluster_.run_for(stays);
        const auto recoveries = cluster_.recoveries();
        cluster_.run_for(stays);
        if (!cluster_.problem().empty() || !cluster_.settled()) {
            return "LS4: settled, then " + cluster_.unsettled() + cluster_.problem();
        }
        return cluster_.recoveries() == recoveries ? "" : "LS4: it recovers again and again";
    }

    leader_cluster cluster_;
    cluster_settings settings_;
};

} // namespace

chaos_outcome run_leader_chaos(std::uint64_t seed) {
    return chaos(seed).run();
}

} // namespace ctdb::simulation
