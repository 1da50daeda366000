#include "ctdbd/recovery/record_merge.hpp"

#include "common/base/ensure.hpp"
#include "common/protocol/hash.hpp"
#include "common/protocol/record_buffer.hpp"

#include <algorithm>
#include <cstring>
#include <string_view>
#include <utility>

namespace ctdb::ctdbd {
namespace {

constexpr std::size_t block_size_min = std::size_t{4} << 10U; // most databases are small
constexpr std::size_t block_size_max = std::size_t{1} << 20U; // freed at a stretch
constexpr std::size_t slots_min = 4;

} // namespace

record_merge::record_merge(record_merge&& other) noexcept
    : leader_(other.leader_), nodes_(std::exchange(other.nodes_, {})),
      parts_(std::exchange(other.parts_, {})), parts_left_(other.parts_left_),
      size_(std::exchange(other.size_, 0)), slots_made_(std::exchange(other.slots_made_, 0)),
      blocks_(std::exchange(other.blocks_, {})), free_(std::exchange(other.free_, nullptr)),
      free_size_(std::exchange(other.free_size_, 0)),
      block_size_(std::exchange(other.block_size_, 0)) {}

// Records of a buffer lie anywhere in a large merge. They are taken a few at a time, and the memory
// of each is asked for while the others are looked at: first its slot, then the record there.
struct record_merge::incoming {
    byte_view key;
    byte_view value;
    protocol::record_header header;
    std::uint64_t hash = 0;
};

result<std::uint32_t> record_merge::add(byte_view record_buffer, std::uint32_t order) {
    ensure(order < nodes_.size());
    constexpr std::size_t together = 16;
    std::array<incoming, together> batch;
    std::size_t filled = 0;
    std::uint32_t count = 0;
    const auto walked =
        protocol::for_each_entry(record_buffer, [&](const protocol::record_view& entry) {
            ++count;
            const auto header = protocol::header_of(entry.data);
            if (!header) {
                return true;
            }
            incoming& next = batch[filled++];
            next.key = entry.key;
            next.value = protocol::data_after_header(entry.data);
            next.header = *header;
            next.hash = std::hash<std::string_view>{}(text_of(entry.key));
            fetch_slot(next);
            if (filled == together) {
                add_records({batch.data(), filled}, order);
                filled = 0;
            }
            return true;
        });
    add_records({batch.data(), filled}, order);
    if (!walked) {
        return pass(walked);
    }
    return count;
}

void record_merge::fetch_slot(const incoming& from) const {
    const part& records = parts_[from.hash % parts];
    if (!records.slots.empty()) {
        __builtin_prefetch(&records.slots[(from.hash / parts) & (records.slots.size() - 1)]);
    }
}

void record_merge::add_records(std::span<const incoming> batch, std::uint32_t order) {
    for (const incoming& each : batch) {
        const part& records = parts_[each.hash % parts];
        if (!records.slots.empty()) {
            fetch_record(records.slots[(each.hash / parts) & (records.slots.size() - 1)]);
        }
    }
    for (const incoming& each : batch) {
        add_record(each, order);
    }
}

void record_merge::add_record(const incoming& from, std::uint32_t order) {
    part& records = parts_[from.hash % parts];
    if (records.used >= used_max(records)) {
        grow(records);
    }
    slot& place = slot_of(records, from.hash, from.key);
    if (place.record == nullptr) {
        place = slot{from.hash, &add_new(from.key)};
        ++records.used;
        ++size_;
        keep(*place.record, from.header, from.value, order);
    } else if (beats(from.header, order, *place.record)) {
        keep(*place.record, from.header, from.value, order);
    }
}

// Where the key is, or where it belongs. Requires: a free slot.
record_merge::slot& record_merge::slot_of(part& records, std::uint64_t hash, byte_view key) {
    const std::size_t mask = records.slots.size() - 1;
    for (std::size_t i = hash / parts;; ++i) {
        slot& here = records.slots[i & mask];
        if (here.record == nullptr) {
            return here;
        }
        const byte_view there{here.record->key, here.record->key_size};
        if (here.hash == hash && std::ranges::equal(there, key)) {
            return here;
        }
    }
}

// Keys spread evenly, so that parts with one limit would all grow at the same time, tens of
// milliseconds at the end: the first grow half full, the last when three quarters are used.
std::size_t record_merge::used_max(const part& records) const {
    const auto place = static_cast<std::size_t>(&records - parts_.data());
    const std::size_t slots = records.slots.size();
    return slots / 2 + slots / 4 * place / parts;
}

void record_merge::grow(part& records) {
    slots_made_ += std::max<std::size_t>(slots_min, 2 * records.slots.size());
    const std::vector<slot> old = std::exchange(
        records.slots, std::vector<slot>(std::max<std::size_t>(slots_min, 2 * records.slots.size()))
    );
    const std::size_t mask = records.slots.size() - 1;
    for (const slot& each : old) {
        if (each.record == nullptr) {
            continue;
        }
        std::size_t i = each.hash / parts;
        while (records.slots[i & mask].record != nullptr) {
            ++i;
        }
        records.slots[i & mask] = each;
    }
}

record_merge::kept& record_merge::add_new(byte_view key) {
    auto* made = new (allocate(sizeof(kept))) kept;
    std::byte* own_key = allocate(key.size());
    if (!key.empty()) {
        std::memcpy(own_key, key.data(), key.size());
    }
    made->key = own_key;
    made->key_size = static_cast<std::uint32_t>(key.size());
    return *made;
}

bool record_merge::is_holders_own(pnn dmaster, std::uint32_t order) const {
    return dmaster == nodes_[order];
}

// Among copies of equal rsn the holder's own, then in the order of upstream's sequential pull, see
// the header.
bool record_merge::beats(
    const protocol::record_header& header, std::uint32_t order, const kept& old
) const {
    if (header.rsn.value != old.rsn) {
        return header.rsn.value > old.rsn;
    }
    const bool own = is_holders_own(header.dmaster, order);
    if (own != is_holders_own(pnn{old.dmaster}, old.order)) {
        return own;
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
    size = (size + alignof(kept) - 1) / alignof(kept) * alignof(kept);
    block_size_ = std::max(block_size_, block_size_min);
    if (size > block_size_ / 4) { // large ones get a block of their own
        return blocks_.emplace_back(size).data();
    }
    if (size > free_size_) {
        free_ = blocks_.emplace_back(block_size_).data();
        free_size_ = block_size_;
        block_size_ = std::min(2 * block_size_, block_size_max);
    }
    std::byte* place = free_;
    free_ += size;
    free_size_ -= size;
    return place;
}

bool record_merge::forget_some() {
    free_size_ = 0;
    std::size_t freed = 0;
    if (!blocks_.empty()) {
        blocks_.pop_back();
        freed = block_size_max;
    }
    while (parts_left_ > 0 && freed < block_size_max) {
        --parts_left_;
        freed += parts_[parts_left_].slots.size() * sizeof(slot);
        parts_[parts_left_] = part{};
    }
    return !blocks_.empty() || parts_left_ > 0;
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
