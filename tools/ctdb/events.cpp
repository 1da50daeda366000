// event, scriptstatus: ctdb-event does the work.
#include "commands.hpp"
#include "common/async/child_process.hpp"
#include "context.hpp"
#include "watchdog.hpp"

#include <csignal>

#include <sys/wait.h>

namespace ctdb::tool {

namespace {

async::task<int> run_helper(context& ctx, std::vector<std::string> words) {
    async::slot<int> ended(ctx.loop);
    async::child_options options;
    options.argv = {ctx.where.helper("ctdb-event")};
    if (ctx.json()) {
        const bool lines = ctx.options.json == json_form::lines;
        options.argv.emplace_back(lines ? "--jsonl" : "--json");
    }
    options.argv.insert(options.argv.end(), words.begin(), words.end());
    options.on_exit = [&ended](int status) { ended.set(status); };
    const auto child = async::child_process::start(ctx.loop, std::move(options));
    if (!child) {
        ctx.complain("{}", child.error().what);
        co_return child.error().code;
    }
    const watched_child watched((*child)->pid());
    const int status = co_await ended.take();
    if (WIFSIGNALED(status)) {
        ctx.complain("event daemon helper terminated with signal {}", WTERMSIG(status));
        co_return EINTR;
    }
    ctx.answered = true; // by the helper
    co_return WEXITSTATUS(status);
}

} // namespace

run event(context& ctx) {
    co_return co_await run_helper(ctx, ctx.arguments);
}

// Always succeeds, as upstream's.
run scriptstatus(context& ctx) {
    const std::string which = ctx.arguments.empty() ? "monitor" : ctx.argument(0);
    std::vector<std::string> words{"status", "legacy", which};
    const int ignored = co_await run_helper(ctx, std::move(words));
    static_cast<void>(ignored);
    co_return 0;
}

} // namespace ctdb::tool
