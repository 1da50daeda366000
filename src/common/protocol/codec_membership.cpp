// Codecs of types_membership.hpp.
#include "common/protocol/layout/archives.hpp"
#include "common/protocol/layout/membership.hpp"

namespace ctdb::protocol {

template struct codec<time_value>;
template struct codec<vnn_map>;
template struct codec<node_and_flags>;
template struct codec<node_map>;
template struct codec<node_flag_change>;
template struct codec<ban_state>;
template struct codec<uptime>;
template struct codec<election_message>;
template struct codec<srvid_message>;
template struct codec<disable_message>;
template struct codec<notify_data>;

} // namespace ctdb::protocol
