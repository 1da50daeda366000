#include "failoverd/end_inquiries.hpp"

#include "common/base/log.hpp"

namespace ctdb::failoverd {

end_inquiries::end_inquiries(async::event_loop& loop, std::function<void(pnn)> ended)
    : loop_(loop), ended_(std::move(ended)) {}

void end_inquiries::nodes_are(pnn self, const protocol::node_map& map) {
    const std::set<pnn> before = std::exchange(connected_, {});
    self_ = self;
    addresses_.clear();
    for (const protocol::node_and_flags& n : map.nodes) {
        if (n.flags.has(protocol::node_flag::deleted)) {
            continue;
        }
        addresses_[n.pnn] = n.address;
        if (protocol::is_connected(n.flags)) {
            connected_.insert(n.pnn);
        }
    }
    std::erase_if(under_way_, [this](const auto& one) {
        return connected_.contains(one.first) || !addresses_.contains(one.first);
    });
    for (const pnn node : before) {
        if (!connected_.contains(node)) {
            ask(node);
        }
    }
}

void end_inquiries::leading_is(bool leading) {
    leading_ = leading;
    under_way_.clear();
    for (const auto& [node, address] : addresses_) {
        if (!connected_.contains(node)) {
            ask(node);
        }
    }
}

void end_inquiries::ask(pnn node) {
    const auto own = addresses_.find(self_);
    const auto peer = addresses_.find(node);
    if (!leading_ || own == addresses_.end() || peer == addresses_.end()) {
        return;
    }
    auto over = [this, node](end_inquiry::outcome what) {
        under_way_.erase(node);
        if (what == end_inquiry::outcome::has_ended) {
            ended_(node);
        }
    };
    auto started = end_inquiry::start(
        loop_, protocol::with_port(own->second, 0), peer->second, std::move(over)
    );
    if (started) {
        under_way_[node] = std::move(*started);
    } else {
        log_info("no question to node {}: {}", node, started.error().what);
    }
}

} // namespace ctdb::failoverd
