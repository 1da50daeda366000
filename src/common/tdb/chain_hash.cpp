#include "common/tdb/chain_hash.hpp"

#include "common/tdb/libtdb.hpp"

namespace ctdb::tdb {

// The format's arithmetic (libtdb keeps it to itself): every byte is added at one of 24 bit
// positions, five further each time, and a linear congruential step mixes the sum.
std::uint32_t default_hash(byte_view key) noexcept {
    constexpr std::uint32_t seed_per_byte = 0x238F13AFu;
    auto sum = static_cast<std::uint32_t>(seed_per_byte * key.size());
    std::uint32_t shift = 0;
    for (const std::byte b : key) {
        sum += std::to_integer<std::uint32_t>(b) << shift;
        shift = (shift + 5) % 24;
    }
    return 1103515243u * sum + 12345u;
}

std::uint32_t jenkins_hash(byte_view key) noexcept {
    TDB_DATA raw{
        const_cast<unsigned char*>(reinterpret_cast<const unsigned char*>(key.data())), key.size()};
    return tdb_jenkins_hash(&raw);
}

} // namespace ctdb::tdb
