// The private message by which failoverd asks contrackd of its own node for an announcement:
// "ADDRESS INTERFACE" and a NUL, to this address on this node.
#pragma once

#include "common/base/ids.hpp"

namespace ctdb {
inline constexpr srvid announce_request{0x9E00434F4E545201}; // in the range of daemons
} // namespace ctdb
