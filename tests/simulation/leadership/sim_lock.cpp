#include "tests/simulation/leadership/sim_lock.hpp"

#include "common/base/ensure.hpp"

namespace ctdb::simulation {

using namespace std::chrono_literals;

sim_lock::sim_lock(lock_arbiter& arbiter, async::runtime& rt)
    : arbiter_(arbiter), runtime_(rt), attempt_(arbiter.runtime, [this] { attempt(); }),
      release_(arbiter.runtime, [this] { let_go(); }),
      lease_(arbiter.runtime, [this] { judge_lease(); }), renewal_(rt, [this] { renew(); }),
      hear_(rt, [this] { hear(); }) {}

sim_lock::~sim_lock() {
    if (holds()) {
        arbiter_.holder = nullptr;
    }
}

void sim_lock::take() {
    if (releasing_) {
        take_again_ = true;
        return;
    }
    ensure(!attempt_.armed() && !holds());
    began_ = runtime_.now();
    attempt_.arm_in(arbiter_.world.between(2ms, 30ms));
}

void sim_lock::attempt() {
    if (arbiter_.file_system_away) {
        say([this] { events_.refused(ctdbd::lock_refusal::failed, "input/output error"); });
    } else if (arbiter_.holder != nullptr) {
        say([this] { events_.refused(ctdbd::lock_refusal::contention, "held by another node"); });
    } else {
        arbiter_.holder = this;
        renewed_ = arbiter_.runtime.now();
        lease_.arm_in(arbiter_.lease);
        say([this] {
            renew();
            events_.held(runtime_.now() - began_);
        });
    }
}

void sim_lock::release() {
    take_again_ = false;
    if (releasing_) {
        return;
    }
    releasing_ = true;
    said_.clear(); // CL2
    attempt_.cancel();
    renewal_.cancel();
    release_.arm_in(arbiter_.world.between(2ms, 20ms));
}

void sim_lock::let_go() {
    lease_.cancel();
    if (holds()) {
        arbiter_.holder = nullptr;
    }
    say([this] {
        releasing_ = false;
        const bool again = std::exchange(take_again_, false);
        events_.released();
        if (again) {
            take();
        }
    });
}

void sim_lock::judge_lease() {
    const async::time_point until = renewed_ + arbiter_.lease;
    if (arbiter_.runtime.now() < until) {
        lease_.arm(until);
        return;
    }
    arbiter_.holder = nullptr;
    if (!releasing_) {
        say([this] {
            renewal_.cancel();
            events_.lost("lease not renewed");
        });
    }
}

void sim_lock::renew() {
    if (holds()) {
        renewed_ = runtime_.now();
        renewal_.arm_in(arbiter_.lease / 5);
    }
}

void sim_lock::say(std::function<void()> what) {
    said_.push_back(std::move(what));
    hear_.schedule();
}

void sim_lock::hear() {
    while (!said_.empty()) {
        const std::function<void()> what = std::move(said_.front());
        said_.pop_front();
        what();
    }
}

} // namespace ctdb::simulation
