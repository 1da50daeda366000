// The same control to many nodes at a time; what failed is printed as ask() prints it.
#pragma once

#include "common/async/combinators.hpp"
#include "context.hpp"

namespace ctdb::tool {

// Waits for all; the failure of the first node that failed, in the order given.
template <class Control>
[[nodiscard]] async::task<outcome<std::vector<typename Control::reply>>>
ask_all(context& ctx, std::vector<pnn> nodes, typename Control::request request) {
    std::vector<async::task<outcome<typename Control::reply>>> asked;
    for (const pnn node : nodes) {
        asked.push_back(ask<Control>(ctx, node, request));
    }
    const auto answers = co_await async::gather(std::move(asked));
    std::vector<typename Control::reply> replies;
    for (const auto& answer : answers) {
        if (!answer) {
            co_return pass(answer);
        }
        replies.push_back(*answer);
    }
    co_return replies;
}

} // namespace ctdb::tool
