#include "common/tdb/lock_agents.hpp"

#include "common/base/ensure.hpp"
#include "common/base/log.hpp"
#include "common/tdb/file.hpp"
#include "common/tdb/lock_agent.hpp"

#include <algorithm>
#include <set>

namespace ctdb::tdb {

namespace {

constexpr int agents_lost_max = 3; // by one job: something is wrong with the file or the machine
// A start costs the loop a third of a millisecond, and the wait until the new process gets a
// processor.
constexpr int starts_per_turn = 1;
constexpr auto idle_time_max = std::chrono::seconds(30);

agent_op op_of(agent_job::kind kind) {
    switch (kind) {
    case agent_job::kind::chain:
        return agent_op::lock_chain;
    case agent_job::kind::whole:
        return agent_op::lock_all;
    case agent_job::kind::update:
        return agent_op::apply;
    case agent_job::kind::tidy:
        return agent_op::tidy;
    case agent_job::kind::sync:
        return agent_op::sync;
    }
    return agent_op::release;
}

bool is_lock(agent_job::kind kind) {
    return kind == agent_job::kind::chain || kind == agent_job::kind::whole;
}

} // namespace

struct pooled_agent {
    agent_use use = agent_use::anything_else;
    std::unique_ptr<lock_agent> process;
    agent_job* job = nullptr;
    std::uint32_t serial = 0; // of the job's command
    bool finishing = false;   // still rewrites for a job that has let go
    async::time_point idle_since;
    [[nodiscard]] bool idle() const noexcept { return job == nullptr && !finishing; }
    std::set<std::uint32_t> files; // it may have open
};

agent_job::agent_job(lock_agents& pool, kind is, agent_file file, events handlers)
    : pool_(pool), is_(is), file_(std::move(file)), handlers_(std::move(handlers)),
      since_(pool.loop_.now()), warn_(pool.loop_, [this] { pool_.warn(*this); }) {
    ensure(handlers_.on_done != nullptr);
    ++pool_.jobs_;
    warn_.arm_in(pool_.settings_.warn_after);
}

agent_job::~agent_job() {
    --pool_.jobs_;
    switch (state_) {
    case state::queued:
        std::erase(pool_.queue_, this);
        break;
    case state::working: {
        pooled_agent& agent = *agent_;
        pool_.part(*this);
        pool_.remove(agent); // it sleeps; nothing but its death ends that
        break;
    }
    case state::holding:
        release();
        break;
    case state::finished:
        break;
    }
}

bool agent_job::really_holds() const {
    return state_ == state::holding && agent_->process->alive();
}

pid_t agent_job::agent_pid() const {
    return agent_ == nullptr ? 0 : agent_->process->pid();
}

void agent_job::release() {
    ensure(state_ == state::holding);
    pooled_agent& agent = *agent_;
    state_ = state::finished;
    agent.finishing = rewritten_ != nullptr;
    rewritten_ = nullptr;
    pool_.part(*this);
    agent_command command;
    command.op = agent_op::release;
    if (const auto sent = agent.process->send(command); !sent) {
        pool_.remove(agent); // and with it the lock
        return;
    }
    if (!agent.finishing) {
        pool_.set_free(agent);
    }
}

result<>
agent_job::rewrite(int journal, const rewrite_order& order, std::function<void(result<>)> done) {
    ensure(state_ == state::holding && is_ == kind::whole);
    ensure(done != nullptr && rewritten_ == nullptr);
    agent_->serial = pool_.next_serial_++;
    agent_command command;
    command.op = agent_op::rewrite;
    command.serial = agent_->serial;
    command.file = file_.number;
    command.payload = encode(order);
    auto sent = agent_->process->send(command, journal);
    if (sent) {
        rewritten_ = std::move(done);
    }
    return sent;
}

lock_agents::lock_agents(async::event_loop& loop, lock_agent_settings settings)
    : loop_(loop), settings_(std::move(settings)), dispatch_(loop, [this] { dispatch(); }),
      dispatch_more_(loop, [this] { dispatch(); }), trim_(loop, [this] { trim(); }) {
    ensure(settings_.chain_agents_max > 0);
}

lock_agents::~lock_agents() {
    ensure(jobs_ == 0);
}

agent_file lock_agents::opened(std::string name, std::string path, int flags) {
    return {next_file_++, std::move(name), std::move(path), flags};
}

void lock_agents::closed(std::uint32_t file_number) {
    agent_command command;
    command.op = agent_op::close;
    command.file = file_number;
    for (const auto& agent : agents_) {
        ensure(agent->job == nullptr || agent->job->file_.number != file_number);
        if (agent->files.erase(file_number) > 0) {
            if (const auto sent = agent->process->send(command); !sent) {
                log_warning("lock agent {}: {}", agent->process->pid(), sent.error().what);
            }
        }
    }
}

void lock_agents::set_chain_agents_max(std::size_t limit) {
    ensure(limit > 0);
    settings_.chain_agents_max = limit;
    dispatch_.schedule();
}

lock_agents::job_ptr
lock_agents::lock_chain(agent_file file, bytes key, agent_job::events handlers) {
    job_ptr job(new agent_job(*this, agent_job::kind::chain, std::move(file), std::move(handlers)));
    job->payload_ = std::move(key);
    return add(std::move(job));
}

lock_agents::job_ptr lock_agents::lock_all(agent_file file, agent_job::events handlers) {
    return add(
        job_ptr(new agent_job(*this, agent_job::kind::whole, std::move(file), std::move(handlers)))
    );
}

lock_agents::job_ptr lock_agents::apply(
    agent_file file, bytes record_buffer, bool volatile_rule, agent_job::events handlers
) {
    job_ptr job(new agent_job(*this, agent_job::kind::update, std::move(file), std::move(handlers))
    );
    job->payload_ = std::move(record_buffer);
    job->volatile_rule_ = volatile_rule;
    return add(std::move(job));
}

lock_agents::job_ptr
lock_agents::tidy(agent_file file, std::uint32_t pieces_max, agent_job::events handlers) {
    job_ptr job(new agent_job(*this, agent_job::kind::tidy, std::move(file), std::move(handlers)));
    writer limit;
    limit.put(pieces_max);
    job->payload_ = limit.take();
    return add(std::move(job));
}

lock_agents::job_ptr lock_agents::sync(agent_file file, agent_job::events handlers) {
    return add(
        job_ptr(new agent_job(*this, agent_job::kind::sync, std::move(file), std::move(handlers)))
    );
}

lock_agents::job_ptr lock_agents::add(job_ptr job) {
    queue_.push_back(job.get());
    dispatch_.schedule();
    return job;
}

// Whole databases first: a recovery waits for them (4.2). Chain waits beyond the limit stay.
agent_job* lock_agents::take_next() {
    const auto is_whole = [](const agent_job* job) { return job->is_ == agent_job::kind::whole; };
    auto at = std::ranges::find_if(queue_, is_whole);
    if (at == queue_.end()) {
        at = std::ranges::find_if(queue_, [this](const agent_job* job) { return may_run(*job); });
    }
    if (at == queue_.end()) {
        return nullptr;
    }
    agent_job* job = *at;
    queue_.erase(at);
    return job;
}

bool lock_agents::may_run(const agent_job& job) const {
    if (job.is_ != agent_job::kind::chain) {
        return true;
    }
    const auto running = chain_agents_.find(job.file_.number);
    return running == chain_agents_.end() || running->second < settings_.chain_agents_max;
}

void lock_agents::dispatch() {
    int started = 0;
    while (agent_job* job = take_next()) {
        started += idle_agent(*job) == nullptr ? 1 : 0;
        run(*job);
        if (started >= starts_per_turn && !queue_.empty()) {
            dispatch_more_.arm_in(async::duration::zero());
            return;
        }
    }
}

// Rather one that has the file open and in its memory; else the one used last, so that the others
// can be trimmed.
pooled_agent* lock_agents::idle_agent(const agent_job& job) const {
    pooled_agent* best = nullptr;
    const auto rank = [&job](const pooled_agent& agent) {
        return std::pair(agent.files.contains(job.file_.number), agent.idle_since);
    };
    for (const auto& agent : agents_) {
        if (agent->idle() && agent->use == job.needs() &&
            (best == nullptr || rank(*agent) > rank(*best))) {
            best = agent.get();
        }
    }
    return best;
}

result<pooled_agent*> lock_agents::new_agent(agent_use use) {
    auto agent = std::make_unique<pooled_agent>();
    agent->use = use;
    pooled_agent* self = agent.get();
    auto process = lock_agent::start(
        loop_,
        {settings_.program, use == agent_use::freezes ? settings_.freezing_nice : 0},
        {[this, self](const agent_reply& reply) { replied(*self, reply); },
         [this, self] { died(*self); }}
    );
    if (!process) {
        return pass(process);
    }
    agent->process = std::move(*process);
    agents_.push_back(std::move(agent));
    return self;
}

void lock_agents::run(agent_job& job) {
    pooled_agent* agent = idle_agent(job);
    if (agent == nullptr) {
        auto started = new_agent(job.needs());
        if (!started) {
            job.state_ = agent_job::state::finished;
            conclude(job, pass(started));
            return;
        }
        agent = *started;
    }
    job.state_ = agent_job::state::working;
    job.agent_ = agent;
    agent->job = &job;
    agent->serial = next_serial_++;
    agent->files.insert(job.file_.number);
    if (job.is_ == agent_job::kind::chain) {
        ++chain_agents_[job.file_.number];
    }
    agent_command command;
    command.op = op_of(job.is_);
    command.serial = agent->serial;
    command.file = job.file_.number;
    command.flags = job.file_.flags;
    command.volatile_rule = job.volatile_rule_;
    command.path = job.file_.path;
    command.payload = std::move(job.payload_); // lent, not copied
    const auto sent = agent->process->send(command);
    job.payload_ = std::move(command.payload);
    if (!sent) {
        died(*agent);
    }
}

void lock_agents::replied(pooled_agent& agent, const agent_reply& reply) {
    agent_job* job = agent.job;
    if (agent.finishing && reply.serial == agent.serial) {
        agent.finishing = false;
        set_free(agent);
        dispatch_.schedule();
        return;
    }
    if (job != nullptr && job->rewritten_ && reply.serial == agent.serial) {
        const auto rewritten = std::exchange(job->rewritten_, nullptr);
        rewritten(reply.code == 0 ? result<>() : fail(reply.code, "{}", reply.what));
        return;
    }
    if (job == nullptr || reply.serial != agent.serial ||
        job->state_ != agent_job::state::working) {
        log_error("lock agent {}: unexpected reply, replaced", agent.process->pid());
        died(agent);
        return;
    }
    job->warn_.cancel();
    if (reply.code == 0 && is_lock(job->is_)) {
        job->state_ = agent_job::state::holding;
        conclude(*job, {});
        return;
    }
    job->state_ = agent_job::state::finished;
    part(*job);
    set_free(agent);
    conclude(*job, reply.code == 0 ? result<>() : fail(reply.code, "{}", reply.what));
}

void lock_agents::died(pooled_agent& agent) {
    agent_job* job = agent.job;
    const pid_t pid = agent.process->pid();
    const bool held = job != nullptr && job->state_ == agent_job::state::holding;
    if (job != nullptr) {
        part(*job);
    }
    remove(agent);
    if (job == nullptr) {
        log_warning("lock agent {} died while idle", pid);
        return;
    }
    log_warning(
        "lock agent {} died while it {} a lock of {}",
        pid,
        held ? "held" : "waited for",
        job->file_.path
    );
    if (!held && ++job->agents_lost_ < agents_lost_max) {
        job->state_ = agent_job::state::queued;
        queue_.push_front(job);
        dispatch_.schedule();
        return;
    }
    job->state_ = agent_job::state::finished;
    job->warn_.cancel();
    if (held) {
        if (const auto lost = std::move(job->handlers_.on_lost)) {
            lost();
        }
        return;
    }
    conclude(*job, fail(EIO, "{} lock agents died over {}", job->agents_lost_, job->file_.path));
}

void lock_agents::conclude(agent_job& job, result<> how) {
    job.warn_.cancel();
    const auto done = std::move(job.handlers_.on_done);
    done(std::move(how));
}

void lock_agents::part(agent_job& job) {
    if (job.is_ == agent_job::kind::chain) {
        const auto running = chain_agents_.find(job.file_.number);
        if (--running->second == 0) {
            chain_agents_.erase(running);
        }
        if (!queue_.empty()) {
            dispatch_.schedule();
        }
    }
    job.agent_->job = nullptr;
    job.agent_ = nullptr;
}

void lock_agents::set_free(pooled_agent& agent) {
    agent.idle_since = loop_.now();
    if (!trim_.armed()) {
        trim_.arm_in(idle_time_max);
    }
}

// Keeps the idle agents used last; kills the others once they have been idle for long.
void lock_agents::trim() {
    trim(agent_use::freezes);
    trim(agent_use::anything_else);
}

void lock_agents::trim(agent_use use) {
    std::vector<pooled_agent*> idle;
    for (const auto& agent : agents_) {
        if (agent->idle() && agent->use == use) {
            idle.push_back(agent.get());
        }
    }
    std::ranges::sort(idle, std::greater<>(), &pooled_agent::idle_since);
    std::optional<async::time_point> next;
    for (std::size_t i = settings_.idle_max; i < idle.size(); ++i) {
        if (loop_.now() - idle[i]->idle_since >= idle_time_max) {
            remove(*idle[i]);
        } else {
            next = idle[i]->idle_since + idle_time_max; // the earliest comes last
        }
    }
    if (next && !trim_.armed()) {
        trim_.arm(*next);
    }
}

void lock_agents::remove(pooled_agent& agent) {
    ensure(agent.job == nullptr);
    std::erase_if(agents_, [&](const auto& each) { return each.get() == &agent; });
}

void lock_agents::warn(agent_job& job) {
    const auto waited = std::chrono::round<std::chrono::seconds>(loop_.now() - job.since_);
    job.warn_.arm_in(settings_.warn_after);
    stuck_lock stuck{
        job.agent_pid(),
        stuck_lock::kind::record,
        job.file_.path,
        (job.file_.flags & open_flag::mutex_locking) != 0,
        waited};
    switch (job.is_) {
    case agent_job::kind::chain:
        log_warning(
            "Unable to get RECORD lock on database {} for {} seconds (key {})",
            job.file_.name,
            waited.count(),
            to_hex(job.payload_)
        );
        break;
    case agent_job::kind::whole:
        stuck.is = stuck_lock::kind::database;
        log_warning(
            "Unable to get DB lock on database {} for {} seconds", job.file_.name, waited.count()
        );
        break;
    case agent_job::kind::update:
        stuck.is = stuck_lock::kind::database;
        log_warning("Unable to update database {} for {} seconds", job.file_.name, waited.count());
        break;
    case agent_job::kind::tidy:
    case agent_job::kind::sync:
        return; // it takes its time, and nobody waits for it
    }
    if (settings_.stuck) {
        settings_.stuck(stuck);
    }
}

} // namespace ctdb::tdb
