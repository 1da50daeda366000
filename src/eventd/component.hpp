// component: runs the events of one directory, one at a time, and keeps their latest results.
//
// Who runs, waits and is cancelled is decided by run_queue. Every run is answered exactly once:
// when its last script has ended, when its time is up, when it is cancelled, or never if the
// component is destroyed first. The time of a run counts from its receipt in component legacy, as
// upstream's clients expect, elsewhere from its start.
#pragma once

#include "common/async/event_loop.hpp"
#include "common/async/task_set.hpp"
#include "common/event/event_protocol.hpp"
#include "common/event/script_dir.hpp"
#include "eventd/event_outcome.hpp"
#include "eventd/exit_meaning.hpp"
#include "eventd/run_queue.hpp"
#include "eventd/script_process.hpp"

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>

namespace ctdb::eventd {

// What all components share; the server keeps it and may change it between runs.
struct run_settings {
    std::string etc;          // CTDB_BASE of scripts
    std::string var;          // their state below it
    std::string helpers;      // directory of helper programs
    std::string debug_script; // full path; "" = none
};

class component {
public:
    using answer_function = std::function<void(std::int32_t code)>;

    component(
        async::event_loop& loop,
        std::string name,
        std::string directory,
        const run_settings& settings
    );
    component(const component&) = delete;
    component& operator=(const component&) = delete;
    ~component();

    void run(event::run_request what, answer_function answer);
    [[nodiscard]] const event::event_status* latest(const std::string& event) const;
    [[nodiscard]] bool idle() const noexcept { return queue_.idle(); }

private:
    // Different events ever asked for in one component; more than that is somebody's mistake.
    static constexpr std::size_t results_max = 200;
    static constexpr std::size_t output_lines_logged_max = 100;

    struct pending {
        run_id id = 0;
        event::run_request what;
        answer_function answer;
        async::time_point received;
        std::unique_ptr<async::timer> waits_too_long; // legacy, while it waits
    };

    void accept(pending run);
    void start(run_id id);
    void start_next();
    void answer_waiting(run_id id, std::int32_t code);
    void cancel_running();
    void waited_too_long(run_id id);
    void conclude(pending& run, const event_outcome& outcome);
    void store(const std::string& event, const event::event_status& status);
    [[nodiscard]] result<std::vector<event::script>> scripts_now() const;
    [[nodiscard]] async::time_point deadline_of(const pending& run) const;
    [[nodiscard]] script_process::environment environment_of(
        const pending& run, const event::script& script, async::time_point deadline
    ) const;

    async::task<void> serve(pending run);
    async::task<std::int32_t> run_scripts(const pending& run, event_outcome& outcome);
    async::task<event::script_result>
    run_script(const event::script& script, const pending& run, async::time_point deadline);
    async::task<void> clear_away(const pending& run);

    async::event_loop& loop_;
    std::string name_;
    std::string directory_;
    const run_settings& settings_;
    exit_rule rule_;
    run_queue queue_;
    run_id last_id_ = 0;
    std::map<run_id, pending> waiting_;
    std::map<std::string, event::event_status, std::less<>> results_;
    std::unique_ptr<script_process> script_;             // of the running run
    bool cancelled_ = false;                             // the running run
    bool needs_clearing_ = false;                        // script_ is late or killed
    std::list<std::unique_ptr<script_process>> hanging_; // survived SIGKILL
    async::deferred next_;
    async::task_set tasks_;
};

} // namespace ctdb::eventd
