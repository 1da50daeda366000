#include "eventd/component.hpp"

#include "common/base/log.hpp"

#include <algorithm>
#include <utility>

#include <sys/wait.h>
#include <unistd.h>

namespace ctdb::eventd {

namespace {

event::wall_time wall_now() {
    return std::chrono::time_point_cast<std::chrono::microseconds>(std::chrono::system_clock::now()
    );
}

event_kind kind_of(const std::string& event) {
    return event == "monitor" ? event_kind::monitor : event_kind::other;
}

std::vector<std::string> words_of(const std::string& event, const std::string& arguments) {
    std::vector<std::string> words{event};
    std::size_t at = 0;
    while ((at = arguments.find_first_not_of(' ', at)) != std::string::npos) {
        const std::size_t end = std::min(arguments.find(' ', at), arguments.size());
        words.push_back(arguments.substr(at, end - at));
        at = end;
    }
    return words;
}

event::script_result ended_now(const event::script& script, std::int32_t result) {
    const event::wall_time now = wall_now();
    return event::script_result{script.name, now, now, result, ""};
}

} // namespace

component::component(
    async::event_loop& loop, std::string name, std::string directory, const run_settings& settings
)
    : loop_(loop), name_(std::move(name)), directory_(std::move(directory)), settings_(settings),
      rule_(rule_of(name_)), next_(loop, [this] { start_next(); }), tasks_(loop) {}

component::~component() {
    tasks_.cancel_all();
    for (auto& script : hanging_) {
        // waiting for a process that hangs in the kernel would hang us: init inherits it
        static_cast<void>(script.release());
    }
}

void component::run(event::run_request what, answer_function answer) {
    pending run;
    run.id = ++last_id_;
    run.what = std::move(what);
    run.answer = std::move(answer);
    run.received = loop_.now();
    if (run.what.timeout_seconds == 0) {
        run.answer(ETIMEDOUT);
        return;
    }
    accept(std::move(run));
}

void component::accept(pending run) {
    const run_id id = run.id;
    const auto verdict = queue_.submit(id, kind_of(run.what.event));
    if (verdict.cancel_running) {
        cancel_running();
    }
    if (verdict.cancel_waiting) {
        answer_waiting(*verdict.cancel_waiting, ECANCELED);
    }
    switch (verdict.what) {
    case run_queue::answer::refuse_cancelled:
        run.answer(ECANCELED);
        return;
    case run_queue::answer::refuse_full:
        log_error("component {}: {} runs wait, event refused", name_, queue_.waiting());
        run.answer(ENOBUFS);
        return;
    case run_queue::answer::wait:
        log_info("{} event {} (run {}) waits", name_, run.what.event, id);
        if (rule_ == exit_rule::errno_above_64) {
            run.waits_too_long =
                std::make_unique<async::timer>(loop_, [this, id] { waited_too_long(id); });
            run.waits_too_long->arm(deadline_of(run));
        }
        waiting_.emplace(id, std::move(run));
        return;
    case run_queue::answer::start:
        waiting_.emplace(id, std::move(run));
        start(id);
        return;
    }
}

void component::start(run_id id) {
    const auto place = waiting_.find(id);
    ensure(place != waiting_.end());
    pending run = std::move(place->second);
    waiting_.erase(place);
    run.waits_too_long.reset();
    cancelled_ = false;
    tasks_.spawn(serve(std::move(run)));
}

void component::start_next() {
    if (const auto id = queue_.settled()) {
        start(*id);
    }
}

void component::answer_waiting(run_id id, std::int32_t code) {
    const auto place = waiting_.find(id);
    ensure(place != waiting_.end());
    const answer_function answer = std::move(place->second.answer);
    waiting_.erase(place);
    answer(code);
}

void component::waited_too_long(run_id id) {
    if (queue_.drop_waiting(id)) {
        log_notice("{}: run {} timed out before it could start", name_, id);
        answer_waiting(id, ETIMEDOUT);
    }
}

void component::cancel_running() {
    cancelled_ = true;
    if (script_) {
        script_->cancel();
    }
}

const event::event_status* component::latest(const std::string& event) const {
    const auto found = results_.find(event);
    return found == results_.end() ? nullptr : &found->second;
}

void component::store(const std::string& event, const event::event_status& status) {
    if (results_.size() < results_max || results_.contains(event)) {
        results_[event] = status;
    } else {
        log_error("component {}: result of event {} not kept, too many events", name_, event);
    }
}

// An executable notify.sh beside ctdb.conf is upstream's only notification; its stock one runs the
// scripts of the component itself.
result<std::vector<event::script>> component::scripts_now() const {
    const std::string notify = settings_.etc + "/notify.sh";
    if (name_ == "notification" && ::access(notify.c_str(), X_OK) == 0) {
        return std::vector<event::script>{event::script{"notify.sh", notify, true}};
    }
    return event::list_scripts(directory_);
}

async::time_point component::deadline_of(const pending& run) const {
    const bool from_receipt = rule_ == exit_rule::errno_above_64;
    const async::time_point begin = from_receipt ? run.received : loop_.now();
    return begin + std::chrono::seconds(run.what.timeout_seconds);
}

script_process::environment component::environment_of(
    const pending& run, const event::script& script, async::time_point deadline
) const {
    script_process::environment added{
        {"CTDB_BASE", settings_.etc},
        {"CTDB_VARDIR", settings_.var},
        {"CTDB_HELPER_BINDIR", settings_.helpers}};
    if (rule_ == exit_rule::plain) {
        const auto left = std::chrono::duration_cast<std::chrono::seconds>(deadline - loop_.now());
        const auto at =
            std::chrono::duration_cast<std::chrono::seconds>(wall_now().time_since_epoch()) + left;
        added.emplace_back("CTDB_EVENT", run.what.event);
        added.emplace_back("CTDB_COMPONENT", name_);
        added.emplace_back("CTDB_SCRIPT_NAME", script.name);
        added.emplace_back("CTDB_SCRIPT_VARDIR", settings_.var + "/scripts/" + name_);
        added.emplace_back("CTDB_EVENT_DEADLINE", std::to_string(at.count()));
    }
    return added;
}

async::task<void> component::serve(pending run) {
    log_info("{} event {} (run {}) begins", name_, run.what.event, run.id);
    event_outcome outcome(run.what.run_all);
    const std::int32_t code = co_await run_scripts(run, outcome);
    if (cancelled_) {
        log_info("{} event {} (run {}) cancelled", name_, run.what.event, run.id);
        run.answer(ECANCELED);
    } else if (code != 0) {
        run.answer(code);
    } else {
        conclude(run, outcome);
    }
    queue_.ended();
    co_await clear_away(run);
    next_.schedule();
}

void component::conclude(pending& run, const event_outcome& outcome) {
    const auto took =
        std::chrono::duration_cast<std::chrono::milliseconds>(loop_.now() - run.received);
    const std::int32_t code = outcome.answer();
    log_info(
        "{} event {} (run {}) ends with {} after {} ms",
        name_,
        run.what.event,
        run.id,
        code,
        took.count()
    );
    if (code == ETIMEDOUT) {
        log_notice("{} event timed out", run.what.event);
    } else if (code != 0 && code != ECANCELED) {
        log_notice("{} event failed", run.what.event);
    }
    if (!outcome.cancelled()) {
        store(run.what.event, outcome.status());
    }
    run.answer(code);
}

async::task<std::int32_t> component::run_scripts(const pending& run, event_outcome& outcome) {
    // the list is taken once: a script switched off meanwhile still counts for this run
    const auto scripts = scripts_now();
    if (!scripts) {
        co_return scripts.error().code;
    }
    const async::time_point deadline = deadline_of(run);
    for (const event::script& script : *scripts) {
        if (!script.enabled) {
            outcome.add(ended_now(script, event::result_disabled));
            continue;
        }
        auto ended = co_await run_script(script, run, deadline);
        if (cancelled_) {
            break;
        }
        outcome.add(std::move(ended));
        if (!outcome.goes_on()) {
            break;
        }
    }
    co_return 0;
}

async::task<event::script_result>
component::run_script(const event::script& script, const pending& run, async::time_point deadline) {
    event::script_result done = ended_now(script, 0);
    auto started = script_process::start(
        loop_,
        script,
        words_of(run.what.event, run.what.arguments.value_or("")),
        environment_of(run, script, deadline)
    );
    if (!started) {
        const bool exists = ::access(script.path.c_str(), F_OK) == 0;
        done.result = meaning_of_failed_start(
            started.error().code, exists ? script_file::exists : script_file::vanished
        );
        log_error("{}: {}", script.name, started.error().what);
        co_return done;
    }
    script_ = std::move(*started);
    const script_end ended = co_await script_->wait(deadline);
    done.end = wall_now();
    done.output = script_->output();
    for (const std::string& line : log_lines(done.output, output_lines_logged_max)) {
        log_error("{}: {}", script.name, line);
    }
    if (ended.what == script_end::how::exited) {
        done.result = meaning_of_exit(ended.wait_status, rule_);
        if (WIFSIGNALED(ended.wait_status)) {
            log_error("{}: killed by signal {}", script.name, WTERMSIG(ended.wait_status));
        }
        script_.reset();
        co_return done;
    }
    needs_clearing_ = true;
    done.result = ended.what == script_end::how::timed_out ? event::result_timed_out
                                                           : event::result_cancelled;
    co_return done;
}

async::task<void> component::clear_away(const pending& run) {
    if (!std::exchange(needs_clearing_, false)) {
        script_.reset();
        co_return;
    }
    debug_call debug;
    debug.path = settings_.debug_script;
    debug.event = run.what.event;
    debug.limit = std::min(
        debug.limit, std::chrono::milliseconds(std::uint64_t{500} * run.what.timeout_seconds)
    );
    const bool gone = co_await script_->clear_away(std::move(debug));
    if (!gone) {
        log_error(
            "{} event {}: script process {} survives SIGKILL, it hangs in the kernel",
            name_,
            run.what.event,
            script_->pid()
        );
        hanging_.push_back(std::move(script_));
    }
    script_.reset();
    hanging_.remove_if([](const auto& script) { return script->gone(); });
}

} // namespace ctdb::eventd
