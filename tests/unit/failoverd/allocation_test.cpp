#include "failoverd/allocate/allocation.hpp"

#include <random>

#include <gtest/gtest.h>

namespace ctdb::failoverd {
namespace {

protocol::sock_addr address(std::uint8_t c, std::uint8_t d) {
    return protocol::ipv4({10, 0, c, d});
}

allocation_input cluster(std::uint32_t nodes, int addresses) {
    allocation_input input;
    input.nodes = nodes;
    for (int i = 0; i < addresses; ++i) {
        address_input a;
        a.address = address(0, static_cast<std::uint8_t>(30 + i));
        for (std::uint32_t n = 0; n < nodes; ++n) {
            a.available_on.insert(pnn(n));
        }
        input.addresses.push_back(std::move(a));
    }
    return input;
}

std::map<pnn, int> counts(const std::vector<allocated>& all) {
    std::map<pnn, int> out;
    for (const allocated& a : all) {
        ++out[a.holder];
    }
    return out;
}

void put_back(allocation_input& input, const std::vector<allocated>& result) {
    for (const allocated& a : result) {
        for (address_input& i : input.addresses) {
            if (i.address == a.address) {
                i.holder = a.holder;
            }
        }
    }
}

TEST(Lcp2, SpreadsAddressesEvenly) {
    const auto result = allocate(cluster(3, 6));
    EXPECT_EQ(counts(result), (std::map<pnn, int>{{pnn(0), 2}, {pnn(1), 2}, {pnn(2), 2}}));
}

TEST(Lcp2, ListsAddressesDescending) {
    const auto result = allocate(cluster(1, 3));
    ASSERT_EQ(result.size(), 3U);
    EXPECT_EQ(result[0].address, address(0, 32));
    EXPECT_EQ(result[2].address, address(0, 30));
}

TEST(Lcp2, MovesNothingWhenNothingChanges) {
    auto input = cluster(3, 7);
    const auto first = allocate(input);
    put_back(input, first);
    EXPECT_EQ(allocate(input), first);
}

TEST(Lcp2, LeavesWithoutHolderWhatNobodyCanHost) {
    auto input = cluster(2, 2);
    input.addresses[0].available_on.clear();
    input.addresses[0].holder = pnn(1);
    const auto result = allocate(input);
    EXPECT_EQ(counts(result)[unknown_pnn], 1);
}

TEST(Lcp2, AnEmptyNodeGetsAddressesBackUnlessFailbackIsOff) {
    auto input = cluster(2, 4);
    for (address_input& a : input.addresses) {
        a.holder = pnn(0);
    }
    EXPECT_EQ(counts(allocate(input))[pnn(1)], 2);
    input.no_failback = true;
    EXPECT_EQ(counts(allocate(input))[pnn(1)], 0);
}

TEST(Lcp2, NodesWithAddressesAreNotRebalancedUnlessForced) {
    auto input = cluster(2, 6);
    for (std::size_t i = 0; i < input.addresses.size(); ++i) {
        input.addresses[i].holder = pnn(i == 0 ? 1 : 0);
    }
    EXPECT_EQ(counts(allocate(input))[pnn(1)], 1);
    input.rebalance.insert(pnn(1));
    EXPECT_EQ(counts(allocate(input))[pnn(1)], 3);
}

TEST(Lcp2, NoTakeoverKeepsHoldersAndAssignsNothingNew) {
    auto input = cluster(2, 2);
    input.addresses[0].holder = pnn(1);
    input.no_takeover = true;
    const auto result = counts(allocate(input));
    EXPECT_EQ(result.at(pnn(1)), 1);
    EXPECT_EQ(result.at(unknown_pnn), 1);
}

TEST(Deterministic, GoesByPositionInTheListAndByHome) {
    auto input = cluster(3, 3);
    input.algorithm = allocation_algorithm::deterministic;
    auto result = allocate(input);
    EXPECT_EQ(result[0].holder, pnn(0));
    EXPECT_EQ(result[1].holder, pnn(1));
    EXPECT_EQ(result[2].holder, pnn(2));
    input.home[address(0, 32)] = pnn(2);
    result = allocate(input);
    EXPECT_EQ(result[0].holder, pnn(2));
}

TEST(Nondeterministic, BalancesCountsToADifferenceOfOne) {
    auto input = cluster(3, 8);
    input.algorithm = allocation_algorithm::nondeterministic;
    for (address_input& a : input.addresses) {
        a.holder = pnn(0);
    }
    const auto result = counts(allocate(input));
    for (const auto& [node, count] : result) {
        EXPECT_GE(count, 2) << "node " << node.value;
        EXPECT_LE(count, 3) << "node " << node.value;
    }
}

// Section 4.4 as it is written, recomputing every sum.
class naive_lcp2 {
public:
    explicit naive_lcp2(const allocation_input& input) : in_(input), list_(input.addresses) {
        std::sort(list_.begin(), list_.end(), [](const auto& a, const auto& b) {
            return a.address > b.address;
        });
    }
    std::vector<allocated> run() {
        for (auto& a : list_) {
            if (!a.available_on.contains(a.holder)) {
                a.holder = unknown_pnn;
            }
        }
        std::set<pnn> candidates;
        for (std::uint32_t n = 0; n < in_.nodes; ++n) {
            const bool empty = std::none_of(list_.begin(), list_.end(), [n](const auto& a) {
                return a.holder == pnn(n);
            });
            if (empty) {
                candidates.insert(pnn(n));
            }
        }
        while (assign_one()) {
        }
        while (!candidates.empty() && move_one(candidates)) {
        }
        std::vector<allocated> out;
        for (const auto& a : list_) {
            out.push_back({a.address, a.holder});
        }
        return out;
    }

private:
    static std::uint32_t word(const protocol::sock_addr& a) {
        const auto& o = std::get<protocol::ipv4_address>(a.ip).octets;
        return (std::uint32_t{o[0]} << 24U) | (std::uint32_t{o[1]} << 16U) |
               (std::uint32_t{o[2]} << 8U) | o[3];
    }
    static std::uint32_t distance(const protocol::sock_addr& a, const protocol::sock_addr& b) {
        const std::uint32_t x = word(a) ^ word(b);
        const std::uint32_t bits = x == 0 ? 128 : 96 + static_cast<std::uint32_t>(__builtin_clz(x));
        return bits * bits;
    }
    std::uint32_t sum(std::size_t x, pnn n) const {
        std::uint32_t s = 0;
        for (std::size_t y = 0; y < list_.size(); ++y) {
            s += y != x && list_[y].holder == n ? distance(list_[x].address, list_[y].address) : 0;
        }
        return s;
    }
    std::uint32_t imbalance(pnn n) const {
        std::uint32_t s = 0;
        for (std::size_t x = 0; x < list_.size(); ++x) {
            for (std::size_t y = 0; y < x; ++y) {
                const bool both = list_[x].holder == n && list_[y].holder == n;
                s += both ? distance(list_[x].address, list_[y].address) : 0;
            }
        }
        return s;
    }
    bool assign_one() {
        std::optional<std::pair<std::size_t, pnn>> best;
        for (std::size_t x = 0; x < list_.size(); ++x) {
            for (std::uint32_t n = 0; list_[x].holder == unknown_pnn && n < in_.nodes; ++n) {
                const bool can = list_[x].available_on.contains(pnn(n));
                if (can && (!best || sum(x, pnn(n)) < sum(best->first, best->second))) {
                    best.emplace(x, pnn(n));
                }
            }
        }
        if (best) {
            list_[best->first].holder = best->second;
        }
        return best.has_value();
    }
    bool move_one(const std::set<pnn>& candidates) {
        std::vector<pnn> order;
        for (std::uint32_t n = 0; n < in_.nodes; ++n) {
            order.emplace_back(n);
        }
        std::stable_sort(order.begin(), order.end(), [this](pnn a, pnn b) {
            return imbalance(a) > imbalance(b);
        });
        for (const pnn s : order) {
            if (imbalance(s) == 0) {
                return false;
            }
            std::optional<std::pair<std::size_t, pnn>> best;
            std::uint32_t best_total = 0;
            for (std::size_t x = 0; x < list_.size(); ++x) {
                if (list_[x].holder != s) {
                    continue;
                }
                for (const pnn n : candidates) {
                    const std::uint32_t out = sum(x, s);
                    const std::uint32_t in = sum(x, n);
                    const std::uint32_t total = imbalance(s) - out + imbalance(n) + in;
                    const bool good = list_[x].available_on.contains(n) && in < out &&
                                      imbalance(n) + in < imbalance(s);
                    if (good && (!best || total < best_total)) {
                        best.emplace(x, n);
                        best_total = total;
                    }
                }
            }
            if (best) {
                list_[best->first].holder = best->second;
                return true;
            }
        }
        return false;
    }
    const allocation_input& in_;
    std::vector<address_input> list_;
};

TEST(Lcp2, EqualsTheFormThatRecomputesEverySum) {
    std::mt19937 random(7);
    const auto pick = [&random](std::uint32_t n) {
        return static_cast<std::uint32_t>(random() % n);
    };
    for (int round = 0; round < 200; ++round) {
        allocation_input input;
        input.nodes = 1 + pick(5);
        std::set<protocol::sock_addr> seen;
        for (std::uint32_t i = 0; i < 12; ++i) {
            address_input a;
            a.address =
                address(static_cast<std::uint8_t>(pick(3)), static_cast<std::uint8_t>(pick(60)));
            for (std::uint32_t n = 0; n < input.nodes; ++n) {
                if (pick(4) != 0) {
                    a.available_on.insert(pnn(n));
                }
            }
            a.holder = pick(3) == 0 ? unknown_pnn : pnn(pick(input.nodes));
            if (seen.insert(a.address).second) {
                input.addresses.push_back(std::move(a));
            }
        }
        ASSERT_EQ(allocate(input), naive_lcp2(input).run()) << "round " << round;
    }
}

TEST(Lcp2, AThousandAddressesTakeWellBelowASecond) {
    allocation_input input;
    input.nodes = 4;
    for (std::uint32_t i = 0; i < 1000; ++i) {
        address_input a;
        a.address = address(static_cast<std::uint8_t>(i / 250), static_cast<std::uint8_t>(i % 250));
        a.available_on = {pnn(0), pnn(1), pnn(2), pnn(3)};
        input.addresses.push_back(std::move(a));
    }
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_EQ(allocate(input).size(), 1000U);
    EXPECT_LT(
        std::chrono::steady_clock::now() - begin, std::chrono::seconds(5)
    ); // unoptimised builds
}

} // namespace
} // namespace ctdb::failoverd
