#include "common/logging/logging.hpp"

#include "common/logging/line_format.hpp"

#include <algorithm>

#include <syslog.h>

namespace ctdb::logging {

logger::logger(log_setup made_from, std::unique_ptr<sink> out, bool count_repeats)
    : setup_(std::move(made_from)), out_(std::move(out)), count_repeats_(count_repeats) {
    set_log_sink([this](log_level level, std::string_view text) { line(level, text); });
}

logger::~logger() {
    set_log_sink({});
    flush_repeats();
}

result<> logger::reopen() {
    return out_->reopen();
}

void logger::flush_repeats() noexcept {
    try {
        if (const auto counted = repeats_.flush()) {
            put(counted->level, counted->text);
        }
    } catch (...) {
        // No memory: the count of repeats is the least that can be lost.
    }
}

void logger::line(log_level level, std::string_view text) noexcept {
    if (!count_repeats_) {
        put(level, text);
        return;
    }
    try {
        const auto decided = repeats_.line(level, text, std::chrono::steady_clock::now());
        if (decided.before) {
            put(decided.before->level, decided.before->text);
        }
        if (decided.write) {
            put(level, text);
        }
    } catch (...) {
        put(level, text); // no memory to compare it with: written as it is
    }
}

void logger::put(log_level level, std::string_view text) noexcept {
    do {
        const std::size_t end = std::min(text.find('\n'), text.size());
        const std::string_view part = text.substr(0, end);
        try {
            out_->write(level, printable(part));
        } catch (...) {
            out_->write(level, "a log line was lost: no memory");
        }
        text.remove_prefix(std::min(end + 1, text.size()));
    } while (!text.empty());
}

std::vector<std::pair<std::string, std::string>> logger::child_environment() const {
    return {
        {"CTDB_LOGGING", setup_.location},
        {"CTDB_DEBUGLEVEL", std::string(log_level_name(current_log_level()))}};
}

result<std::unique_ptr<logger>> setup(log_setup wanted) {
    const auto where = parse_location(wanted.location);
    if (!where) {
        return pass(where);
    }
    auto out = open_sink(*where, {wanted.program, wanted.host});
    if (!out) {
        return pass(out);
    }
    set_log_level(wanted.level);
    // Standard error is read by people and tests that compare it to the letter.
    const bool count_repeats = where->where != target::standard_error;
    return std::make_unique<logger>(std::move(wanted), std::move(*out), count_repeats);
}

log_setup setup_from_environment(const path::environment& env, std::string program) {
    log_setup wanted;
    wanted.location = env("CTDB_LOGGING").value_or("file:");
    wanted.level = parse_log_level(env("CTDB_DEBUGLEVEL").value_or("")).value_or(log_level::notice);
    wanted.program = std::move(program);
    return wanted;
}

void announce_location(const std::string& program, const std::string& location) {
    ::openlog(program.c_str(), LOG_PID, LOG_DAEMON);
    ::syslog(LOG_NOTICE, "CTDB logs to location %s", location.c_str());
    ::closelog();
}

} // namespace ctdb::logging
