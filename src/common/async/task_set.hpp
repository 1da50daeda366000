// task_set: the owner of background tasks. Nothing runs detached: destroying the set cancels all of
// them.
//
// An exception that leaves a task (only bad_alloc and the like) is a programmer's error and stops
// the process. Finished frames are destroyed from the loop, because a frame cannot destroy itself
// while it runs. spawn() runs the task up to its first wait.
#pragma once

#include "common/async/task.hpp"
#include "common/base/ensure.hpp"

#include <list>

namespace ctdb::async {

class task_set {
public:
    explicit task_set(runtime& rt) : reap_(rt, [this] { reap(); }) {}
    task_set(const task_set&) = delete;
    task_set& operator=(const task_set&) = delete;

    void spawn(task<void> work) {
        const auto place = items_.emplace(items_.end());
        place->work = std::move(work);
        place->run = body(this, &*place);
        place->run.resume();
    }
    void cancel_all() { items_.clear(); } // Requires: not called from one of its own tasks
    [[nodiscard]] bool empty() const noexcept { return items_.size() == finished_; }
    [[nodiscard]] std::size_t size() const noexcept { return items_.size() - finished_; }

private:
    struct item {
        task<void> work;
        detail::runner run;
        bool finished = false;
    };
    static detail::runner body(task_set* self, item* own) {
        co_await detail::completion_of<void>(own->work);
        ensure(own->work.raw().promise().failure == nullptr);
        own->finished = true;
        ++self->finished_;
        self->reap_.schedule();
    }
    void reap() {
        items_.remove_if([](const item& i) { return i.finished; });
        finished_ = 0;
    }
    std::list<item> items_;
    std::size_t finished_ = 0;
    deferred reap_;
};

} // namespace ctdb::async
