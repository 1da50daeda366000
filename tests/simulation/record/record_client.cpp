#include "tests/simulation/record/record_client.hpp"

#include "tests/simulation/record/record_cluster.hpp"

#include <utility>

namespace ctdb::simulation {

using std::chrono::microseconds;

record_client::record_client(record_cluster& cluster, record_node& node, std::uint32_t operations)
    : cluster_(cluster), node_(&node), file_(node.file()), id_(cluster.next_client()),
      left_(operations), timer_(cluster.runtime(), [this] { perform_next(); }) {
    think();
}

record_client::~record_client() {
    lock_wait_.reset();
    if (holds_) {
        file_->unlock(file_->chain_of(key_), owner_);
    }
}

std::string record_client::describe() const {
    return fmt::format(
        "client {} of node {}: {} operations left, {} '{}'",
        id_,
        node_->me(),
        left_,
        doing_,
        text_of(key_)
    );
}

void record_client::perform_next() {
    (this->*next_)();
}

void record_client::then(void (record_client::*next)(), microseconds delay) {
    next_ = next;
    timer_.arm_in(delay);
}

void record_client::think() {
    working_ = false;
    doing_ = "resting after";
    if (left_ > 0) {
        const bool eager = cluster_.world().chance(50);
        const auto most = eager ? microseconds(20) : microseconds(20000);
        then(&record_client::begin, cluster_.world().between(microseconds(1), most));
    }
}

void record_client::begin() {
    working_ = true;
    sim_world& world = cluster_.world();
    const auto& keys = cluster_.model().keys();
    key_ = keys[world.below(keys.size())];
    wish_ = wish::increment;
    if (world.chance(cluster_.plan().fetches_percent)) {
        wish_ = wish::fetch;
    } else if (world.chance(cluster_.plan().removes_percent)) {
        wish_ = wish::remove;
    }
    if (world.chance(cluster_.plan().reads_percent)) {
        wish_ = wish::read;
    }
    if (wish_ == wish::fetch) {
        fetch_since_ = cluster_.model().at(key_).history.size() - 1;
        ask(protocol::call_id::fetch, {});
    } else {
        want_lock();
    }
}

void record_client::want_lock() {
    doing_ = "waiting for the lock of";
    const std::uint32_t chain = file_->chain_of(key_);
    if (file_->try_lock(chain, owner_)) {
        locked();
        return;
    }
    lock_wait_ =
        std::make_unique<memory_file::wait>(file_, chain, owner_, cluster_.runtime(), [this] {
            locked();
        });
}

void record_client::locked() {
    lock_wait_.reset();
    holds_ = true;
    const bytes* value = file_->find(key_);
    if (wish_ == wish::read) {
        look(value);
        return;
    }
    const auto header = value == nullptr ? result<protocol::record_header>(fail(ENOENT, "none"))
                                         : protocol::header_of(*value);
    const bool usable = header && header->dmaster == node_->me() &&
                        !header->flags.has(protocol::record_flag::ro_have_delegations);
    if (!usable) {
        unlock();
        if (!dies_now()) {
            ask(protocol::call_id::null, protocol::call_flag::immediate_migration);
        }
        return;
    }
    if (node_->valid_data()) {
        cluster_.model().saw(key_, decode_value(protocol::data_after_header(*value)), describe());
    }
    doing_ = "working with";
    sim_world& world = cluster_.world();
    const bool slow = world.chance(3);
    const auto most = slow ? microseconds(40000) : microseconds(200);
    then(&record_client::work_done, world.between(microseconds(0), most));
}

// A read without a lock of its own: from the file if the copy there may be read, else the daemon
// is asked, for a copy if the record was seen here before. What the file gives is the value of now
// on every node (I22).
void record_client::look(const bytes* value) {
    const auto header = value == nullptr ? result<protocol::record_header>(fail(ENOENT, "none"))
                                         : protocol::header_of(*value);
    const bool usable = header && (header->dmaster == node_->me() ||
                                   header->flags.has(protocol::record_flag::ro_have_readonly));
    if (usable && node_->valid_data()) {
        cluster_.model().saw(key_, decode_value(protocol::data_after_header(*value)), describe());
    }
    unlock();
    if (dies_now()) {
        return;
    }
    if (usable) {
        --left_;
        think();
        return;
    }
    fetch_since_ = cluster_.model().at(key_).history.size() - 1;
    protocol::call_flags flags;
    if (value != nullptr) {
        flags = protocol::call_flag::want_readonly;
    }
    ask(protocol::call_id::fetch, flags);
}

// Written with the header as it was read: clients never raise the rsn.
void record_client::work_done() {
    if (dies_now()) {
        return;
    }
    const bytes value = *file_->find(key_); // ours since we locked it
    const auto header = *protocol::header_of(value);
    const auto seen = decode_value(protocol::data_after_header(value));
    if (node_->valid_data()) {
        cluster_.model().saw(key_, seen, describe());
        const auto next =
            cluster_.model().write_next(key_, wish_ == wish::remove, node_->me(), node_->life());
        file_->write(key_, protocol::join_header(header, encode_value(next)));
    } // else the node has left the cluster under its client: what it writes is lost
    --left_;
    if (dies_now()) {
        return;
    }
    unlock();
    think();
}

void record_client::unlock() {
    holds_ = false;
    file_->unlock(file_->chain_of(key_), owner_);
}

void record_client::ask(protocol::call_id call, protocol::call_flags flags) {
    doing_ = "asking its daemon for";
    node_->client_sends(id_, *this, call, key_, flags);
    if (dies_now()) {
        return;
    }
}

void record_client::replied(std::int32_t status, bytes data) {
    if (status != 0) {
        cluster_.model().fail("a call is answered with an error: " + describe());
    }
    reply_ = std::move(data);
    then(&record_client::answered, cluster_.world().between(microseconds(1), microseconds(60)));
}

void record_client::answered() {
    if (wish_ == wish::fetch || wish_ == wish::read) {
        cluster_.model().fetched(key_, fetch_since_, decode_value(reply_));
        --left_;
        think();
        return;
    }
    want_lock();
}

bool record_client::dies_now() {
    if (cluster_.world().chance(cluster_.plan().deaths_percent)) {
        die();
    }
    return dead_;
}

// The kernel lets go of its locks and closes its socket.
void record_client::die() {
    dead_ = true;
    timer_.cancel();
    lock_wait_.reset();
    if (holds_) {
        unlock();
    }
    node_->client_closes(id_);
    cluster_.client_died(node_->me(), left_);
}

void record_client::killed_with_node() {
    dead_ = true;
    timer_.cancel();
    lock_wait_.reset();
    if (holds_) {
        unlock();
    }
}

} // namespace ctdb::simulation
