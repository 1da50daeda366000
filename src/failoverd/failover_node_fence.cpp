// failover_node and the end of processes: the kernel fence of this node, and the question whether
// the failoverd of a node that has left has ended.
#include "common/base/log.hpp"
#include "failoverd/failover_node.hpp"

namespace ctdb::failoverd {

failover_node::~failover_node() {
    if (fence_ && addresses_.held().empty()) {
        give_up_fence();
    }
}

std::vector<protocol::sock_addr> failover_node::to_guard() const {
    std::vector<protocol::sock_addr> all;
    if (disabled_ || !settings_.get(conf::options::kernel_fence)) {
        return all;
    }
    for (const conf::public_address& a : addresses_.configured()) {
        if (!addresses_.pretended(pubip(protocol::to_text(a.address)))) {
            all.push_back(a.address);
        }
    }
    return all;
}

// At the start, when the addresses or the option have changed, and before the guard ends by itself.
void failover_node::keep_fence() {
    const std::vector<protocol::sock_addr> addresses = to_guard();
    if (addresses.empty()) {
        fence_soon_.cancel();
        if (fence_) {
            give_up_fence();
        }
        return;
    }
    const bool first = !fence_;
    if (first) {
        fence_ = std::make_unique<kernel_fence>();
    }
    if (const auto done = fence_->guard(addresses); !done) {
        log_warning(
            "without kernel fence ({}): should all daemons of this node be killed, its addresses "
            "are taken by others only when their lease has ended",
            done.error().what
        );
        if (first) {
            fence_.reset();
            return;
        }
    }
    fence_soon_.arm_in(kernel_fence::guard_lasts / 3);
    open_fence();
}

// Not before everything that is held has been given by a leader in this life of the process: what
// was held before may have gone to another node while nobody could reach it here.
void failover_node::open_fence() {
    if (!closed() || !member_.may_open()) {
        return;
    }
    if (const auto opened = fence_->open(); !opened) {
        log_error("the kernel fence does not open and is given up: {}", opened.error().what);
        give_up_fence();
    }
}

void failover_node::give_up_fence() {
    if (const auto removed = fence_->remove_guard(); !removed) {
        log_error("the guard of the kernel fence stays: {}", removed.error().what);
    }
    fence_.reset();
}

void failover_node::inquire_after(pnn node) {
    const auto own = node_addresses_.find(self_);
    const auto peer = node_addresses_.find(node);
    if (!leads_.leading() || own == node_addresses_.end() || peer == node_addresses_.end()) {
        return;
    }
    auto started = end_inquiry::start(loop_, own->second, peer->second, [this, node] {
        leads_.has_ended(node, loop_.now());
        pump();
    });
    if (started) {
        inquiries_[node] = std::move(*started);
    } else {
        log_info("no question to node {}: {}", node, started.error().what);
    }
}

} // namespace ctdb::failoverd
