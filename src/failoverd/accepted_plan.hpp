// accepted_plan: what a restarted failoverd still knows - the newest epoch it has accepted and its
// own share of that plan. `<run>/failover/epoch`: `epoch E`, then one item a line; on disk before
// save() returns. An absent file is epoch 0 with nothing.
#pragma once

#include "failoverd/items.hpp"
#include "failoverd/run_directory.hpp"

namespace ctdb::failoverd {

struct accepted_plan {
    epoch accepted = 0;
    item_set share;
};

[[nodiscard]] accepted_plan load_accepted_plan(const std::string& run);
[[nodiscard]] result<> save_accepted_plan(const std::string& run, const accepted_plan& what);

} // namespace ctdb::failoverd
