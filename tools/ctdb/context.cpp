#include "context.hpp"

#include "common/async/slot.hpp"
#include "common/cmdline/help.hpp"
#include "program.hpp"

#include <algorithm>
#include <cerrno>

#include <unistd.h>

namespace ctdb::tool {

namespace controls = protocol::controls;

int report_no_answer(const context& ctx, std::string_view control, pnn to, const error& why) {
    complaint what;
    what.kind = why.code == ETIMEDOUT ? trouble::timeout : trouble::daemon_unreachable;
    what.errno_value = why.code;
    what.node = to;
    ctx.complain_of(
        what, fmt::format("Control {} failed to node {}, ret={}", control, to, why.code)
    );
    return why.code;
}

int report_refused(const context& ctx, std::string_view control, pnn to, std::int32_t status) {
    complaint what;
    what.kind = trouble::refused;
    what.node = to;
    ctx.complain_of(what, fmt::format("Control {} failed, ret={}", control, status));
    return status;
}

int context::misuse() const {
    if (json()) {
        said.add(
            {trouble::usage, EINVAL, std::nullopt},
            fmt::format("usage: ctdb {} {}", command->name, command->arguments)
        );
    } else {
        fmt::print("{}", cmdline::command_misuse(table(), *command));
    }
    return 1;
}

void context::complain_of(const complaint& what, const std::string& line) const {
    fmt::print(stderr, "{}\n", line);
    said.add(what, line);
}

void context::deny(trouble kind, const std::string& line) const {
    if (!json()) {
        fmt::print("{}\n", line);
    }
    complaint what;
    what.kind = kind;
    said.add(what, line);
}

void context::tell(const std::string& line) const {
    if (json()) {
        told.push_back(line);
    } else {
        fmt::print("{}\n", line);
    }
}

namespace {

// The next node worth asking behind `after`; `start` when nobody is left.
pnn next_connected(const protocol::node_map& map, pnn after, pnn start) {
    const auto count = static_cast<std::uint32_t>(map.nodes.size());
    for (std::uint32_t step = 1; step <= count; ++step) {
        const auto& node = map.nodes[(after.value + step) % count];
        if (protocol::is_connected(node.flags) || node.pnn == start) {
            return node.pnn;
        }
    }
    return start;
}

} // namespace

async::task<outcome<protocol::node_map>> context::node_map(map_age age) {
    if (map_ && age == map_age::any) {
        co_return *map_;
    }
    pnn asked = self;
    for (;;) {
        auto map = co_await ask<controls::get_node_map>(*this, asked);
        if (!map) {
            complain("Failed to get nodemap from node {}", asked);
            co_return pass(map);
        }
        if (asked.value >= map->nodes.size() ||
            !map->nodes[asked.value].flags.has(protocol::node_flag::banned)) {
            map_ = *map;
            co_return std::move(*map);
        }
        asked = next_connected(*map, asked, self);
        if (asked == self) {
            complain(trouble::node_inactive, "Warning: All nodes are banned.");
            co_return failure();
        }
    }
}

async::task<outcome<std::vector<pnn>>> context::nodes_where(bool (*wanted)(protocol::node_flags)) {
    const auto map = co_await node_map();
    if (!map) {
        co_return pass(map);
    }
    std::vector<pnn> out;
    for (const auto& node : map->nodes) {
        if (wanted(node.flags)) {
            out.push_back(node.pnn);
        }
    }
    co_return out;
}

void context::listen_for_leader() {
    if (leader_subscription_) {
        return;
    }
    leader_subscription_ = ctdbd->subscribe(protocol::srvids::leader, [this](byte_view data) {
        const auto announced = protocol::decode<pnn>(data);
        if (announced && *announced != unknown_pnn) {
            leader_ = *announced;
            if (leader_waiter_ != nullptr) {
                leader_waiter_->set(true);
            }
        }
    });
}

async::task<pnn> context::leader() {
    listen_for_leader();
    if (leader_ == unknown_pnn) {
        async::slot<bool> heard(loop);
        async::timer expiry(loop, [&heard] { heard.set(false); });
        expiry.arm(deadline());
        leader_waiter_ = &heard;
        co_await heard.take();
        leader_waiter_ = nullptr;
    }
    co_return leader_;
}

srvid context::next_answer_address() {
    return protocol::srvids::tool_answer(static_cast<std::uint32_t>(::getpid()), ++answers_);
}

} // namespace ctdb::tool
