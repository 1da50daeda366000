// failover_node and the end of its process: the kernel fence of this node.
#include "common/base/log.hpp"
#include "failoverd/accepted_plan.hpp"
#include "failoverd/failover_node.hpp"

namespace ctdb::failoverd {

namespace {

bool had_addresses(const std::string& run) { // before this life, or in it
    return !load_accepted_plan(run).share.empty();
}

} // namespace

failover_node::~failover_node() {
    if (fence_ && addresses_.held().empty()) {
        give_up_fence();
    }
}

bool failover_node::fence_wanted() const {
    return !disabled_ && settings_.get(conf::options::kernel_fence);
}

std::vector<protocol::sock_addr> failover_node::real_addresses() const {
    std::vector<protocol::sock_addr> all;
    for (const conf::public_address& a : addresses_.configured()) {
        if (!addresses_.pretended(pubip(protocol::to_text(a.address)))) {
            all.push_back(a.address);
        }
    }
    return all;
}

// At the start, when the addresses or the option have changed, and before the guard ends by itself.
void failover_node::keep_fence() {
    const std::vector<protocol::sock_addr> addresses = real_addresses();
    const auto& where = settings_.where();
    if (addresses.empty()) { // none that could be closed
        if (fence_ && !closed()) {
            give_up_fence();
        } else if (!fence_ && (!where.test_mode || had_addresses(where.run))) {
            adopt_leftover(); // several nodes of a test share a kernel
        }
    } else if (fence_wanted()) {
        keep_guard(addresses);
    } else if (!fence_) {
        adopt_leftover();
    } else if (!closed()) {
        give_up_fence();
    }
    open_fence();
}

void failover_node::keep_guard(const std::vector<protocol::sock_addr>& addresses) {
    const bool first = !fence_;
    if (first) {
        fence_ = std::make_unique<kernel_fence>();
    }
    if (const auto done = fence_->guard(addresses); done) {
        leftover_possible_ = false;
    } else {
        log_warning(
            "without kernel fence ({}): should all daemons of this node be killed, its addresses "
            "are taken by others only when their lease has ended",
            done.error().what
        );
        if (first) {
            fence_.reset();
            adopt_leftover();
        }
    }
    if (fence_) {
        fence_soon_.arm_in(kernel_fence::guard_lasts / 3);
    }
}

// The guard of an earlier life that was killed: this node counts as closed until open_fence()
// removes it, as its addresses may have gone to others while nobody could reach them here.
void failover_node::adopt_leftover() {
    if (!leftover_possible_) {
        return;
    }
    leftover_possible_ = false;
    auto left = std::make_unique<kernel_fence>();
    const auto there = left->guard_is_there();
    if (there && !*there) {
        return;
    }
    log_notice("the kernel fence of an earlier life is to be removed");
    fence_ = std::move(left);
}

// Not before everything that is held has been given by a leader in this life of the process: what
// was held before may have gone to another node while nobody could reach it here.
void failover_node::open_fence() {
    if (!closed() || !may_open()) {
        return;
    }
    if (!fence_wanted() || real_addresses().empty()) {
        give_up_fence();
    } else if (const auto opened = fence_->open(); !opened) {
        log_error("the kernel fence does not open and is given up: {}", opened.error().what);
        give_up_fence();
    }
}

// Where failover is disabled nobody gives or takes, and where no address is configured any more
// there may be no plan to wait for: the leases of the earlier life must have ended.
bool failover_node::may_open() {
    if (!disabled_ && member_.may_open()) {
        return true;
    }
    const bool nothing_here = real_addresses().empty();
    if (!disabled_ && !nothing_here) {
        return false;
    }
    look_if_changed();
    async::duration left = addresses_.lease_left();
    if (nothing_here) { // it is not known which addresses they were
        left = started_at_ + lease() + std::chrono::seconds(1) - loop_.now();
    }
    if (left > async::duration::zero()) {
        fence_soon_.arm_in(left);
        return false;
    }
    return true;
}

void failover_node::give_up_fence() {
    const auto removed = fence_->remove_guard();
    if (!removed) {
        log_error(
            "the guard of the kernel fence cannot be removed ({}): if it is there, nobody reaches "
            "the public addresses of this node for up to {} s unless somebody runs `{}`",
            removed.error().what,
            kernel_fence::guard_lasts.count(),
            kernel_fence::by_hand
        );
    }
    // With its opening gone, a guard that stays would close the addresses: both are kept.
    if (removed || closed()) {
        fence_soon_.cancel();
        fence_.reset();
    }
}

} // namespace ctdb::failoverd
