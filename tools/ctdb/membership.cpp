// Changing what a node is: disable, stop, ban, roles; shutdown; recovery; takeover runs.
#include "commands.hpp"
#include "common/async/slot.hpp"
#include "context.hpp"
#include "text.hpp"

namespace ctdb::tool {

namespace controls = protocol::controls;
using protocol::node_flag;

namespace {

constexpr auto poll_interval = std::chrono::milliseconds(100);
constexpr auto complain_interval = std::chrono::seconds(1);

async::task<outcome<bool>> has_flag(context& ctx, node_flag flag, context::map_age age) {
    const auto map = co_await ctx.node_map(age);
    if (!map) {
        co_return pass(map);
    }
    if (ctx.target.value >= map->nodes.size()) {
        ctx.complain(trouble::no_such_node, "Node {} does not exist", ctx.target);
        co_return failure();
    }
    co_return map->nodes[ctx.target.value].flags.has(flag);
}

// Without a limit of its own: -T ends it.
async::task<void> wait_for_flag(context& ctx, node_flag flag, bool wanted) {
    for (;;) {
        const auto now = co_await has_flag(ctx, flag, context::map_age::fresh);
        if (now && *now == wanted) {
            co_return;
        }
        if (!now) {
            ctx.complain("Failed to get nodemap, trying again");
            co_await async::sleep_for(ctx.loop, complain_interval);
        } else {
            co_await async::sleep_for(ctx.loop, poll_interval);
        }
    }
}

// Asks whoever leads for a takeover run until somebody has answered.
async::task<int> takeover_run(context& ctx) {
    protocol::srvid_message ask;
    ask.pnn = ctx.self;
    ask.srvid = ctx.next_answer_address();
    const bytes packed = protocol::encode(ask);
    async::slot<std::optional<std::int32_t>>* waiting = nullptr;
    auto heard = [&waiting](byte_view data) {
        const auto answer = protocol::decode<std::int32_t>(data);
        if (answer && waiting != nullptr) {
            waiting->set(*answer);
        }
    };
    const auto kept = ctx.ctdbd->subscribe(ask.srvid, heard);
    for (;;) {
        async::slot<std::optional<std::int32_t>> answer(ctx.loop);
        async::timer again(ctx.loop, [&answer] { answer.set(std::nullopt); });
        again.arm(ctx.deadline());
        waiting = &answer;
        ctx.ctdbd->message(protocol::broadcast_connected, protocol::srvids::takeover_run, packed);
        const std::optional<std::int32_t> status = co_await answer.take();
        waiting = nullptr;
        if (status) {
            co_return *status >= 0 ? 0 : *status;
        }
    }
}

struct change {
    node_flag flag;
    bool wanted; // set, or cleared
    std::string_view already;
    std::string_view verb; // "disable": Failed to disable node 1
};

// The check before the order: true if there is nothing to do.
async::task<outcome<bool>> done_already(context& ctx, change what) {
    const auto now = co_await has_flag(ctx, what.flag, context::map_age::any);
    if (!now) {
        co_return pass(now);
    }
    if (*now == what.wanted) {
        ctx.complain("Node {} is {}", ctx.target, what.already);
    }
    co_return *now == what.wanted;
}

template <class Control>
async::task<int> change_node(context& ctx, change what, typename Control::request request) {
    const auto nothing = co_await done_already(ctx, what);
    if (!nothing) {
        co_return nothing.error().code;
    }
    if (*nothing) {
        co_return 0;
    }
    const std::string text = fmt::format("Failed to {} node {}", what.verb, ctx.target);
    const auto ordered = co_await order<Control>(ctx, ctx.target, std::move(request), text);
    if (!ordered) {
        co_return ordered.error().code;
    }
    co_await wait_for_flag(ctx, what.flag, what.wanted);
    co_return co_await takeover_run(ctx);
}

constexpr change to_disabled{node_flag::permanently_disabled, true, "already disabled", "disable"};
constexpr change to_enabled{node_flag::permanently_disabled, false, "not disabled", "enable"};
constexpr change to_stopped{node_flag::stopped, true, "already stopped", "stop"};
constexpr change to_continued{node_flag::stopped, false, "not stopped", "continue stopped"};
constexpr change to_banned{node_flag::banned, true, "already banned", "ban"};
constexpr change to_unbanned{node_flag::banned, false, "not banned", "unban"};

} // namespace

run disable(context& ctx) {
    co_return co_await change_node<controls::disable_node>(ctx, to_disabled, protocol::none());
}

run enable(context& ctx) {
    co_return co_await change_node<controls::enable_node>(ctx, to_enabled, protocol::none());
}

run stop(context& ctx) {
    co_return co_await change_node<controls::stop_node>(ctx, to_stopped, protocol::none());
}

run continue_command(context& ctx) {
    co_return co_await change_node<controls::continue_node>(ctx, to_continued, protocol::none());
}

run ban(context& ctx) {
    const auto seconds = lenient_u32(ctx.argument(0));
    if (!seconds) {
        co_return EINVAL;
    }
    if (*seconds == 0) {
        ctx.complain("Ban time cannot be zero");
        co_return EINVAL;
    }
    protocol::ban_state state;
    state.pnn = ctx.target;
    state.seconds = *seconds;
    co_return co_await change_node<controls::set_ban_state>(ctx, to_banned, state);
}

run unban(context& ctx) {
    protocol::ban_state state;
    state.pnn = ctx.target;
    co_return co_await change_node<controls::set_ban_state>(ctx, to_unbanned, state);
}

run ipreallocate(context& ctx) {
    co_return co_await takeover_run(ctx);
}

run shutdown_command(context& ctx) {
    client::send<controls::shutdown>(*ctx.ctdbd, ctx.target, protocol::none());
    ctx.ctdbd->flush();
    if (ctx.target != ctx.self) {
        // An answer to something later means that the order is on its way.
        const auto sent = co_await ask<controls::get_pnn>(ctx, ctx.self);
        co_return exit_of(sent);
    }
    ctx.expects_end = true;
    while (!ctx.ended) {
        co_await async::sleep_for(ctx.loop, poll_interval);
    }
    co_return 0;
}

namespace {

async::task<outcome<generation>> settled_generation(context& ctx, pnn leader) {
    for (;;) {
        const auto mode = co_await ask<controls::get_recovery_mode>(ctx, leader);
        if (!mode || mode->value < 0) {
            const int code =
                mode ? report_refused(ctx, controls::get_recovery_mode::name, leader, mode->value)
                     : mode.error().code;
            ctx.complain("Failed to get recovery mode from node {}", leader);
            co_return failure(code);
        }
        const auto map = co_await ask<controls::get_vnn_map>(ctx, leader);
        if (!map) {
            ctx.complain("Failed to get generation from node {}", leader);
            co_return pass(map);
        }
        if (mode->value == 0 && map->generation != invalid_generation) {
            co_return map->generation;
        }
        co_await async::sleep_for(ctx.loop, poll_interval);
    }
}

} // namespace

run recover(context& ctx) {
    const pnn leader = co_await ctx.leader();
    const auto before = co_await settled_generation(ctx, leader);
    if (!before) {
        co_return before.error().code;
    }
    const auto ordered = co_await order<controls::set_recovery_mode>(
        ctx, ctx.target, protocol::recovery_mode::active, "Failed to set recovery mode active"
    );
    if (!ordered) {
        co_return ordered.error().code;
    }
    for (;;) {
        const pnn now = co_await ctx.leader();
        const auto after = co_await settled_generation(ctx, now);
        if (!after) {
            ctx.complain("Failed to confirm end of recovery");
            co_return after.error().code;
        }
        if (*after != *before) {
            co_return 0;
        }
        co_await async::sleep_for(ctx.loop, poll_interval);
    }
}

namespace {

template <class Control>
async::task<int> set_role(context& ctx) {
    const std::string& word = ctx.argument(0);
    if (word != "on" && word != "off") {
        co_return ctx.misuse();
    }
    const std::uint32_t wanted = word == "on" ? 1 : 0;
    const auto done = co_await order<Control>(ctx, ctx.target, wanted, "");
    co_return exit_of(done);
}

} // namespace

run setlmasterrole(context& ctx) {
    co_return co_await set_role<controls::set_lmaster_role>(ctx);
}

run setleaderrole(context& ctx) {
    co_return co_await set_role<controls::set_leader_role>(ctx);
}

} // namespace ctdb::tool
