// record_merge: the records of one database pulled from several nodes at the same time, one winner
// per key (databases.md 6.6, 12.3 S5, S6). Pure; the memory hash that replaces a scratch file.
//
// Highest rsn wins, and on equal rsn the copy that came from its own dmaster: only there are writes
// that do not raise the rsn (`doc/decisions/0076-the-holders-copy-wins-a-tie.md`). Among copies
// that this does not tell apart it is as with upstream, which pulls one node after the other and
// lets a copy be replaced by the next exactly if it names the leader as dmaster; the winner is
// therefore the first copy in node order that names somebody else, or, if all name the leader, the
// last one. Applied here whatever order the copies arrive in.
//
// Limits: everything is held in memory (a copy of each winner plus about 80 bytes per record). No
// call takes long: the hash is split into parts that grow one at a time, walking and forgetting go
// piece by piece. Only the destructor frees all that is left at once.
#pragma once

#include "common/base/bytes.hpp"
#include "common/base/result.hpp"
#include "common/protocol/types_membership.hpp"
#include "common/protocol/types_record.hpp"
#include "ctdbd/recovery/memory_block.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace ctdb::ctdbd {

class record_merge {
public:
    // `nodes`: who is pulled, by `order`.
    record_merge(pnn leader, std::vector<pnn> nodes) : leader_(leader), nodes_(std::move(nodes)) {}
    record_merge(record_merge&& other) noexcept; // `other` has none then and takes none
    record_merge& operator=(record_merge&&) = delete;

    // Merges one pulled buffer from node number `order` and returns how many records it held.
    // Records without a whole header count but are not kept.
    [[nodiscard]] result<std::uint32_t> add(byte_view record_buffer, std::uint32_t order);
    [[nodiscard]] pnn leader() const noexcept { return leader_; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    // How much growing cost so far: slots filled anew.
    [[nodiscard]] std::size_t slots_made() const noexcept { return slots_made_; }

    struct record {
        byte_view key;
        protocol::record_header header;
        byte_view value;         // without header
        std::uint32_t order = 0; // which node it came from
    };
    struct position {
        std::size_t part = 0;
        std::size_t slot = 0;
    };
    // Walks the winners, at most `count` per call. False: that was the end.
    template <class Visitor>
    [[nodiscard]] bool visit(position& at, std::size_t count, Visitor&& use) const;

    // Gives back a piece of the memory, a megabyte at most; false: nothing is left. From the first
    // call on only this may be called.
    [[nodiscard]] bool forget_some();

private:
    static constexpr std::size_t parts = 256;
    static constexpr std::size_t slots_ahead = 12; // some half of them free
    struct kept {                                  // lies in blocks_, as key and value do
        std::uint64_t rsn = 0;
        const std::byte* key = nullptr;
        std::byte* value = nullptr;
        std::uint32_t dmaster = 0;
        std::uint32_t flags = 0;
        std::uint32_t order = 0;
        std::uint32_t key_size = 0;
        std::uint32_t size = 0;     // of the value
        std::uint32_t capacity = 0; // of its place
    };
    struct slot {
        std::uint64_t hash = 0;
        kept* record = nullptr; // nullptr: free
    };
    // Open addressing: a record is in the first slot from its own on that is its or free.
    struct part {
        std::vector<slot> slots; // a power of two, at most used_max() of them used
        std::size_t used = 0;
    };

    // A record, its key and most of its value lie behind each other.
    static void fetch_record(const slot& from) noexcept {
        constexpr std::size_t cache_line = 64;
        constexpr std::size_t lines = 4;
        const auto* at = reinterpret_cast<const std::byte*>(from.record);
        for (std::size_t i = 0; at != nullptr && i < lines; ++i) {
            __builtin_prefetch(at + i * cache_line);
        }
    }

    struct incoming;
    void fetch_slot(const incoming& from) const;
    void add_records(std::span<const incoming> batch, std::uint32_t order);
    void add_record(const incoming& from, std::uint32_t order);
    [[nodiscard]] static slot& slot_of(part& records, std::uint64_t hash, byte_view key);
    [[nodiscard]] std::size_t used_max(const part& records) const;
    void grow(part& records);
    [[nodiscard]] kept& add_new(byte_view key);
    [[nodiscard]] bool
    beats(const protocol::record_header& header, std::uint32_t order, const kept& old) const;
    [[nodiscard]] bool is_holders_own(pnn dmaster, std::uint32_t order) const;
    void
    keep(kept& place, const protocol::record_header& header, byte_view value, std::uint32_t order);
    [[nodiscard]] std::byte* allocate(std::size_t size); // aligned for kept

    pnn leader_;
    std::vector<pnn> nodes_;
    std::array<part, parts> parts_;
    std::size_t parts_left_ = parts; // to forget
    std::size_t size_ = 0;
    std::size_t slots_made_ = 0;
    std::vector<memory_block> blocks_;
    std::byte* free_ = nullptr;
    std::size_t free_size_ = 0;
    std::size_t block_size_ = 0; // of the next block; they double
};

template <class Visitor>
bool record_merge::visit(position& at, std::size_t count, Visitor&& use) const {
    for (; at.part < parts; ++at.part, at.slot = 0) {
        const std::vector<slot>& slots = parts_[at.part].slots;
        for (; at.slot < slots.size(); ++at.slot) {
            if (at.slot + slots_ahead < slots.size()) { // the next records lie anywhere
                fetch_record(slots[at.slot + slots_ahead]);
            }
            const kept* place = slots[at.slot].record;
            if (place == nullptr) {
                continue;
            }
            if (count-- == 0) {
                return true;
            }
            record r;
            r.key = byte_view{place->key, place->key_size};
            r.header.rsn = rsn{place->rsn};
            r.header.dmaster = pnn{place->dmaster};
            r.header.flags = protocol::record_flags{place->flags};
            r.value = byte_view{place->value, place->size};
            r.order = place->order;
            use(std::as_const(r));
        }
    }
    return false;
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
