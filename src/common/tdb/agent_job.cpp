#include "common/base/ensure.hpp"
#include "common/base/log.hpp"
#include "common/tdb/file.hpp"
#include "common/tdb/lock_agents.hpp"

#include <algorithm>

namespace ctdb::tdb {

agent_job::agent_job(lock_agents& pool, kind is, agent_file file, events handlers)
    : pool_(pool), is_(is), file_(std::move(file)), handlers_(std::move(handlers)),
      since_(pool.loop_.now()), warn_(pool.loop_, [this] { warn(); }) {
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
    case state::working:
        if (is_shared(agent_->use)) {
            let_go(); // of what it gets: the agent serves one command after the other
        } else {
            pooled_agent& agent = *agent_;
            pool_.part(*this);
            pool_.agents_.remove(agent); // it sleeps; nothing but its death ends that
        }
        break;
    case state::holding:
        release();
        break;
    case state::finished:
        std::erase_if(pool_.ends_, [this](const auto& end) { return end.job == this; });
        break;
    }
}

agent_use agent_job::needs() const noexcept {
    if (is_ != kind::whole) {
        return agent_use::anything_else;
    }
    if (freezing_ == freezing::takes_long || pool_.unshared_.contains(file_.number)) {
        return agent_use::one_freeze;
    }
    return freezing_ == freezing::quick ? agent_use::quick_freezes : agent_use::disk_freezes;
}

bool agent_job::really_holds() const {
    return state_ == state::holding && agent_->process->alive();
}

pid_t agent_job::agent_pid() const {
    return agent_ == nullptr ? 0 : agent_->process->pid();
}

void agent_job::release() {
    ensure(state_ == state::holding);
    state_ = state::finished;
    rewritten_ = nullptr;
    let_go();
}

// If the agent cannot be told, its death is what frees the lock; others may hold locks by it.
void agent_job::let_go() {
    pooled_agent& agent = *agent_;
    pool_.part(*this);
    agent_command command;
    command.op = agent_op::release;
    command.file = file_.number;
    if (const auto sent = agent.process->send(command); sent) {
        pool_.agents_.set_free(agent);
    } else if (agent.jobs.empty()) {
        pool_.agents_.remove(agent);
    } else {
        agent.process->kill();
    }
}

result<>
agent_job::rewrite(int journal, const rewrite_order& order, std::function<void(result<>)> done) {
    ensure(state_ == state::holding && is_ == kind::whole);
    ensure(done != nullptr && rewritten_ == nullptr);
    agent_command command;
    command.op = agent_op::rewrite;
    command.serial = pool_.next_serial_++;
    command.file = file_.number;
    command.payload = encode(order);
    auto sent = agent_->process->send(command, journal);
    if (sent) {
        agent_->unanswered[command.serial] = {this, file_.number, true};
        rewritten_ = std::move(done);
    }
    return sent;
}

void agent_job::warn() {
    const auto waited = std::chrono::round<std::chrono::seconds>(pool_.loop_.now() - since_);
    warn_.arm_in(pool_.settings_.warn_after);
    stuck_lock stuck{
        agent_pid(),
        stuck_lock::kind::record,
        file_.path,
        (file_.flags & open_flag::mutex_locking) != 0,
        waited};
    switch (is_) {
    case kind::chain:
        log_warning(
            "Unable to get RECORD lock on database {} for {} seconds (key {})",
            file_.name,
            waited.count(),
            to_hex(payload_)
        );
        break;
    case kind::whole:
        stuck.is = stuck_lock::kind::database;
        log_warning(
            "Unable to get DB lock on database {} for {} seconds", file_.name, waited.count()
        );
        break;
    case kind::update:
        stuck.is = stuck_lock::kind::database;
        log_warning("Unable to update database {} for {} seconds", file_.name, waited.count());
        break;
    case kind::tidy:
    case kind::sync:
        return; // it takes its time, and nobody waits for it
    }
    if (pool_.settings_.stuck) {
        pool_.settings_.stuck(stuck);
    }
}

} // namespace ctdb::tdb
