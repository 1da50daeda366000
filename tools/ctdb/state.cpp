// What one daemon says about itself: version, pnn, leader, runstate, uptime, ping, getpid...
#include "commands.hpp"
#include "common/base/log.hpp"
#include "json.hpp"
#include "text.hpp"
#include "version.hpp"

#include <chrono>

namespace ctdb::tool {

namespace controls = protocol::controls;

namespace {

double seconds_of(const protocol::time_value& t) {
    return static_cast<double>(t.seconds) + static_cast<double>(t.microseconds) / 1e6;
}

json uptime_json(const context& ctx, const protocol::uptime& up) {
    json out = json_head(ctx, "uptime");
    put_time(out, "now", up.current_time);
    put_time(out, "started", up.daemon_start);
    put_time(out, "last_recovery_started", up.last_recovery_started);
    put_time(out, "last_recovery_finished", up.last_recovery_finished);
    const double took =
        seconds_of(up.last_recovery_finished) - seconds_of(up.last_recovery_started);
    out["last_recovery_duration_s"] = took < 0 ? json(nullptr) : json(took);
    out["recovering"] = took < 0;
    return out;
}

// Differences by parts, so that microseconds are exact.
std::string duration_text(const protocol::time_value& from, const protocol::time_value& to) {
    const std::int64_t micros =
        (to.seconds - from.seconds) * 1'000'000 + (to.microseconds - from.microseconds);
    return fmt::format("{:.6f}", static_cast<double>(micros) / 1e6);
}

std::string uptime_text(pnn node, const protocol::uptime& up) {
    const std::int64_t now = up.current_time.seconds;
    std::string out = fmt::format(
        "Current time of node {:<4}     :                {}\n", node.value, ctime_text(now)
    );
    out += fmt::format(
        "Ctdbd start time              : {} {}\n",
        age_text(now - up.daemon_start.seconds),
        ctime_text(up.daemon_start.seconds)
    );
    out += fmt::format(
        "Time of last recovery/failover: {} {}\n",
        age_text(now - up.last_recovery_finished.seconds),
        ctime_text(up.last_recovery_finished.seconds)
    );
    out += fmt::format(
        "Duration of last recovery/failover: {} seconds\n",
        duration_text(up.last_recovery_started, up.last_recovery_finished)
    );
    return out;
}

} // namespace

run version(context& ctx) {
    if (ctx.json()) {
        json out;
        out["version"] = release_version;
        print_json(ctx, out);
    } else {
        fmt::print("{}\n", release_version);
    }
    co_return 0;
}

run pnn_command(context& ctx) {
    if (ctx.json()) {
        json out = json_head(ctx, "pnn");
        out["pnn"] = ctx.self.value;
        print_json(ctx, out);
    } else {
        fmt::print("{}\n", ctx.self);
    }
    co_return 0;
}

run leader_command(context& ctx) {
    const pnn leader = co_await ctx.leader();
    if (ctx.json()) {
        json out = json_head(ctx, "leader");
        out["leader"] = json_node(leader);
        print_json(ctx, out);
    } else if (leader == unknown_pnn) {
        fmt::print("UNKNOWN\n");
    } else {
        fmt::print("{}\n", leader);
    }
    co_return 0;
}

run run_state_command(context& ctx) {
    const auto state = co_await ask<controls::get_run_state>(ctx, ctx.target);
    if (!state) {
        co_return state.error().code;
    }
    bool required = ctx.arguments.empty();
    for (const std::string& wanted : ctx.arguments) {
        const auto parsed = parse_run_state(wanted);
        if (!parsed) {
            ctx.deny(trouble::usage, fmt::format("Invalid run state ({})", wanted));
            co_return 1;
        }
        if (*parsed == *state) {
            required = true;
            break; // upstream looks no further either
        }
    }
    if (!required) {
        const std::string_view got = run_state_name(*state);
        ctx.deny(trouble::refused, fmt::format("CTDB not in required run state (got {})", got));
        co_return 1;
    }
    if (ctx.json()) {
        json out = json_head(ctx, "runstate");
        out["runstate"] = run_state_name(*state);
        print_json(ctx, out);
    } else {
        fmt::print("{}\n", run_state_name(*state));
    }
    co_return 0;
}

run uptime_command(context& ctx) {
    const auto up = co_await ask<controls::get_uptime>(ctx, ctx.target);
    if (!up) {
        co_return up.error().code;
    }
    if (ctx.json()) {
        print_json(ctx, uptime_json(ctx, *up));
    } else {
        fmt::print("{}", uptime_text(ctx.target, *up));
    }
    co_return 0;
}

run ping_command(context& ctx) {
    const auto before = std::chrono::steady_clock::now();
    const auto clients = co_await ask<controls::ping>(ctx, ctx.target);
    if (!clients) {
        co_return clients.error().code;
    }
    if (clients->value < 0) {
        co_return report_refused(ctx, controls::ping::name, ctx.target, clients->value);
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - before;
    if (ctx.json()) {
        json out = json_head(ctx, "ping");
        out["rtt_s"] = took.count();
        out["clients"] = clients->value;
        print_json(ctx, out);
    } else {
        fmt::print(
            "response from {} time={:.6f} sec  ({} clients)\n",
            ctx.target,
            took.count(),
            clients->value
        );
    }
    co_return 0;
}

run getpid_command(context& ctx) {
    const auto pid = co_await ask<controls::get_pid>(ctx, ctx.target);
    if (!pid) {
        co_return pid.error().code;
    }
    if (pid->value < 0) {
        co_return report_refused(ctx, controls::get_pid::name, ctx.target, pid->value);
    }
    if (ctx.json()) {
        json out = json_head(ctx, "getpid");
        out["pid"] = pid->value;
        print_json(ctx, out);
    } else {
        fmt::print("{}\n", pid->value);
    }
    co_return 0;
}

run getcapabilities(context& ctx) {
    const auto caps = co_await ask<controls::get_capabilities>(ctx, ctx.target);
    if (!caps) {
        co_return caps.error().code;
    }
    const bool leader = caps->has(protocol::capability::recmaster);
    const bool lmaster = caps->has(protocol::capability::lmaster);
    if (ctx.json()) {
        json out = json_head(ctx, "getcapabilities");
        out["leader"] = leader;
        out["lmaster"] = lmaster;
        out["raw"] = caps->value;
        print_json(ctx, out);
    } else if (ctx.options.machine) {
        const std::string& x = ctx.options.separator;
        fmt::print("{}\n", machine_line(x, {"LEADER", "LMASTER"}));
        fmt::print("{}\n", machine_line(x, {leader ? "1" : "0", lmaster ? "1" : "0"}));
    } else {
        fmt::print("LEADER: {}\nLMASTER: {}\n", leader ? "YES" : "NO", lmaster ? "YES" : "NO");
    }
    co_return 0;
}

run getreclock(context& ctx) {
    const auto lock = co_await ask<controls::get_lock_setting>(ctx, ctx.target);
    if (!lock) {
        co_return lock.error().code;
    }
    if (ctx.json()) {
        json out = json_head(ctx, "getreclock");
        out["lock"] = lock->has_value() ? json(**lock) : json(nullptr);
        print_json(ctx, out);
    } else if (lock->has_value()) {
        fmt::print("{}\n", **lock);
    }
    co_return 0;
}

namespace {

struct process_query {
    std::int32_t pid = 0;
    std::uint64_t srvid = 0;
};

int show_process(const context& ctx, const process_query& what, bool exists) {
    if (ctx.json()) {
        json out = json_head(ctx, "process-exists");
        out["pid"] = what.pid;
        out["srvid"] = what.srvid == 0 ? json(nullptr) : json(fmt::format("0x{:x}", what.srvid));
        out["exists"] = exists;
        print_json(ctx, out);
    } else {
        const std::string with =
            what.srvid == 0 ? "" : fmt::format(" with SRVID 0x{:x}", what.srvid);
        fmt::print("PID {}{} {}\n", what.pid, with, exists ? "exists" : "does not exist");
    }
    return exists ? 0 : 1;
}

} // namespace

run process_exists(context& ctx) {
    process_query what;
    what.pid = static_cast<std::int32_t>(std::strtol(ctx.argument(0).c_str(), nullptr, 10));
    if (ctx.arguments.size() > 1) {
        const auto srvid = lenient_u64(ctx.argument(1));
        if (!srvid) {
            co_return EINVAL;
        }
        what.srvid = *srvid;
    }
    auto answer = outcome<protocol::status_value>();
    if (what.srvid == 0) {
        answer = co_await ask<controls::process_exists>(ctx, ctx.target, what.pid);
    } else {
        protocol::pid_srvid pair;
        pair.pid = what.pid;
        pair.srvid = srvid(what.srvid);
        answer = co_await ask<controls::check_pid_srvid>(ctx, ctx.target, pair);
    }
    if (!answer) {
        co_return answer.error().code;
    }
    co_return show_process(ctx, what, answer->value == 0);
}

} // namespace ctdb::tool
