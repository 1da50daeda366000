#include "ctdbd/leadership/mesh_watch.hpp"

#include <algorithm>

namespace ctdb::ctdbd {

mesh_report mesh_watch::look(
    const std::vector<mesh_gap>& gaps,
    pnn leader,
    std::chrono::milliseconds leader_timeout,
    async::time_point now
) {
    mesh_report report;
    for (auto it = gaps_.begin(); it != gaps_.end();) {
        const bool still = std::find(gaps.begin(), gaps.end(), it->first) != gaps.end();
        if (!still && it->second.reported) {
            report.closed.push_back(it->first);
        }
        it = still ? std::next(it) : gaps_.erase(it);
    }
    std::vector<mesh_gap> old_ones;
    for (const mesh_gap& gap : gaps) {
        state& s = gaps_.try_emplace(gap, state{now, false}).first->second;
        if (!s.reported && now - s.since >= settle) {
            s.reported = true;
            report.opened.push_back(gap);
        }
        if (now - s.since >= patience * leader_timeout) {
            old_ones.push_back(gap);
        }
    }
    report.victim = mesh_victim(old_ones, leader);
    if (report.victim) {
        gaps_.clear(); // the others get a new chance without it
    }
    return report;
}

} // namespace ctdb::ctdbd
