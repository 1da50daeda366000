#include "ctdbd/database/sliced_job.hpp"

#include "common/async/turn_part.hpp"

namespace ctdb::ctdbd {

sliced_job::sliced_job(async::runtime& rt, std::function<next_turn()> turn)
    : rt_(rt), turn_(std::move(turn)), timer_(rt, [this] { run(); }) {}

void sliced_job::run() {
    // The turn may destroy this job; what is needed afterwards is on the stack. A job that says
    // `never` may be gone, so nothing of it is touched then.
    const auto turn = turn_;
    const async::turn_part named("a slice of long work on a database");
    switch (turn()) {
    case next_turn::soon:
        timer_.arm(rt_.now());
        break;
    case next_turn::after_pause:
        timer_.arm_in(pause);
        break;
    case next_turn::never:
        break;
    }
}

result<walk_state> walk_one_turn(
    async::runtime& rt,
    local_store& store,
    walk_position& position,
    const std::function<void(byte_view key, byte_view value)>& visit
) {
    turn_budget budget(rt);
    while (true) {
        const auto state = store.walk(position, turn_budget::step, visit);
        const bool over = !state || *state == walk_state::finished || position.blocked;
        if (over || !budget.spend(turn_budget::step)) {
            return state;
        }
    }
}

} // namespace ctdb::ctdbd
