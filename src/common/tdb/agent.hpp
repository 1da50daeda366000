// The lock agent's side: serves one socket until its other end is gone.
#pragma once

namespace ctdb::tdb {

// Dies with the parent (PR_SET_PDEATHSIG), also while it sleeps for a lock. Returns the exit code.
int run_agent(int socket);

} // namespace ctdb::tdb
