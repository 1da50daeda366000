#include "ctdbd/recovery/record_merge.hpp"

#include "common/protocol/hash.hpp"
#include "common/protocol/record_buffer.hpp"

#include <algorithm>
#include <cstring>

namespace ctdb::ctdbd {
namespace {

constexpr std::size_t block_size_min = std::size_t{4} << 10U; // most databases are small
constexpr std::size_t block_size_max = std::size_t{1} << 20U;

} // namespace

result<std::uint32_t> record_merge::add(byte_view record_buffer, std::uint32_t order) {
    std::uint32_t count = 0;
    const auto walked =
        protocol::for_each_entry(record_buffer, [&](const protocol::record_view& entry) {
            ++count;
            if (const auto header = protocol::header_of(entry.data)) {
                add_record(entry.key, *header, protocol::data_after_header(entry.data), order);
            }
            return true;
        });
    if (!walked) {
        return pass(walked);
    }
    return count;
}

void record_merge::add_record(
    byte_view key, const protocol::record_header& header, byte_view value, std::uint32_t order
) {
    part& records = parts_[std::hash<std::string_view>{}(text_of(key)) % parts];
    const auto found = records.find(text_of(key));
    if (found != records.end()) {
        if (beats(header, order, found->second)) {
            keep(found->second, header, value, order);
        }
        return;
    }
    const std::string_view own_key = text_of(byte_view{copy_in(key), key.size()});
    keep(records[own_key], header, value, order);
    ++size_;
}

// Among copies of equal rsn the order is that of upstream's sequential pull, see the header.
bool record_merge::beats(
    const protocol::record_header& header, std::uint32_t order, const kept& old
) const {
    if (header.rsn.value != old.rsn) {
        return header.rsn.value > old.rsn;
    }
    const bool names_leader = header.dmaster == leader_;
    const bool old_names_leader = pnn{old.dmaster} == leader_;
    if (names_leader != old_names_leader) {
        return old_names_leader;
    }
    return names_leader ? order > old.order : order < old.order;
}

void record_merge::keep(
    kept& place, const protocol::record_header& header, byte_view value, std::uint32_t order
) {
    place.rsn = header.rsn.value;
    place.dmaster = header.dmaster.value;
    place.flags = header.flags.value;
    place.order = order;
    if (value.size() > place.capacity) {
        place.value = allocate(value.size());
        place.capacity = static_cast<std::uint32_t>(value.size());
    }
    place.size = static_cast<std::uint32_t>(value.size());
    if (!value.empty()) {
        std::memcpy(place.value, value.data(), value.size());
    }
}

std::byte* record_merge::allocate(std::size_t size) {
    block_size_ = std::max(block_size_, block_size_min);
    if (size > block_size_ / 4) { // large ones get a block of their own
        return blocks_.emplace_back(std::make_unique_for_overwrite<std::byte[]>(size)).get();
    }
    if (size > free_size_) {
        free_ =
            blocks_.emplace_back(std::make_unique_for_overwrite<std::byte[]>(block_size_)).get();
        free_size_ = block_size_;
        block_size_ = std::min(2 * block_size_, block_size_max);
    }
    std::byte* place = free_;
    free_ += size;
    free_size_ -= size;
    return place;
}

const std::byte* record_merge::copy_in(byte_view data) {
    std::byte* place = allocate(data.size());
    if (!data.empty()) {
        std::memcpy(place, data.data(), data.size());
    }
    return place;
}

std::optional<protocol::record_header>
pushed_header(const record_merge::record& winner, const push_rules& rules) {
    if (winner.value.empty()) {
        return std::nullopt;
    }
    protocol::record_header header = winner.header;
    if (!rules.rewrite_dmaster) {
        return header;
    }
    header.flags |= protocol::record_flag::migrated_with_data;
    if (!rules.keep_dmaster) {
        header.dmaster = rules.leader;
    } else if (header.dmaster != rules.nodes[winner.order]) {
        header.dmaster = protocol::lmaster_of(rules.map, winner.key).value_or(rules.leader);
    }
    return header;
}

} // namespace ctdb::ctdbd
