#include "common/tdb/agent_set.hpp"

#include "common/base/ensure.hpp"
#include "common/base/log.hpp"
#include "common/tdb/lock_agents.hpp"

#include <algorithm>
#include <thread>
#include <tuple>

namespace ctdb::tdb {

namespace {

constexpr auto idle_time_max = std::chrono::seconds(30);

// Locking a file and giving it its content is work for a processor; others need some as well.
std::size_t quick_agents_max(const lock_agent_settings& settings) {
    constexpr std::size_t many = 4;
    static const std::size_t half = std::thread::hardware_concurrency() / 2; // reads a file
    return settings.quick_agents_max > 0 ? settings.quick_agents_max
                                         : std::clamp<std::size_t>(half, 1, many);
}

} // namespace

agent_set::agent_set(async::event_loop& loop, const lock_agent_settings& settings, events handlers)
    : loop_(loop), settings_(settings), handlers_(std::move(handlers)),
      trim_(loop, [this] { trim(); }) {}

pooled_agent* agent_set::choose(agent_use use, std::uint32_t file) const {
    return is_shared(use) ? shared_one(use, file) : idle_one(use, file);
}

// Rather one that has the file open and in its memory; else the one used last, so that the others
// can be trimmed.
pooled_agent* agent_set::idle_one(agent_use use, std::uint32_t file) const {
    pooled_agent* best = nullptr;
    const auto rank = [file](const pooled_agent& agent) {
        return std::pair(agent.files.contains(file), agent.idle_since);
    };
    for (const auto& agent : agents_) {
        if (agent->idle() && agent->use == use && (best == nullptr || rank(*agent) > rank(*best))) {
            best = agent.get();
        }
    }
    return best;
}

// The one that has the file, else the one with the least work. Another is started if all have work
// and there may be more, or if none has room.
pooled_agent* agent_set::shared_one(agent_use use, std::uint32_t file) const {
    pooled_agent* best = nullptr;
    std::size_t running = 0;
    const auto rank = [file](const pooled_agent& agent) {
        return std::tuple(
            agent.files.contains(file) ? 0 : 1, agent.unanswered.size(), agent.files.size()
        );
    };
    for (const auto& agent : agents_) {
        if (agent->use != use) {
            continue;
        }
        ++running;
        const bool has_room = agent->files.contains(file) || agent->files.size() < shared_files_max;
        if (has_room && agent->unanswered.size() < unanswered_max &&
            (best == nullptr || rank(*agent) < rank(*best))) {
            best = agent.get();
        }
    }
    const std::size_t limit =
        use == agent_use::disk_freezes ? disk_agents_max : quick_agents_max(settings_);
    const bool another = best != nullptr && !best->files.contains(file) &&
                         !best->unanswered.empty() && running < limit;
    return another ? nullptr : best;
}

result<pooled_agent*> agent_set::start(agent_use use) {
    auto agent = std::make_unique<pooled_agent>();
    agent->use = use;
    pooled_agent* self = agent.get();
    auto process = lock_agent::start(
        loop_,
        {settings_.program, use == agent_use::one_freeze ? settings_.freezing_nice : 0},
        {[this, self](const agent_reply& reply) { handlers_.replied(*self, reply); },
         [this, self] { handlers_.died(*self); }}
    );
    if (!process) {
        return pass(process);
    }
    agent->process = std::move(*process);
    agents_.push_back(std::move(agent));
    return self;
}

void agent_set::remove(pooled_agent& agent) {
    ensure(agent.jobs.empty());
    std::erase_if(agents_, [&](const auto& each) { return each.get() == &agent; });
}

void agent_set::set_free(pooled_agent& agent) {
    if (!agent.idle()) {
        return;
    }
    agent.idle_since = loop_.now();
    if (!is_shared(agent.use) && !trim_.armed()) {
        trim_.arm_in(idle_time_max);
    }
}

void agent_set::closed(std::uint32_t file) {
    agent_command command;
    command.op = agent_op::close;
    command.file = file;
    for (const auto& agent : agents_) {
        if (agent->files.erase(file) > 0) {
            if (const auto sent = agent->process->send(command); !sent) {
                log_warning("lock agent {}: {}", agent->process->pid(), sent.error().what);
                agent->process->kill(); // the file may be opened anew
            }
        }
    }
}

// Keeps the idle agents used last; kills the others once they have been idle for long.
void agent_set::trim() {
    trim(agent_use::one_freeze);
    trim(agent_use::anything_else);
}

void agent_set::trim(agent_use use) {
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

} // namespace ctdb::tdb
