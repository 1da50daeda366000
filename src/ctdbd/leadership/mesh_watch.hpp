// mesh_watch: pairs of nodes that cannot talk to each other although the leader can talk to both
// (databases.md 12.1 #20). A pure core: told what each pass saw, says what to report and whom to
// leave out.
//
// A gap counts after `settle` (nodes do not connect to everybody in the same moment). After three
// leader timeouts one node has to go: `victim`, named once.
#pragma once

#include "common/async/runtime.hpp"
#include "ctdbd/leadership/monitor_rules.hpp"

#include <map>
#include <optional>
#include <vector>

namespace ctdb::ctdbd {

struct mesh_report {
    std::vector<mesh_gap> opened;
    std::vector<mesh_gap> closed;
    std::optional<pnn> victim;
};

class mesh_watch {
public:
    static constexpr std::chrono::milliseconds settle{2000};
    static constexpr int patience = 3; // leader timeouts

    [[nodiscard]] mesh_report look(
        const std::vector<mesh_gap>& gaps,
        pnn leader,
        std::chrono::milliseconds leader_timeout,
        async::time_point now
    );
    void clear() { gaps_.clear(); }

private:
    struct state {
        async::time_point since;
        bool reported = false;
    };
    std::map<mesh_gap, state> gaps_;
};

} // namespace ctdb::ctdbd
