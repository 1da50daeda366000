// ctdb-pubip COMMAND DIRECTORY: monitor, release, take and shutdown of public addresses, all items
// of a file in one batch of netlink messages (failover.md 15.12).
//
//   monitor   config.pubip -> avail.pubip, known.pubip: those with an interface that is up
//   release   lose.pubip -> result.pubip: removes addresses, then destroys their sockets
//   take      gain.pubip -> result.pubip: asks the network where told to, adds addresses with
//             their lifetime, not after `until=` (nanoseconds of the monotonic clock)
//   shutdown  config.pubip: removes every address of it
//
// Exit 0 when every item has a result, 1 when nothing could be done, 2 for wrong usage.
#include "common/netlink/addresses.hpp"
#include "common/netlink/neighbour.hpp"
#include "common/netlink/sockets.hpp"
#include "failoverd/run_directory.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <map>
#include <optional>

#include <fmt/ranges.h>

namespace {

using namespace ctdb;
using failoverd::item_line;

int complain(const error& why) {
    fmt::print(stderr, "ctdb-pubip: {}\n", why.what);
    return 1;
}

template <class T>
std::optional<T> number(const std::string& text) {
    T value{};
    const char* end = text.data() + text.size();
    const auto [stop, bad] = std::from_chars(text.data(), end, value);
    return bad == std::errc() && stop == end ? std::optional<T>(value) : std::nullopt;
}

// What is read once and changed by nobody else meanwhile.
struct machine {
    netlink::address_table table;
    std::vector<netlink::link> links;
    std::vector<netlink::kernel_address> addresses;

    static result<machine> look() {
        auto table = netlink::address_table::open();
        if (!table) {
            return pass(table);
        }
        machine m{std::move(*table), {}, {}};
        auto read = m.again();
        if (!read) {
            return pass(read);
        }
        return m;
    }
    result<> again() {
        auto all_links = table.links();
        if (!all_links) {
            return pass(all_links);
        }
        auto all_addresses = table.addresses();
        if (!all_addresses) {
            return pass(all_addresses);
        }
        links = std::move(*all_links);
        addresses = std::move(*all_addresses);
        return {};
    }
    [[nodiscard]] bool has(const protocol::sock_addr& address) const {
        return std::any_of(addresses.begin(), addresses.end(), [&address](const auto& a) {
            return protocol::same_ip(a.address, address);
        });
    }
};

using results = std::map<std::string, std::string>; // item -> words

int write_results(const std::string& directory, const results& all) {
    std::vector<item_line> lines;
    for (const auto& [name, words] : all) {
        lines.push_back({name, {words}});
    }
    const auto written = failoverd::write_items(directory + "/result.pubip", lines);
    return written ? 0 : complain(written.error());
}

std::vector<std::string> usable_interfaces(const machine& m, const item_line& line) {
    std::vector<std::string> usable;
    for (const std::string& name : failoverd::split_at(line.value("ifaces"), ',')) {
        const netlink::link* l = netlink::find_link(m.links, name);
        if (l != nullptr && l->usable()) {
            usable.push_back(name);
        }
    }
    return usable;
}

int monitor(const std::string& directory) {
    const auto lines = failoverd::read_items(directory + "/config.pubip");
    auto m = machine::look();
    if (!lines || !m) {
        return complain(!lines ? lines.error() : m.error());
    }
    std::vector<item_line> available;
    for (const item_line& line : *lines) {
        const auto usable = usable_interfaces(*m, line);
        if (!usable.empty()) {
            available.push_back(
                {line.name,
                 {fmt::format("mask={}", line.value("mask")),
                  fmt::format("ifaces={}", fmt::join(usable, ","))}}
            );
        }
    }
    auto written = failoverd::write_items(directory + "/known.pubip", *lines);
    if (written) {
        written = failoverd::write_items(directory + "/avail.pubip", available);
    }
    return written ? 0 : complain(written.error());
}

result<> remove_all(machine& m, const std::set<protocol::sock_addr>& unwanted) {
    std::vector<netlink::kernel_address> there;
    for (const netlink::kernel_address& a : m.addresses) {
        if (unwanted.contains(protocol::with_port(a.address, 0))) {
            there.push_back(a);
        }
    }
    const auto removed = m.table.remove(there);
    if (!removed) {
        return pass(removed);
    }
    // The address is gone: a reset can no longer leave this node.
    if (const auto destroyed = netlink::destroy_sockets(unwanted); !destroyed) {
        fmt::print(stderr, "connections stay: {}\n", destroyed.error().what);
    }
    return m.again();
}

int release(const std::string& directory, const char* file) {
    const auto lines = failoverd::read_items(directory + file);
    auto m = machine::look();
    if (!lines || !m) {
        return complain(!lines ? lines.error() : m.error());
    }
    std::set<protocol::sock_addr> unwanted;
    results all;
    for (const item_line& line : *lines) {
        const auto address = protocol::parse_ip(line.name);
        if (address) {
            unwanted.insert(*address);
        } else {
            all[line.name] = "fail not an address";
        }
    }
    if (const auto done = remove_all(*m, unwanted); !done) {
        return complain(done.error());
    }
    for (const protocol::sock_addr& address : unwanted) {
        all[protocol::to_text(address)] = m->has(address) ? "fail the kernel still has it" : "ok";
    }
    return write_results(directory, all);
}

struct wanted_address {
    std::string name;
    netlink::kernel_address address;
    netlink::link on;
    bool ask = false;
    std::int64_t until = 0;
};

std::optional<wanted_address>
understand(const machine& m, const item_line& line, std::string& why) {
    wanted_address w;
    w.name = line.name;
    const auto address = protocol::parse_ip(line.name);
    const auto bits = number<std::uint32_t>(line.value("mask"));
    const auto lease = number<std::uint32_t>(line.value("lease"));
    const auto usable = usable_interfaces(m, line);
    if (!address || !bits || *bits > (address->is_ipv4() ? 32U : 128U)) {
        why = "fail not an address with mask=";
        return std::nullopt;
    }
    if (usable.empty()) {
        why = fmt::format("fail no interface of {} is up", line.value("ifaces"));
        return std::nullopt;
    }
    const auto load = [&m](const std::string& name) {
        const int index = netlink::find_link(m.links, name)->index;
        return std::count_if(m.addresses.begin(), m.addresses.end(), [index](const auto& a) {
            return a.link_index == index;
        });
    };
    w.on = *netlink::find_link(
        m.links,
        *std::min_element(
            usable.begin(),
            usable.end(),
            [&load](const auto& a, const auto& b) { return load(a) < load(b); }
        )
    );
    w.address.address = *address;
    w.address.prefix_bits = *bits;
    w.address.link_index = w.on.index;
    w.address.valid_seconds = lease && *lease != 0 ? *lease : netlink::forever;
    w.ask = line.value("probe") == "yes";
    w.until = number<std::int64_t>(line.value("until")).value_or(0);
    return w;
}

result<> ask_network(std::vector<wanted_address>& wanted, results& all) {
    std::map<std::string, std::vector<protocol::sock_addr>> by_link;
    std::vector<protocol::sock_addr> addresses;
    std::vector<netlink::link> links;
    for (const wanted_address& w : wanted) {
        if (w.ask) {
            addresses.push_back(w.address.address);
            const bool known = netlink::find_link(links, w.on.index) != nullptr;
            if (!known) {
                links.push_back(w.on);
            }
        }
    }
    if (addresses.empty()) {
        return {};
    }
    const auto claimed = netlink::probe(addresses, links, netlink::probe_settings{});
    if (!claimed) {
        return pass(claimed);
    }
    std::erase_if(wanted, [&](const wanted_address& w) {
        const bool busy = w.ask && claimed->contains(w.address.address);
        if (busy) {
            all[w.name] = "busy another node answers for it";
        }
        return busy;
    });
    return {};
}

// Without it, losing the first address of a network would take the others along.
void keep_secondaries(const std::string& interface) {
    std::ofstream("/proc/sys/net/ipv4/conf/" + interface + "/promote_secondaries") << "1\n";
}

int take(const std::string& directory) {
    const auto lines = failoverd::read_items(directory + "/gain.pubip");
    auto m = machine::look();
    if (!lines || !m) {
        return complain(!lines ? lines.error() : m.error());
    }
    results all;
    std::vector<wanted_address> wanted;
    for (const item_line& line : *lines) {
        std::string why;
        if (auto w = understand(*m, line, why)) {
            wanted.push_back(std::move(*w));
        } else {
            all[line.name] = why;
        }
    }
    if (const auto asked = ask_network(wanted, all); !asked) {
        return complain(asked.error());
    }
    std::vector<netlink::kernel_address> adding;
    for (const wanted_address& w : wanted) {
        keep_secondaries(w.on.name);
        const auto now = std::chrono::steady_clock::now().time_since_epoch();
        if (w.until != 0 && std::chrono::nanoseconds(now).count() > w.until) {
            all[w.name] = "late";
        } else {
            adding.push_back(w.address);
        }
    }
    const auto added = m->table.add(adding);
    if (!added) {
        return complain(added.error());
    }
    if (const auto read = m->again(); !read) {
        return complain(read.error());
    }
    for (const netlink::kernel_address& a : adding) {
        all[protocol::to_text(a.address)] =
            m->has(a.address) ? "ok" : "fail the kernel does not have it";
    }
    return write_results(directory, all);
}

int run(const std::string& command, const std::string& directory) {
    if (command == "monitor") {
        return monitor(directory);
    }
    if (command == "release") {
        return release(directory, "/lose.pubip");
    }
    if (command == "take") {
        return take(directory);
    }
    if (command == "shutdown") {
        return release(directory, "/config.pubip");
    }
    fmt::print(stderr, "ctdb-pubip: {}: no such command\n", command);
    return 2;
}

} // namespace

int main(int argc, char** argv) {
    if (argc != 3) {
        fmt::print(stderr, "usage: ctdb-pubip monitor|release|take|shutdown DIRECTORY\n");
        return 2;
    }
    return run(argv[1], argv[2]); // NOLINT: checked above
}
