#include "failoverd/allocate/allocation.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <limits>
#include <optional>

namespace ctdb::failoverd {

namespace {

constexpr std::uint32_t nobody = 0xFFFFFFFF;
using key = std::array<std::uint32_t, 4>; // host order; IPv4 in the last word

std::uint32_t word_at(const std::uint8_t* octets) noexcept {
    return (std::uint32_t{octets[0]} << 24U) | (std::uint32_t{octets[1]} << 16U) |
           (std::uint32_t{octets[2]} << 8U) | std::uint32_t{octets[3]};
}

key key_of(const protocol::sock_addr& address) noexcept {
    key k{};
    if (const auto* v4 = std::get_if<protocol::ipv4_address>(&address.ip)) {
        k[3] = word_at(v4->octets.data());
    } else if (const auto* v6 = std::get_if<protocol::ipv6_address>(&address.ip)) {
        for (std::size_t i = 0; i < k.size(); ++i) {
            k[i] = word_at(v6->octets.data() + 4 * i);
        }
    }
    return k;
}

// Square of the number of equal leading bits.
std::uint32_t closeness(const key& a, const key& b) noexcept {
    std::uint32_t bits = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        if (a[i] != b[i]) {
            bits += static_cast<std::uint32_t>(std::countl_zero(a[i] ^ b[i]));
            break;
        }
        bits += 32;
    }
    return bits * bits;
}

class allocator {
public:
    explicit allocator(const allocation_input& input);
    std::vector<allocated> run();

private:
    struct entry {
        key k{};
        std::uint32_t holder = nobody;
        std::vector<bool> can_host; // by node
        protocol::sock_addr address;
    };
    [[nodiscard]] bool can_take(std::uint32_t node, std::size_t i) const {
        return !input_.no_takeover && entries_[i].can_host[node];
    }
    [[nodiscard]] std::size_t count_on(std::uint32_t node) const;
    void unassign_unsuitable();
    bool place(std::size_t i);
    void basic();
    void deterministic();
    void nondeterministic();
    bool failback_once(std::size_t retries);
    void lcp2();
    void build_sums();
    void assign(std::size_t i, std::uint32_t node);
    bool lcp2_allocate_one();
    bool lcp2_failback_one();
    bool lcp2_failback_from(std::uint32_t source);
    [[nodiscard]] std::uint32_t& sum(std::size_t i, std::uint32_t node) {
        return sums_[i * input_.nodes + node];
    }

    const allocation_input& input_;
    std::vector<entry> entries_; // descending key
    std::vector<std::uint32_t> sums_;
    std::vector<std::uint32_t> imbalance_;
    std::vector<bool> candidate_;
};

allocator::allocator(const allocation_input& input) : input_(input) {
    for (const address_input& a : input.addresses) {
        entry e;
        e.k = key_of(a.address);
        e.address = a.address;
        e.holder = a.holder.value < input.nodes ? a.holder.value : nobody;
        e.can_host.resize(input.nodes);
        for (const pnn node : a.available_on) {
            if (node.value < input.nodes) {
                e.can_host[node.value] = true;
            }
        }
        entries_.push_back(std::move(e));
    }
    std::stable_sort(entries_.begin(), entries_.end(), [](const entry& a, const entry& b) {
        return a.k > b.k;
    });
}

std::size_t allocator::count_on(std::uint32_t node) const {
    return static_cast<std::size_t>(std::count_if(
        entries_.begin(), entries_.end(), [node](const entry& e) { return e.holder == node; }
    ));
}

void allocator::unassign_unsuitable() {
    for (entry& e : entries_) {
        if (e.holder != nobody && !e.can_host[e.holder]) {
            e.holder = nobody;
        }
    }
}

// On the node with the fewest entries that can take it, the lowest of equals.
bool allocator::place(std::size_t i) {
    std::uint32_t best = nobody;
    std::size_t fewest = 0;
    for (std::uint32_t node = 0; node < input_.nodes; ++node) {
        if (!can_take(node, i)) {
            continue;
        }
        const std::size_t count = count_on(node);
        if (best == nobody || count < fewest) {
            best = node;
            fewest = count;
        }
    }
    if (best == nobody) {
        return false;
    }
    entries_[i].holder = best;
    return true;
}

void allocator::basic() {
    for (std::size_t i = 0; i < entries_.size(); ++i) {
        if (entries_[i].holder == nobody) {
            place(i);
        }
    }
}

void allocator::deterministic() {
    for (std::size_t i = 0; i < entries_.size(); ++i) {
        const auto home = input_.home.find(entries_[i].address);
        const bool at_home = home != input_.home.end() && home->second.value < input_.nodes;
        entries_[i].holder =
            at_home ? home->second.value : static_cast<std::uint32_t>(i % input_.nodes);
    }
    unassign_unsuitable();
    basic();
}

void allocator::nondeterministic() {
    unassign_unsuitable();
    basic();
    if (input_.no_failback) {
        return;
    }
    std::size_t retries = 0;
    while (failback_once(retries)) {
        ++retries;
    }
}

// One pass; true: something was moved and the pass begins anew.
bool allocator::failback_once(std::size_t retries) {
    for (std::size_t i = 0; i < entries_.size(); ++i) {
        if (entries_[i].holder == nobody) {
            continue;
        }
        std::uint32_t most = nobody;
        std::uint32_t least = nobody;
        std::size_t most_count = 0;
        std::size_t least_count = 0;
        for (std::uint32_t node = 0; node < input_.nodes; ++node) {
            if (!can_take(node, i)) {
                continue;
            }
            const std::size_t count = count_on(node);
            if (most == nobody || count > most_count) {
                most = node;
                most_count = count;
            }
            if (least == nobody || count < least_count) {
                least = node;
                least_count = count;
            }
        }
        if (most == nobody || most_count <= least_count + 1 || retries >= entries_.size() + 5) {
            continue;
        }
        for (std::size_t j = 0; j < entries_.size(); ++j) {
            if (entries_[j].holder == most) {
                place(j);
                return true;
            }
        }
    }
    return false;
}

void allocator::build_sums() {
    sums_.assign(entries_.size() * input_.nodes, 0);
    imbalance_.assign(input_.nodes, 0);
    for (std::size_t i = 0; i < entries_.size(); ++i) {
        for (std::size_t j = 0; j < entries_.size(); ++j) {
            const std::uint32_t holder = entries_[j].holder;
            if (i == j || holder == nobody) {
                continue;
            }
            const std::uint32_t d = closeness(entries_[i].k, entries_[j].k);
            sum(i, holder) += d;
            if (j < i && entries_[i].holder == holder) {
                imbalance_[holder] += d; // each pair once
            }
        }
    }
}

void allocator::assign(std::size_t i, std::uint32_t node) {
    const std::uint32_t before = entries_[i].holder;
    if (before != nobody) {
        imbalance_[before] -= sum(i, before);
    }
    imbalance_[node] += sum(i, node);
    entries_[i].holder = node;
    for (std::size_t j = 0; j < entries_.size(); ++j) {
        if (j == i) {
            continue;
        }
        const std::uint32_t d = closeness(entries_[i].k, entries_[j].k);
        if (before != nobody) {
            sum(j, before) -= d;
        }
        sum(j, node) += d;
    }
}

bool allocator::lcp2_allocate_one() {
    std::optional<std::pair<std::size_t, std::uint32_t>> best;
    for (std::size_t i = 0; i < entries_.size(); ++i) {
        for (std::uint32_t node = 0; entries_[i].holder == nobody && node < input_.nodes; ++node) {
            if (can_take(node, i) && (!best || sum(i, node) < sum(best->first, best->second))) {
                best.emplace(i, node);
            }
        }
    }
    if (best) {
        assign(best->first, best->second);
    }
    return best.has_value();
}

bool allocator::lcp2_failback_from(std::uint32_t source) {
    std::optional<std::pair<std::size_t, std::uint32_t>> best;
    std::uint32_t best_total = 0;
    for (std::size_t i = 0; i < entries_.size(); ++i) {
        for (std::uint32_t node = 0; entries_[i].holder == source && node < input_.nodes; ++node) {
            if (!candidate_[node] || !can_take(node, i)) {
                continue;
            }
            // the source itself sees its own sum twice and never qualifies
            const std::uint32_t there = sum(i, node);
            const std::uint32_t rest = imbalance_[source] - sum(i, source);
            const std::uint32_t after = imbalance_[node] + there;
            if (after >= imbalance_[source] || there >= sum(i, source)) {
                continue;
            }
            if (!best || rest + after < best_total) {
                best.emplace(i, node);
                best_total = rest + after;
            }
        }
    }
    if (best) {
        assign(best->first, best->second);
    }
    return best.has_value();
}

bool allocator::lcp2_failback_one() {
    std::vector<std::uint32_t> order(input_.nodes);
    for (std::uint32_t node = 0; node < input_.nodes; ++node) {
        order[node] = node;
    }
    std::stable_sort(order.begin(), order.end(), [this](std::uint32_t a, std::uint32_t b) {
        return imbalance_[a] > imbalance_[b];
    });
    for (const std::uint32_t source : order) {
        if (imbalance_[source] == 0) {
            return false;
        }
        if (lcp2_failback_from(source)) {
            return true;
        }
    }
    return false;
}

void allocator::lcp2() {
    unassign_unsuitable();
    build_sums();
    candidate_.resize(input_.nodes);
    bool any = false;
    for (std::uint32_t node = 0; node < input_.nodes; ++node) {
        candidate_[node] = count_on(node) == 0 || input_.rebalance.contains(pnn(node));
        any = any || candidate_[node];
    }
    while (lcp2_allocate_one()) {
    }
    while (!input_.no_failback && any && lcp2_failback_one()) {
    }
}

std::vector<allocated> allocator::run() {
    switch (input_.nodes == 0 ? allocation_algorithm::lcp2 : input_.algorithm) {
    case allocation_algorithm::deterministic:
        deterministic();
        break;
    case allocation_algorithm::nondeterministic:
        nondeterministic();
        break;
    default:
        lcp2();
        break;
    }
    std::vector<allocated> out;
    for (const entry& e : entries_) {
        out.push_back({e.address, e.holder == nobody ? unknown_pnn : pnn(e.holder)});
    }
    return out;
}

} // namespace

std::vector<allocated> allocate(const allocation_input& input) {
    return allocator(input).run();
}

} // namespace ctdb::failoverd
