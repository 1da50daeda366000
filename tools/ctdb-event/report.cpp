#include "report.hpp"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <ctime>

namespace ctdb::event_tool {

namespace {

using event::script_result;

std::string no_component(const std::string& component) {
    return fmt::format("Event dir for {} does not exist\n", component);
}

// ctime(3), which ends in a line end.
std::string when(event::wall_time t) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(t.time_since_epoch());
    const std::time_t raw = seconds.count();
    std::array<char, 64> text{};
    return ::ctime_r(&raw, text.data()) == nullptr ? "?\n" : text.data();
}

std::string first_line(const script_result& s) {
    if (s.result == event::result_timed_out) {
        return fmt::format("{:<20} {:<10} {}", s.name, "TIMEDOUT", when(s.begin));
    }
    if (s.result == event::result_disabled) {
        return fmt::format("{:<20} {:<10}\n", s.name, "DISABLED");
    }
    if (s.result < 0) {
        const char* const why = std::strerror(-s.result); // NOLINT(concurrency-mt-unsafe)
        return fmt::format("{:<20} {:<10} ({})\n", s.name, "CANNOT RUN", why);
    }
    const std::chrono::duration<double> took = s.end - s.begin;
    return fmt::format(
        "{:<20} {:<10} {:.3f} {}",
        s.name,
        s.result == 0 ? "OK" : "ERROR",
        took.count(),
        when(s.begin)
    );
}

} // namespace

std::string run_report(const event::run_request& asked, std::int32_t code) {
    switch (code) {
    case 0:
        return {};
    case ENOENT:
        return no_component(asked.component);
    case ETIMEDOUT:
        return fmt::format("Event {} in {} timed out\n", asked.event, asked.component);
    case ECANCELED:
        return fmt::format("Event {} in {} got cancelled\n", asked.event, asked.component);
    case ENOEXEC:
        return fmt::format("Event {} in {} failed\n", asked.event, asked.component);
    default:
        return fmt::format(
            "Failed to run event {} in {}, result={}\n", asked.event, asked.component, code
        );
    }
}

report status_report(const event::status_request& asked, const event::reply& answer) {
    if (answer.result == ENOENT) {
        return {no_component(asked.component), ENOENT};
    }
    if (answer.result == EINVAL) {
        return {
            fmt::format("Event {} has never run in {}\n", asked.event, asked.component), EINVAL};
    }
    if (answer.result != 0 || !answer.status) {
        return {
            fmt::format(
                "Unknown error ({}) for event {} in {}\n",
                answer.result,
                asked.event,
                asked.component
            ),
            answer.result};
    }
    report all;
    for (const script_result& s : answer.status->scripts) {
        if (s.result == event::result_not_reached) {
            continue; // only newer upstream daemons list them
        }
        all.text += first_line(s);
        if (s.result != 0 && s.result != event::result_disabled) {
            all.text += fmt::format("  OUTPUT: {}\n", s.output);
        }
    }
    all.exit_code = std::abs(answer.status->summary);
    return all;
}

std::string list_report(const event::script_listing& listing) {
    std::string text;
    const auto add = [&text](const event::script_listing::line& line) {
        text += fmt::format("{} {}\n", line.enabled ? '*' : ' ', line.name);
    };
    for (const auto& line : listing.provided) {
        add(line);
    }
    if (!listing.provided.empty() && !listing.local.empty()) {
        text += "\n";
    }
    for (const auto& line : listing.local) {
        add(line);
    }
    return text;
}

} // namespace ctdb::event_tool
