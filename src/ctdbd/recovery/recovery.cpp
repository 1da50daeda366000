#include "ctdbd/recovery/recovery.hpp"

#include "common/base/log.hpp"
#include "ctdbd/recovery/recovery_run.hpp"

namespace ctdb::ctdbd {

async::task<recovery_report> recovery::run(recovery_request request) {
    const auto begun = port_.runtime().now();
    recovery_run steps(port_, request, next_address_, held_up_, disposal_);
    auto all = steps.all_steps();
    result<> outcome = co_await std::move(all);
    recovery_report report = std::move(steps).finish(std::move(outcome));
    report.took = port_.runtime().now() - begun;
    note_held_up(report.held_up);
    const auto took_ms = std::chrono::duration_cast<std::chrono::milliseconds>(report.took).count();
    if (report.outcome) {
        log_notice(
            "recovery: {} databases on {} nodes in {} ms, generation {:#x}",
            report.databases,
            report.active.size(),
            took_ms,
            report.generation.value
        );
    } else {
        log_error("recovery failed after {} ms: {}", took_ms, report.outcome.error().what);
    }
    co_return report;
}

void recovery::note_held_up(const std::set<pnn>& nodes) {
    std::erase_if(held_up_, [&nodes](const auto& entry) { return !nodes.contains(entry.first); });
    for (const pnn node : nodes) {
        ++held_up_[node];
    }
}

} // namespace ctdb::ctdbd
