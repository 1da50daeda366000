// Codecs and arithmetic of types_statistics.hpp.
#include "common/protocol/layout/archives.hpp"
#include "common/protocol/layout/membership.hpp"
#include "common/protocol/layout/statistics.hpp"

#include <algorithm>
#include <bit>

namespace ctdb::protocol {

template struct codec<latency_counter>;
template struct codec<statistics>;
template struct codec<statistics_list>;
template struct codec<script>;
template struct codec<script_list>;

void codec<db_statistics>::put(writer& out, const db_statistics& stats) {
    put_archive archive(out);
    layout<db_statistics>::describe(archive, stats);
    out.put(stats.num_hot_keys);
    out.put_zeros(4);
    for (const hot_key& hot : stats.hot_keys) {
        out.put(hot.count);
        out.put_zeros(12); // padding and an address that means nothing outside the sender
        out.put(std::uint64_t{hot.key.size()});
    }
    for (const hot_key& hot : stats.hot_keys) {
        out.put_bytes(hot.key);
    }
}

void codec<db_statistics>::get(reader& in, db_statistics& stats) {
    get_archive archive(in);
    layout<db_statistics>::describe(archive, stats);
    stats.num_hot_keys = in.get<std::uint32_t>();
    in.skip(4);
    std::array<std::uint64_t, hot_key_count> sizes{};
    for (std::size_t i = 0; i < hot_key_count; ++i) {
        stats.hot_keys[i].count = in.get<std::uint32_t>();
        in.skip(12);
        sizes[i] = in.get<std::uint64_t>();
    }
    for (std::size_t i = 0; i < hot_key_count; ++i) {
        stats.hot_keys[i].key = to_bytes(in.take(sizes[i]));
    }
}

void latency_counter::add(double seconds) noexcept {
    min = num == 0 || seconds < min ? seconds : min;
    max = num == 0 || seconds > max ? seconds : max;
    total += seconds;
    ++num;
}

std::size_t lock_bucket(double seconds) noexcept {
    constexpr std::array limits{0.001, 0.01, 0.1, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0};
    const auto* const above = std::find_if(limits.begin(), limits.end(), [seconds](double limit) {
        return seconds < limit;
    });
    return static_cast<std::size_t>(above - limits.begin());
}

std::size_t hop_bucket(std::uint32_t hopcount) noexcept {
    constexpr std::size_t last = std::tuple_size_v<count_buckets> - 1;
    return std::min<std::size_t>(static_cast<std::size_t>(std::bit_width(hopcount)), last);
}

} // namespace ctdb::protocol
