// companion: the process around a daemon that lives beside ctdbd (serviced, failoverd, contrackd).
//
// It owns what they have in common: command line (-P PID: leave with this process), configuration,
// log, pid file, signals (HUP reopens the log, USR1 reloads the configuration, TERM and INT end),
// the watch over the process that started it, and what the service manager is told. A daemon brings
// a `companion_daemon`; everything happens in the one loop.
#pragma once

#include "common/async/event_loop.hpp"
#include "common/base/result.hpp"
#include "common/conf/config.hpp"

#include <functional>
#include <memory>
#include <string>
#include <string_view>

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
};

using leave_function = std::function<void(std::string_view why)>; // ends the loop
using companion_factory = std::function<std::unique_ptr<companion_daemon>(
    async::event_loop& loop, const conf::config& settings, leave_function leave
)>;

// `name` without "ctdb-". Returns the exit code: 0, 1 not started, or the command line's.
int run_companion(const std::string& name, int argc, char** argv, const companion_factory& make);

} // namespace ctdb::daemon
