// Tunables and the log level of a daemon.
#include "commands.hpp"
#include "common/base/log.hpp"
#include "json.hpp"
#include "text.hpp"

#include <algorithm>

#include <strings.h>

namespace ctdb::tool {

namespace controls = protocol::controls;

namespace {

// The daemon's own list: what it does not name is not known, whatever we know.
async::task<outcome<std::vector<std::string>>> names_of(context& ctx) {
    auto list = co_await ask<controls::list_tunables>(ctx, ctx.target);
    if (!list) {
        ctx.complain("Failed to get list of variables from node {}", ctx.target);
        co_return pass(list);
    }
    std::erase(list->names, ""); // upstream's daemon begins its list with a separator
    co_return std::move(list->names);
}

bool contains(const std::vector<std::string>& names, const std::string& wanted) {
    return std::any_of(names.begin(), names.end(), [&wanted](const std::string& name) {
        return ::strcasecmp(name.c_str(), wanted.c_str()) == 0;
    });
}

async::task<outcome<std::uint32_t>> value_of(context& ctx, const std::string& name) {
    protocol::tunable_name wanted;
    wanted.name = name;
    const auto value = co_await ask<controls::get_tunable>(ctx, ctx.target, wanted);
    if (!value) {
        ctx.complain("Failed to get value of variable {} from node {}", name, ctx.target);
    }
    co_return value;
}

json tunable_json(const std::string& name, std::uint32_t value) {
    json out;
    out["name"] = name;
    out["value"] = value;
    if (const auto* known = protocol::find_tunable(name); known != nullptr) {
        out["default"] = known->default_value;
        out["changed"] = known->default_value != value;
        out["obsolete"] = known->obsolete();
    } else {
        out["default"] = out["changed"] = out["obsolete"] = nullptr;
    }
    return out;
}

void print_tunables(const context& ctx, const json& list) {
    json out = json_head(ctx, ctx.command->name);
    out["tunables"] = list;
    print_json(ctx, out);
}

void print_line(const std::string& name, std::uint32_t value) {
    fmt::print("{:<26} = {}\n", name, value);
}

} // namespace

run getvar(context& ctx) {
    const auto names = co_await names_of(ctx);
    if (!names) {
        co_return names.error().code;
    }
    if (!contains(*names, ctx.argument(0))) {
        ctx.deny(trouble::usage, fmt::format("No such tunable {}", ctx.argument(0)));
        co_return 1;
    }
    const auto value = co_await value_of(ctx, ctx.argument(0));
    if (!value) {
        co_return value.error().code;
    }
    if (ctx.json()) {
        json list = json::array();
        list.push_back(tunable_json(ctx.argument(0), *value));
        print_tunables(ctx, list);
    } else {
        print_line(ctx.argument(0), *value);
    }
    co_return 0;
}

run setvar(context& ctx) {
    const auto names = co_await names_of(ctx);
    if (!names) {
        co_return names.error().code;
    }
    protocol::tunable wanted;
    wanted.name = ctx.argument(0);
    if (!contains(*names, wanted.name)) {
        ctx.deny(trouble::usage, fmt::format("No such tunable {}", wanted.name));
        co_return 1;
    }
    const auto value = lenient_u32(ctx.argument(1));
    if (!value) {
        co_return EINVAL;
    }
    wanted.value = *value;
    client::control_call call =
        client::call_of<controls::set_tunable>(ctx.target, wanted, srvid{}, {});
    const auto answer = co_await ctx.ctdbd->control(std::move(call), ctx.deadline());
    if (!answer) {
        co_return report_no_answer(ctx, controls::set_tunable::name, ctx.target, answer.error());
    }
    if (answer->status == protocol::status::obsolete_tunable) {
        ctx.complain("Setting obsolete tunable variable '{}'", wanted.name);
        co_return 0;
    }
    if (answer->status != 0) {
        co_return report_refused(ctx, controls::set_tunable::name, ctx.target, answer->status);
    }
    co_return 0;
}

run listvars(context& ctx) {
    const auto names = co_await names_of(ctx);
    if (!names) {
        co_return names.error().code;
    }
    json list = json::array();
    for (const std::string& name : *names) {
        const auto value = co_await value_of(ctx, name);
        if (!value) {
            co_return value.error().code;
        }
        if (ctx.json()) {
            list.push_back(tunable_json(name, *value));
        } else {
            print_line(name, *value);
        }
    }
    if (ctx.json()) {
        print_tunables(ctx, list);
    }
    co_return 0;
}

namespace {

// The five levels, by their numbers on the wire.
constexpr std::array<std::pair<std::int32_t, std::string_view>, 5> levels{
    {{0, "ERROR"}, {1, "WARNING"}, {3, "NOTICE"}, {5, "INFO"}, {10, "DEBUG"}}};

std::string_view level_name(std::int32_t level) {
    for (const auto& [number, name] : levels) {
        if (number == level) {
            return name;
        }
    }
    return "UNKNOWN";
}

} // namespace

run getdebug(context& ctx) {
    const auto level = co_await ask<controls::get_debug>(ctx, ctx.target);
    if (!level) {
        co_return level.error().code;
    }
    if (ctx.json()) {
        json out = json_head(ctx, "getdebug");
        out["level"] = level_name(*level);
        print_json(ctx, out);
    } else {
        fmt::print("{}\n", level_name(*level));
    }
    co_return 0;
}

run setdebug(context& ctx) {
    const auto level = parse_log_level(ctx.argument(0));
    if (!level) {
        ctx.complain("Invalid debug level '{}'. Valid levels are:", ctx.argument(0));
        ctx.complain("\tERROR | WARNING | NOTICE | INFO | DEBUG");
        co_return 1;
    }
    const auto number = static_cast<std::int32_t>(*level);
    const auto done = co_await order<controls::set_debug>(ctx, ctx.target, number, "");
    co_return exit_of(done);
}

} // namespace ctdb::tool
