// Codecs of types_address.hpp.
#include "common/protocol/layout/address.hpp"
#include "common/protocol/layout/archives.hpp"

namespace ctdb::protocol {

template struct codec<public_ip>;
template struct codec<public_ip_list>;
template struct codec<iface>;
template struct codec<iface_list>;
template struct codec<public_ip_info>;
template struct codec<addr_info>;
template struct codec<connection>;
template struct codec<connection_list>;
template struct codec<tickle_list>;

} // namespace ctdb::protocol
