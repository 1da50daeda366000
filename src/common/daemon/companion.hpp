// companion: the process around a daemon that lives beside ctdbd (eventd, serviced, failoverd,
// contrackd).
//
// It owns what they have in common: command line (-P PID: leave with this process), configuration,
// log, pid file, signals (HUP reopens the log, USR1 reloads the configuration, TERM and INT end),
// the watch over the process that started it, and what the service manager is told. A daemon brings
// a `companion_daemon`; everything happens in the one loop.
#pragma once

#include "common/async/event_loop.hpp"
#include "common/base/result.hpp"
#include "common/cmdline/parse.hpp"
#include "common/conf/config.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace ctdb::daemon {

class companion_daemon {
public:
    companion_daemon() = default;
    companion_daemon(const companion_daemon&) = delete;
    companion_daemon& operator=(const companion_daemon&) = delete;
    virtual ~companion_daemon() = default;

    // By a process that is watched, or not. An error ends the process with its text.
    [[nodiscard]] virtual result<> start(bool started_by_another) = 0;
    virtual void set(const conf::config& settings) = 0;    // the configuration was reloaded
    virtual void starter_gone() = 0;                       // leaves, now or when its work is done
    virtual void before_leaving(std::string_view why) = 0; // TERM or INT

    // It is up; for options of its own that ask to be told.
    [[nodiscard]] virtual result<> started(const cmdline::parsed_options& /*options*/) {
        return {};
    }
    // Asked after starter_gone(): the PID file goes at once, and another may start beside this one
    // while it finishes.
    [[nodiscard]] virtual bool gives_up_place() const { return false; }
};

using leave_function = std::function<void(std::string_view why)>; // ends the loop
using companion_factory = std::function<std::unique_ptr<companion_daemon>(
    async::event_loop& loop, const conf::config& settings, leave_function leave
)>;

struct companion_program {
    std::string name;                     // without "ctdb-"
    std::vector<cmdline::option> options; // beside -P
    // How long an earlier one, whose starter is gone, is waited for. 0: it is an error at once.
    std::chrono::milliseconds patience{0};
};

// Returns the exit code: 0, 1 not started, or the command line's.
int run_companion(
    const companion_program& program, int argc, char** argv, const companion_factory& make
);

} // namespace ctdb::daemon
