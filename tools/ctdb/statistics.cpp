// Counters of a daemon.
#include "commands.hpp"
#include "find_database.hpp"
#include "json.hpp"
#include "text.hpp"

#include <limits>
#include <utility>

namespace ctdb::tool {

namespace controls = protocol::controls;

namespace {

struct counter {
    std::string_view group; // "" = none
    std::string_view name;
    std::uint32_t value;
};

// In upstream's order.
std::vector<counter> counters_of(const protocol::statistics& s) {
    return {
        {"", "num_clients", s.num_clients},
        {"", "frozen", s.frozen},
        {"", "recovering", s.recovering},
        {"", "num_recoveries", s.num_recoveries},
        {"", "client_packets_sent", s.client_packets_sent},
        {"", "client_packets_recv", s.client_packets_recv},
        {"", "node_packets_sent", s.node_packets_sent},
        {"", "node_packets_recv", s.node_packets_recv},
        {"", "keepalive_packets_sent", s.keepalive_packets_sent},
        {"", "keepalive_packets_recv", s.keepalive_packets_recv},
        {"node", "req_call", s.node.req_call},
        {"node", "reply_call", s.node.reply_call},
        {"node", "req_dmaster", s.node.req_dmaster},
        {"node", "reply_dmaster", s.node.reply_dmaster},
        {"node", "reply_error", s.node.reply_error},
        {"node", "req_message", s.node.req_message},
        {"node", "req_control", s.node.req_control},
        {"node", "reply_control", s.node.reply_control},
        {"node", "req_tunnel", s.node.req_tunnel},
        {"client", "req_call", s.client.req_call},
        {"client", "req_message", s.client.req_message},
        {"client", "req_control", s.client.req_control},
        {"client", "req_tunnel", s.client.req_tunnel},
        {"timeouts", "call", s.timeouts.call},
        {"timeouts", "control", s.timeouts.control},
        {"timeouts", "traverse", s.timeouts.traverse},
        {"locks", "num_calls", s.locks.num_calls},
        {"locks", "num_current", s.locks.num_current},
        {"locks", "num_pending", s.locks.num_pending},
        {"locks", "num_failed", s.locks.num_failed},
        {"", "total_calls", s.total_calls},
        {"", "pending_calls", s.pending_calls},
        {"", "childwrite_calls", s.childwrite_calls},
        {"", "pending_childwrite_calls", s.pending_childwrite_calls},
        {"", "memory_used", s.memory_used},
        {"", "max_hop_count", s.max_hop_count},
        {"", "total_ro_delegations", s.total_ro_delegations},
        {"", "total_ro_revokes", s.total_ro_revokes},
    };
}

std::string full_name(const counter& c) {
    return c.group.empty() ? std::string(c.name) : fmt::format("{}.{}", c.group, c.name);
}

double average(const protocol::latency_counter& l) {
    return l.num == 0 ? 0 : l.total / l.num;
}

void print_buckets(std::string_view name, const protocol::count_buckets& buckets) {
    fmt::print(" {}:", name);
    for (const std::uint32_t one : buckets) {
        fmt::print(" {}", one);
    }
    fmt::print("\n");
}

void print_latency(std::string_view name, const protocol::latency_counter& l) {
    fmt::print(
        " {:<18} MIN/AVG/MAX     {:.6f}/{:.6f}/{:.6f} sec out of {}\n",
        name,
        l.min,
        average(l),
        l.max,
        l.num
    );
}

void print_counters(const std::vector<counter>& counters) {
    std::string_view group;
    for (const counter& c : counters) {
        if (!c.group.empty() && c.group != group) {
            fmt::print(" {}\n", c.group);
        }
        group = c.group;
        if (group.empty()) {
            fmt::print(" {:<22}    {:>10}\n", c.name, c.value);
        } else {
            fmt::print("     {:<22}{:>10}\n", c.name, c.value);
        }
    }
}

void print_human(const protocol::statistics& s) {
    const std::int64_t now = s.current_time.seconds;
    fmt::print("CTDB version {}\n", protocol::packet_version);
    fmt::print("Current time of statistics  :                {}\n", ctime_text(now));
    fmt::print(
        "Statistics collected since  : {} {}\n",
        age_text(now - s.start_time.seconds),
        ctime_text(s.start_time.seconds)
    );
    print_counters(counters_of(s));
    print_buckets("hop_count_buckets", s.hop_count_buckets);
    print_buckets("lock_buckets", s.locks.buckets);
    print_latency("locks_latency", s.locks.latency);
    print_latency("reclock_ctdbd", s.reclock_daemon);
    print_latency("reclock_recd", s.reclock_recovery);
    print_latency("call_latency", s.call_latency);
    print_latency("childwrite_latency", s.childwrite_latency);
}

struct named_latency {
    std::string_view name;
    const protocol::latency_counter& value;
};

std::vector<named_latency> latencies_of(const protocol::statistics& s) {
    return {
        {"reclock_ctdbd", s.reclock_daemon},
        {"reclock_recd", s.reclock_recovery},
        {"call", s.call_latency},
        {"lockwait", s.locks.latency},
        {"childwrite", s.childwrite_latency},
    };
}

// No separator in front of these lines, unlike everywhere else.
void print_machine_head(const context& ctx, const protocol::statistics& s) {
    const std::string& x = ctx.options.separator;
    fmt::print("CTDB version{0}Current time of statistics{0}Statistics collected since{0}", x);
    for (const counter& c : counters_of(s)) {
        fmt::print("{}{}", full_name(c), x);
    }
    for (const named_latency& l : latencies_of(s)) {
        fmt::print(
            "num_{0}_latency{1}min_{0}_latency{1}avg_{0}_latency{1}max_{0}_latency{1}", l.name, x
        );
    }
    fmt::print("\n");
}

void print_machine_row(const context& ctx, const protocol::statistics& s) {
    const std::string& x = ctx.options.separator;
    fmt::print(
        "{1}{0}{2}{0}{3}{0}",
        x,
        protocol::packet_version,
        s.current_time.seconds,
        s.start_time.seconds
    );
    for (const counter& c : counters_of(s)) {
        fmt::print("{}{}", c.value, x);
    }
    for (const named_latency& l : latencies_of(s)) {
        const auto& v = l.value;
        fmt::print("{1}{0}{2:.6f}{0}{3:.6f}{0}{4:.6f}{0}", x, v.num, v.min, average(v), v.max);
    }
    fmt::print("\n");
}

json latency_json(const protocol::latency_counter& l) {
    json one;
    one["num"] = l.num;
    one["min_s"] = l.min;
    one["avg_s"] = average(l);
    one["max_s"] = l.max;
    one["total_s"] = l.total;
    return one;
}

void put_statistics(json& out, const protocol::statistics& s) {
    put_time(out, "since", s.start_time);
    for (const counter& c : counters_of(s)) {
        out["counters"][full_name(c)] = c.value;
    }
    for (const named_latency& l : latencies_of(s)) {
        out["latency"][std::string(l.name)] = latency_json(l.value);
    }
    out["hop_count_buckets"] = s.hop_count_buckets;
    out["lock_buckets"] = s.locks.buckets;
}

json statistics_json(const context& ctx, const protocol::statistics& s) {
    json out = json_head(ctx, "statistics");
    put_statistics(out, s);
    return out;
}

json interval_json(const protocol::statistics& s) {
    json out;
    put_time(out, "until", s.current_time);
    put_statistics(out, s);
    return out;
}

std::vector<counter> counters_of(const protocol::db_statistics& s) {
    return {
        {"", "db_ro_delegations", s.ro_delegations},
        {"", "db_ro_revokes", s.ro_revokes},
        {"locks", "num_calls", s.locks.num_calls},
        {"locks", "num_current", s.locks.num_current},
        {"locks", "num_pending", s.locks.num_pending},
        {"locks", "num_failed", s.locks.num_failed},
    };
}

json database_statistics_json(const context& ctx, const protocol::db_statistics& s) {
    json out = json_head(ctx, "dbstatistics");
    for (const counter& c : counters_of(s)) {
        out["counters"][full_name(c)] = c.value;
    }
    out["latency"]["lockwait"] = latency_json(s.locks.latency);
    out["latency"]["vacuum"] = latency_json(s.vacuum_latency);
    out["hop_count_buckets"] = s.hop_count_buckets;
    out["lock_buckets"] = s.locks.buckets;
    out["hot_keys"] = json::array();
    for (const protocol::hot_key& hot : s.hot_keys) {
        if (hot.count > 0) {
            json one;
            one["count"] = hot.count;
            one["key"] = json_data(hot.key);
            out["hot_keys"].push_back(std::move(one));
        }
    }
    return out;
}

void print_database_statistics(const std::string& name, const protocol::db_statistics& s) {
    fmt::print("DB Statistics {}\n", name);
    print_counters(counters_of(s));
    print_buckets("hop_count_buckets", s.hop_count_buckets);
    print_buckets("lock_buckets", s.locks.buckets);
    print_latency("locks_latency", s.locks.latency);
    print_latency("vacuum_latency", s.vacuum_latency);
    fmt::print(" Num Hot Keys:     {}\n", s.num_hot_keys);
    for (const protocol::hot_key& hot : s.hot_keys) {
        fmt::print("     Count:{} Key:{}\n", hot.count, to_hex(hot.key));
    }
}

} // namespace

// All intervals that there are, newest first; asked for a number, upstream shows one more; 0, less
// and no number: all.
run stats_command(context& ctx) {
    const long wanted = ctx.arguments.empty() ? 0 : decimal_or_zero(ctx.argument(0));
    long count = wanted <= 0 ? std::numeric_limits<long>::max() : wanted;
    const auto history = co_await ask<controls::get_stat_history>(ctx, ctx.target);
    if (!history) {
        co_return history.error().code;
    }
    bool first = true;
    json out = json_head(ctx, "stats");
    out["intervals"] = json::array();
    for (const protocol::statistics& one : history->stats) {
        if (count-- < 0) {
            break;
        }
        if (one.start_time.seconds == 0) {
            continue; // not that long ago, or the first one, which upstream does not show either
        }
        if (ctx.json()) {
            out["intervals"].push_back(interval_json(one));
            continue;
        }
        if (!ctx.options.machine) {
            print_human(one);
            continue;
        }
        if (std::exchange(first, false)) {
            print_machine_head(ctx, one);
        }
        print_machine_row(ctx, one);
    }
    if (ctx.json()) {
        print_json(ctx, out);
    }
    co_return 0;
}

run dbstatistics(context& ctx) {
    const auto known = co_await find_database(ctx, ctx.argument(0));
    if (!known) {
        co_return known.error().code;
    }
    const auto s = co_await ask<controls::get_db_statistics>(ctx, ctx.target, known->id);
    if (!s) {
        ctx.complain("Failed to get statistics for DB {}", known->name);
        co_return s.error().code;
    }
    if (ctx.json()) {
        print_json(ctx, database_statistics_json(ctx, *s));
    } else {
        print_database_statistics(known->name, *s);
    }
    co_return 0;
}

run statistics_command(context& ctx) {
    const auto stats = co_await ask<controls::get_statistics>(ctx, ctx.target);
    if (!stats) {
        co_return stats.error().code;
    }
    if (ctx.json()) {
        print_json(ctx, statistics_json(ctx, *stats));
    } else if (ctx.options.machine) {
        print_machine_head(ctx, *stats);
        print_machine_row(ctx, *stats);
    } else {
        print_human(*stats);
    }
    co_return 0;
}

run statistics_reset(context& ctx) {
    const auto done =
        co_await order<controls::reset_statistics>(ctx, ctx.target, protocol::none(), "");
    co_return exit_of(done);
}

} // namespace ctdb::tool
