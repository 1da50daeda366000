// Connects log_*() of common/base to a place. main() makes one logger and keeps it for the life of
// the process.
//
//     auto logger = logging::setup({cfg.get(options::log_location), cfg.level(), "ctdbd",
//     paths.log_host()}); if (!logger) { fmt::print(stderr, "{}\n", logger.error().what); return 1;
//     }
//
// Requires: one logger at a time. Destroying it sends log lines back to stderr.
#pragma once

#include "common/base/log.hpp"
#include "common/base/result.hpp"
#include "common/logging/repeat_filter.hpp"
#include "common/logging/sink.hpp"
#include "common/path/environment.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ctdb::logging {

struct log_setup {
    std::string location; // as in ctdb.conf; "file:" = stderr
    log_level level = log_level::notice;
    std::string program; // "ctdbd", "ctdb-eventd", ...
    std::string host;    // paths::log_host(); "" = short name of this machine
};

class logger {
public:
    logger(log_setup made_from, std::unique_ptr<sink> out, bool count_repeats);
    ~logger();
    logger(const logger&) = delete;
    logger& operator=(const logger&) = delete;

    // SIGHUP. A file that cannot be opened again leaves the old one in use.
    [[nodiscard]] result<> reopen();
    // Writes the count of repeats now; to be called every few seconds by whoever has a timer.
    void flush_repeats() noexcept;

    // For the environment of children: CTDB_LOGGING, CTDB_DEBUGLEVEL.
    [[nodiscard]] std::vector<std::pair<std::string, std::string>> child_environment() const;

private:
    log_setup setup_;
    std::unique_ptr<sink> out_;
    repeat_filter repeats_;
    bool count_repeats_;

    void line(log_level level, std::string_view text) noexcept;
    void put(log_level level, std::string_view text) noexcept; // one line for each line in `text`
};

// Sets level and sink of the process. EINVAL for a location of no kind; otherwise why it cannot be
// opened.
[[nodiscard]] result<std::unique_ptr<logger>> setup(log_setup wanted);

// For helpers started by a daemon: CTDB_LOGGING and CTDB_DEBUGLEVEL, else stderr and NOTICE.
[[nodiscard]] log_setup setup_from_environment(const path::environment& env, std::string program);

// One line in the system log that says where to look (cluster.md 1.2 step 5). Not for location
// "syslog", not in test mode.
void announce_location(const std::string& program, const std::string& location);

} // namespace ctdb::logging
