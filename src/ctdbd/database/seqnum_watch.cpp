#include "ctdbd/database/seqnum_watch.hpp"

#include "common/protocol/controls.hpp"
#include "ctdbd/database/database.hpp"

namespace ctdb::ctdbd {

seqnum_watch::seqnum_watch(node_context& node, database& db)
    : node_(node), db_(db), seen_(db.store().sequence_number()),
      timer_(node.runtime(), [this] { look(); }) {
    arm();
}

void seqnum_watch::arm() {
    const auto period = node_.tunable(protocol::tunable_id::seqnum_interval);
    timer_.arm_about(std::chrono::milliseconds{period == 0 ? 1000 : period});
}

void seqnum_watch::look() {
    const std::uint32_t now = db_.store().sequence_number();
    if (now != seen_) {
        seen_ = now;
        client::send<protocol::controls::update_seqnum>(
            node_.port(), protocol::broadcast_active, db_.id()
        );
    }
    arm();
}

void seqnum_watch::raised_elsewhere() {
    db_.store().raise_sequence_number();
    ++seen_;
}

} // namespace ctdb::ctdbd
