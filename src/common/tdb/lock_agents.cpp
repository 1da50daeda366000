#include "common/tdb/lock_agents.hpp"

#include "common/async/turn_part.hpp"
#include "common/base/ensure.hpp"
#include "common/base/log.hpp"

#include <algorithm>

namespace ctdb::tdb {

namespace {

constexpr int agents_lost_max = 3; // by one job: something is wrong with the file or the machine
// A start costs the loop a third of a millisecond, and the wait until the new process gets a
// processor.
constexpr int starts_per_turn = 1;

agent_op op_of(agent_job::kind kind, agent_use use) {
    switch (kind) {
    case agent_job::kind::chain:
        return agent_op::lock_chain;
    case agent_job::kind::whole:
        return is_shared(use) ? agent_op::try_all : agent_op::lock_all;
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

lock_agents::lock_agents(async::event_loop& loop, lock_agent_settings settings)
    : loop_(loop), settings_(std::move(settings)),
      agents_(
          loop,
          settings_,
          {[this](pooled_agent& agent, const agent_reply& reply) { replied(agent, reply); },
           [this](pooled_agent& agent) { died(agent); }}
      ),
      dispatch_(loop, [this] { dispatch(); }), dispatch_more_(loop, [this] { dispatch(); }) {
    ensure(settings_.chain_agents_max > 0);
}

lock_agents::~lock_agents() {
    ensure(jobs_ == 0);
}

agent_file lock_agents::opened(std::string name, std::string path, int flags) {
    return {next_file_++, std::move(name), std::move(path), flags};
}

void lock_agents::closed(std::uint32_t file_number) {
    agents_.closed(file_number);
    unshared_.erase(file_number);
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

lock_agents::job_ptr
lock_agents::lock_all(agent_file file, freezing how, agent_job::events handlers) {
    job_ptr job(new agent_job(*this, agent_job::kind::whole, std::move(file), std::move(handlers)));
    job->freezing_ = how;
    return add(std::move(job));
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
    const async::turn_part named("orders to lock agents");
    int started = 0;
    while (agent_job* job = take_next()) {
        started += agents_.choose(job->needs(), job->file_.number) == nullptr ? 1 : 0;
        run(*job);
        if (started >= starts_per_turn && !queue_.empty()) {
            dispatch_more_.arm_in(async::duration::zero());
            return;
        }
    }
}

void lock_agents::run(agent_job& job) {
    const agent_use use = job.needs();
    pooled_agent* agent = agents_.choose(use, job.file_.number);
    if (agent == nullptr) {
        auto started = agents_.start(use);
        if (!started) {
            job.state_ = agent_job::state::finished;
            conclude(job, pass(started));
            return;
        }
        agent = *started;
    }
    job.state_ = agent_job::state::working;
    job.agent_ = agent;
    agent->jobs.push_back(&job);
    agent->files.insert(job.file_.number);
    if (job.is_ == agent_job::kind::chain) {
        ++chain_agents_[job.file_.number];
    }
    ask(*agent, job);
}

void lock_agents::ask(pooled_agent& agent, agent_job& job) {
    agent_command command;
    command.op = op_of(job.is_, agent.use);
    command.serial = next_serial_++;
    command.file = job.file_.number;
    command.flags = job.file_.flags;
    command.volatile_rule = job.volatile_rule_;
    command.path = job.file_.path;
    command.payload = std::move(job.payload_); // lent, not copied
    const auto sent = agent.process->send(command);
    job.payload_ = std::move(command.payload);
    if (sent) {
        agent.unanswered[command.serial] = {&job, job.file_.number, false};
    } else if (is_shared(agent.use)) { // it is behind, or dead, which will be told
        part(job);
        queue_again(job);
    } else {
        died(agent);
    }
}

// Where a shared agent was tried, the next is the job's own.
void lock_agents::queue_again(agent_job& job) {
    job.freezing_ = freezing::takes_long;
    job.state_ = agent_job::state::queued;
    queue_.push_front(&job);
    dispatch_.schedule();
}

void lock_agents::replied(pooled_agent& agent, const agent_reply& reply) {
    const auto asked = agent.unanswered.find(reply.serial);
    if (asked == agent.unanswered.end()) {
        log_error("lock agent {}: unexpected reply, replaced", agent.process->pid());
        died(agent);
        return;
    }
    agent_job* job = asked->second.job;
    agent.unanswered.erase(asked);
    if (job == nullptr) { // which has let go
        agents_.set_free(agent);
        dispatch_.schedule();
        return;
    }
    if (job->rewritten_) {
        const auto rewritten = std::exchange(job->rewritten_, nullptr);
        rewritten(reply.code == 0 ? result<>() : fail(reply.code, "{}", reply.what));
        return;
    }
    ensure(job->state_ == agent_job::state::working);
    job_answered(agent, *job, reply);
}

void lock_agents::job_answered(pooled_agent& agent, agent_job& job, const agent_reply& reply) {
    if (reply.code == 0 && is_lock(job.is_)) {
        job.state_ = agent_job::state::holding;
        conclude(job, {});
        return;
    }
    part(job);
    agents_.set_free(agent);
    if (reply.code == EBUSY && is_shared(agent.use)) {
        queue_again(job);
        return;
    }
    job.state_ = agent_job::state::finished;
    conclude(job, reply.code == 0 ? result<>() : fail(reply.code, "{}", reply.what));
}

// The files it may have died over: those that it was rewriting, else the one it was asked for
// first.
void lock_agents::blame(const pooled_agent& agent) {
    bool rewrote = false;
    for (const auto& [serial, question] : agent.unanswered) {
        if (question.is_rewrite) {
            unshared_.insert(question.file);
            rewrote = true;
        }
    }
    if (!rewrote && !agent.unanswered.empty()) {
        unshared_.insert(agent.unanswered.begin()->second.file);
    }
}

void lock_agents::died(pooled_agent& agent) {
    const pid_t pid = agent.process->pid();
    const std::vector<agent_job*> jobs = agent.jobs;
    if (is_shared(agent.use)) {
        blame(agent);
    }
    for (agent_job* job : jobs) {
        part(*job);
    }
    agents_.remove(agent);
    if (jobs.empty()) {
        log_warning("lock agent {} died while idle", pid);
    }
    for (agent_job* job : jobs) {
        log_warning(
            "lock agent {} died while it {} a lock of {}",
            pid,
            job->state_ == agent_job::state::holding ? "held" : "waited for",
            job->file_.path
        );
        job_lost_agent(*job);
    }
    tell_ends();
}

void lock_agents::job_lost_agent(agent_job& job) {
    const bool held = job.state_ == agent_job::state::holding;
    if (!held && ++job.agents_lost_ < agents_lost_max) {
        queue_again(job);
        return;
    }
    job.state_ = agent_job::state::finished;
    job.warn_.cancel();
    ends_.push_back({&job, held});
}

// Each may destroy other jobs, which leave the queue then.
void lock_agents::tell_ends() {
    while (!ends_.empty()) {
        const auto [job, lost] = ends_.front();
        ends_.pop_front();
        if (!lost) {
            conclude(
                *job, fail(EIO, "{} lock agents died over {}", job->agents_lost_, job->file_.path)
            );
        } else if (const auto tell = std::move(job->handlers_.on_lost)) {
            tell();
        }
    }
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
    std::erase(job.agent_->jobs, &job);
    for (auto& [serial, question] : job.agent_->unanswered) {
        if (question.job == &job) {
            question.job = nullptr;
        }
    }
    job.agent_ = nullptr;
}

} // namespace ctdb::tdb
