// end_inquiries: which nodes are asked whether their failoverd has ended (end_inquiry). The leader
// asks those who have left since, and at the beginning of its term all that are not there. Nodes
// that are marked deleted have no part in the cluster and are asked nothing.
//
// An inquiry and its socket go when it is answered or over, when the node is back or deleted, and
// with the leadership.
#pragma once

#include "common/protocol/types_membership.hpp"
#include "failoverd/end_inquiry.hpp"

#include <map>
#include <set>

namespace ctdb::failoverd {

class end_inquiries {
public:
    // `ended` is called from the loop, never from the members below.
    end_inquiries(async::event_loop& loop, std::function<void(pnn)> ended);

    void nodes_are(pnn self, const protocol::node_map& map);
    void leading_is(bool leading); // true: the beginning of a term

    [[nodiscard]] std::size_t count() const noexcept { return under_way_.size(); }

private:
    void ask(pnn node);

    async::event_loop& loop_;
    std::function<void(pnn)> ended_;
    bool leading_ = false;
    pnn self_ = unknown_pnn;
    std::map<pnn, protocol::sock_addr> addresses_; // not of those deleted
    std::set<pnn> connected_;
    std::map<pnn, std::unique_ptr<end_inquiry>> under_way_;
};

} // namespace ctdb::failoverd
