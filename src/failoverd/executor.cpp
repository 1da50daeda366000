#include "failoverd/executor.hpp"

#include "common/async/combinators.hpp"
#include "common/base/log.hpp"
#include "common/protocol/messages.hpp"

#include <algorithm>

#include <fmt/ranges.h>

namespace ctdb::failoverd {

namespace {

constexpr std::size_t runs_kept = 10;

std::vector<item_line> lines_of(const item_set& items) {
    std::vector<item_line> lines;
    for (const item& which : items) {
        lines.push_back({name_of(which), {}});
    }
    return lines;
}

std::vector<item_line> lines_of(const plan& p) {
    std::vector<item_line> lines;
    for (const auto& [which, holder] : p) {
        lines.push_back({name_of(which), {fmt::format("{}", holder)}});
    }
    return lines;
}

// A script's limit is a second shorter than the phase's, so that the node reports it itself.
std::chrono::seconds script_limit(std::chrono::milliseconds limit) {
    const auto whole = std::chrono::duration_cast<std::chrono::seconds>(limit);
    return std::max(whole - std::chrono::seconds(1), std::chrono::seconds(1));
}

order_outcome failed(std::string why) {
    order_outcome outcome;
    outcome.ok = false;
    outcome.text = std::move(why);
    return outcome;
}

} // namespace

result<std::string> executor::directory_of(epoch e) const {
    return make_run_directory(run_, fmt::format("{:016x}", e));
}

void executor::look() const {
    if (const auto read = addresses_.refresh(); !read) {
        log_error("reading addresses: {}", read.error().what);
    }
}

void executor::tell_each(srvid address, const item_set& items) const {
    for (const item& which : items) {
        const std::string name = name_of(which);
        tell_(address, byte_view(std::as_bytes(std::span(name.c_str(), name.size() + 1))));
    }
}

async::task<executor::event_end>
executor::run_event(std::string event, std::string directory, std::chrono::milliseconds limit) {
    event::run_request asked;
    asked.component = "failover";
    asked.event = event;
    asked.arguments = directory;
    asked.timeout_seconds = static_cast<std::uint32_t>(script_limit(limit).count());
    asked.run_all = event != "prepare" && event != "take";
    const async::time_point deadline = loop_.now() + limit;
    auto running = events_.run(std::move(asked));
    async::before_deadline<result<event::run_outcome>> bounded(loop_, std::move(running), deadline);
    const auto outcome = co_await bounded;
    event_end end;
    if (!outcome) {
        end.reason = fmt::format("{}: no answer from eventd", event);
    } else if (!*outcome) {
        end.reason = fmt::format("{}: eventd: {}", event, outcome->error().what);
    } else if ((*outcome)->code == ENOENT) {
        end.reason = "no scripts of component failover are enabled";
    } else {
        end.cancelled = (*outcome)->code == ECANCELED;
        end.ran = !end.cancelled;
        end.ok = (*outcome)->ok();
        end.reason = (*outcome)->reason();
    }
    co_return end;
}

async::task<order_outcome> executor::carry_out(epoch e, participant_host::order what) {
    if (auto* p = std::get_if<participant_host::prepare_order>(&what)) {
        co_return co_await do_prepare(e, std::move(*p));
    }
    if (auto* r = std::get_if<participant_host::release_order>(&what)) {
        co_return co_await do_release(e, std::move(*r));
    }
    if (auto* t = std::get_if<participant_host::take_order>(&what)) {
        co_return co_await do_take(e, std::move(*t));
    }
    auto& f = std::get<participant_host::finalise_order>(what);
    co_return co_await do_finalise(e, f);
}

async::task<order_outcome> executor::do_prepare(epoch e, participant_host::prepare_order o) {
    const auto directory = directory_of(e);
    if (!directory) {
        co_return failed(directory.error().what);
    }
    forget_old_runs(run_, runs_kept);
    std::string members;
    for (const pnn node : o.what.members) {
        members += fmt::format(" {}", node);
    }
    const std::string head = fmt::format("epoch={}\nmembers={}\n", e, members);
    const std::pair<const char*, std::vector<item_line>> files[] = {
        {"/plan.pubip", lines_of(o.what.plan)},
        {"/gain.pubip", lines_of(o.gain)},
        {"/lose.pubip", lines_of(o.lose)},
        {"/keep.pubip", lines_of(o.keep)}};
    result<> written = write_text(*directory + "/epoch", head);
    for (const auto& [name, lines] : files) {
        if (written) {
            written = write_items(*directory + name, lines);
        }
    }
    if (!written) {
        co_return failed(written.error().what);
    }
    tell_(protocol::srvids::start_ip_reallocate, {});
    const event_end end = co_await run_event("prepare", *directory, o.what.limit);
    if (end.ran && !end.ok) {
        co_return failed(end.reason);
    }
    look();
    co_return order_outcome{};
}

async::task<order_outcome> executor::do_release(epoch e, participant_host::release_order o) {
    if (o.lose.empty()) {
        co_return order_outcome{};
    }
    tell_each(protocol::srvids::release_ip, o.lose);
    item_set real;
    for (const item& which : o.lose) {
        if (!addresses_.pretended(which)) {
            real.insert(which);
        }
    }
    const auto directory = directory_of(e);
    if (directory && !real.empty()) {
        const auto written = write_items(*directory + "/lose.pubip", lines_of(real));
        if (written) {
            const event_end end = co_await run_event("release", *directory, o.limit);
            if (!end.ok) {
                log_warning("{}", end.reason);
            }
        }
    }
    look();
    addresses_.release(o.lose); // pretended ones, and what the script has left
    co_return order_outcome{};
}

item_line executor::gain_line(const item& which, bool probe, stamp until) const {
    item_line line{name_of(which), {}};
    for (const item_line& configured : addresses_.config_lines()) {
        if (configured.name == line.name) {
            line.words = configured.words;
        }
    }
    line.words.push_back(fmt::format("lease={}", settings_.lease.count()));
    line.words.push_back(fmt::format("until={}", until.count()));
    line.words.push_back(probe ? "probe=yes" : "probe=no");
    return line;
}

void executor::judge_take(
    const std::string& directory, const event_end& end, const item_set& real, order_outcome& outcome
) const {
    const auto results = read_items(directory + "/result.pubip");
    for (const item& which : real) {
        std::string said;
        for (const item_line& line : results ? *results : std::vector<item_line>{}) {
            if (line.name == name_of(which) && !line.words.empty()) {
                said = line.words.front();
                outcome.text = fmt::format("{}: {}", line.name, fmt::join(line.words, " "));
            }
        }
        if (said == "busy") {
            outcome.failures[which] = take_failure::busy;
        } else if (said == "late" || !end.ran) {
            outcome.failures[which] = take_failure::stale;
        } else if (said != "ok") {
            outcome.failures[which] = take_failure::failed;
            log_error("taking {}: {}", name_of(which), said.empty() ? end.reason : outcome.text);
        }
    }
}

async::task<order_outcome> executor::do_take(epoch e, participant_host::take_order o) {
    order_outcome outcome;
    addresses_.release(o.lose);
    item_set real;
    item_set all;
    std::vector<item_line> lines;
    const item_set there = addresses_.held();
    for (const auto& [which, probe] : o.items) {
        all.insert(which);
        if (!addresses_.pretended(which) && !there.contains(which)) {
            real.insert(which);
            lines.push_back(gain_line(which, probe, o.until));
        }
    }
    const auto directory = directory_of(e);
    if (!directory) {
        co_return failed(directory.error().what);
    }
    if (!real.empty()) {
        ::unlink((*directory + "/result.pubip").c_str());
        const auto written = write_items(*directory + "/gain.pubip", lines);
        if (!written) {
            co_return failed(written.error().what);
        }
        const event_end end = co_await run_event("take", *directory, o.limit);
        judge_take(*directory, end, real, outcome);
    }
    addresses_.take(without(all, real), settings_.lease); // pretended, or there already
    look();
    item_set taken = addresses_.held();
    std::erase_if(taken, [&all](const item& which) { return !all.contains(which); });
    tell_each(protocol::srvids::take_ip, taken);
    co_return outcome;
}

async::task<order_outcome> executor::do_finalise(epoch e, participant_host::finalise_order o) {
    order_outcome outcome;
    const auto directory = directory_of(e);
    if (directory) {
        std::vector<item_line> lines;
        for (const item& which : addresses_.held()) {
            lines.push_back({name_of(which), {"iface=" + addresses_.interface_of(which)}});
        }
        const auto written = write_items(*directory + "/host.pubip", lines);
        if (written) {
            const event_end end = co_await run_event("finalise", *directory, o.limit);
            outcome.ok = end.ok || !end.ran;
            outcome.text = end.reason;
        }
    }
    tell_(protocol::srvids::ip_reallocated, {});
    co_return outcome;
}

async::task<executor::monitor_outcome> executor::monitor(std::chrono::seconds limit) {
    monitor_outcome outcome;
    const auto directory = make_run_directory(run_, "monitor");
    if (!directory) {
        outcome.reason = directory.error().what;
        co_return outcome;
    }
    const std::string result_file = *directory + "/avail.pubip";
    ::unlink(result_file.c_str());
    const auto written = write_items(*directory + "/config.pubip", addresses_.config_lines());
    if (!written) {
        outcome.reason = written.error().what;
        co_return outcome;
    }
    const event_end end = co_await run_event("monitor", *directory, limit);
    outcome.ran = end.ran;
    outcome.cancelled = end.cancelled;
    outcome.reason = end.reason;
    const auto lines = read_items(result_file);
    for (const item_line& line : lines ? *lines : std::vector<item_line>{}) {
        outcome.available.insert(pubip(line.name));
    }
    co_return outcome;
}

async::task<void> executor::run_plain(std::string event, std::chrono::seconds limit) {
    const auto directory = make_run_directory(run_, "monitor");
    if (directory) {
        const auto written = write_items(*directory + "/config.pubip", addresses_.config_lines());
        const event_end end = co_await run_event(event, *directory, limit);
        if ((end.ran && !end.ok) || !written) {
            log_warning("{}", end.reason);
        }
    }
}

} // namespace ctdb::failoverd
