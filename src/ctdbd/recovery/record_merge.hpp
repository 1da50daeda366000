// record_merge: the records of one database pulled from several nodes at the same time, one winner
// per key (databases.md 6.6, 12.3 S5, S6). Pure; the memory hash that replaces a scratch file.
//
// Highest rsn wins. On equal rsn upstream, which pulls one node after the other, lets a copy be
// replaced by the next exactly if it names the leader as dmaster; the winner is therefore the first
// copy in node order that names somebody else, or, if all name the leader, the last one. Applied
// here whatever order the copies arrive in.
//
// Limits: everything is held in memory (a copy of each winner plus about 100 bytes per record). No
// call takes long: the hash is split into parts that grow one at a time.
#pragma once

#include "common/base/bytes.hpp"
#include "common/base/result.hpp"
#include "common/protocol/types_membership.hpp"
#include "common/protocol/types_record.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace ctdb::ctdbd {

class record_merge {
public:
    explicit record_merge(pnn leader) : leader_(leader) {}

    // Merges one pulled buffer from node number `order` (position in the node list) and returns how
    // many records it held. Records without a whole header count but are not kept.
    [[nodiscard]] result<std::uint32_t> add(byte_view record_buffer, std::uint32_t order);
    [[nodiscard]] pnn leader() const noexcept { return leader_; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }

    struct record {
        byte_view key;
        protocol::record_header header;
        byte_view value;         // without header
        std::uint32_t order = 0; // which node it came from
    };
    // Walks the winners, about `count` per call. `position` starts at 0; false: that was the end.
    template <class Visitor>
    [[nodiscard]] bool visit(std::size_t& position, Visitor&& use) const;

private:
    static constexpr std::size_t parts = 256;
    struct kept {
        std::uint64_t rsn = 0;
        std::uint32_t dmaster = 0;
        std::uint32_t flags = 0;
        std::uint32_t order = 0;
        std::uint32_t size = 0;     // of the value
        std::uint32_t capacity = 0; // of its place
        std::byte* value = nullptr;
    };
    using part = std::unordered_map<std::string_view, kept>; // keys lie in blocks_

    void add_record(
        byte_view key, const protocol::record_header& header, byte_view value, std::uint32_t order
    );
    [[nodiscard]] bool
    beats(const protocol::record_header& header, std::uint32_t order, const kept& old) const;
    void
    keep(kept& place, const protocol::record_header& header, byte_view value, std::uint32_t order);
    [[nodiscard]] std::byte* allocate(std::size_t size);
    [[nodiscard]] const std::byte* copy_in(byte_view data);

    pnn leader_;
    std::array<part, parts> parts_;
    std::size_t size_ = 0;
    std::vector<std::unique_ptr<std::byte[]>> blocks_;
    std::byte* free_ = nullptr;
    std::size_t free_size_ = 0;
    std::size_t block_size_ = 0; // of the next block; they double
};

template <class Visitor>
bool record_merge::visit(std::size_t& position, Visitor&& use) const {
    if (position >= parts) {
        return false;
    }
    for (const auto& [key, place] : parts_[position]) {
        record r;
        r.key = view_of(key);
        r.header.rsn = rsn{place.rsn};
        r.header.dmaster = pnn{place.dmaster};
        r.header.flags = protocol::record_flags{place.flags};
        r.value = byte_view{place.value, place.size};
        r.order = place.order;
        use(std::as_const(r));
    }
    ++position;
    return position < parts;
}

// ---- what is pushed ----

// How the winners are given out.
struct push_rules {
    bool rewrite_dmaster = true; // volatile and replicated; false: persistent, header untouched
    bool keep_dmaster = false;   // 12.3 S5: every active node is ours
    pnn leader;                  // dmaster of everything without keep_dmaster
    std::vector<pnn> nodes;      // by `order`
    protocol::vnn_map map;       // the new one: lmaster of what nobody holds
};

// The header to push, or nothing for empty records: deleted ones end here.
[[nodiscard]] std::optional<protocol::record_header>
pushed_header(const record_merge::record& winner, const push_rules& rules);

} // namespace ctdb::ctdbd
