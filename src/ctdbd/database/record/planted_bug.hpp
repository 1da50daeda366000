// Faults that the simulation plants to see that its checkers find them. Constant false everywhere
// but in executables compiled with CTDB_PLANTED_BUGS.
#pragma once

#include <cstdint>

namespace ctdb::ctdbd {

enum class planted_bug : std::uint8_t {
    none,
    rsn_not_raised,          // the dmaster's store leaves the rsn as it came
    old_dmaster_keeps_role,  // handing over forgets to write the new dmaster into the own copy
    old_generation_served,   // parked packets of an earlier generation are taken up
    orphans_not_noticed,     // the lmaster redirects for ever
    gone_client_kept,        // the calls of a client that died stay where they are
    reader_not_remembered,   // a copy is delegated and its reader forgotten
    copy_stays_readable,     // a reader answers the end of its copy and keeps it
    migrated_flag_forgotten, // a record leaves with data and does not say so
    reply_dmaster_lost,      // now and then nothing is sent where a record is handed over
    inactive_nodes_pulled,   // what an inactive node holds enters the recovery
    older_epochs_counted,    // so does what a node that was left out holds
    refusals_ignored,        // vacuuming deletes here what another node keeps
};

#ifdef CTDB_PLANTED_BUGS
extern planted_bug bug_planted; // defined by the executable
[[nodiscard]] inline bool planted(planted_bug bug) noexcept {
    return bug_planted == bug;
}
#else
[[nodiscard]] constexpr bool planted(planted_bug /*bug*/) noexcept {
    return false;
}
#endif

} // namespace ctdb::ctdbd
