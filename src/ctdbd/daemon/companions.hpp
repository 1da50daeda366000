// companions: the daemons beside ctdbd when nobody else starts them. Each is started, watched, and
// started again when it dies: after a second, then with doubling pauses up to a minute; a run of a
// minute counts as good again.
#pragma once

#include "common/async/child_process.hpp"
#include "common/async/slot.hpp"
#include "common/async/task.hpp"

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace ctdb::ctdbd {

class companions {
public:
    explicit companions(async::event_loop& loop);
    ~companions();
    companions(const companions&) = delete;
    companions& operator=(const companions&) = delete;

    // `name` for the log, argv as for child_process. Its output goes line by line to our log.
    void start(const std::string& name, std::vector<std::string> argv);
    // SIGHUP and the like, to all that run.
    void signal_all(int signal_number);
    // SIGTERM, and SIGKILL to what has not ended by the deadline. No companion is started again
    // afterwards.
    [[nodiscard]] async::task<> stop(std::vector<std::string> names, async::time_point deadline);

private:
    struct companion;
    void launch(companion& c);
    void ended(companion& c, int status);
    [[nodiscard]] bool any_running(const std::vector<std::string>& names) const;

    async::event_loop& loop_;
    std::map<std::string, std::unique_ptr<companion>> all_;
    async::notice ended_;
};

} // namespace ctdb::ctdbd
