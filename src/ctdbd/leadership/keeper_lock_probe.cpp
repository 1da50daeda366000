#include "ctdbd/leadership/keeper_lock_probe.hpp"

#include "common/async/slot.hpp"
#include "common/base/log.hpp"

namespace ctdb::ctdbd {

namespace {

probe_outcome outcome_of(byte_view output) {
    const char first = output.empty() ? '3' : static_cast<char>(output.front());
    switch (first) {
    case '0':
        return probe_outcome::taken;
    case '1':
        return probe_outcome::contention;
    case '2':
        return probe_outcome::timed_out;
    default:
        return probe_outcome::failed;
    }
}

} // namespace

async::task<probe_outcome> probe_cluster_lock(
    async::event_loop& loop, std::vector<std::string> command, std::chrono::milliseconds limit
) {
    async::slot<probe_outcome> answered(loop);
    async::child_options options;
    options.argv = std::move(command);
    options.output = async::child_options::output::capture_stdout;
    options.on_output = [&answered](byte_view output) { answered.set(outcome_of(output)); };
    options.on_output_end = [&answered] { answered.set(probe_outcome::failed); };
    const auto child = async::child_process::start(loop, std::move(options));
    if (!child) {
        log_error("cluster lock test: {}", child.error().what);
        co_return probe_outcome::failed;
    }
    async::timer late(loop, [&answered] { answered.set(probe_outcome::timed_out); });
    late.arm_in(limit);
    co_return co_await answered.take();
}

} // namespace ctdb::ctdbd
