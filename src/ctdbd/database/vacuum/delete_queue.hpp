// delete_queue: emptied records of one database that wait to be deleted (databases.md 8.1), exact
// keys, the newest header per key.
//
// A run works on what was there when it began; what comes meanwhile is for the next. Records that
// could not be deleted for a lock wait apart: only runs started by the timer take them up
// (databases.md 8.3). A run that is broken off leaves its rest for the next one; nothing is lost
// but what exceeds the limit, and then the next run has to be a full one.
#pragma once

#include "common/base/bytes.hpp"
#include "common/protocol/types_record.hpp"

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace ctdb::ctdbd {

struct deletion {
    bytes key;
    protocol::record_header header; // when it was scheduled
};

class delete_queue {
public:
    static constexpr std::size_t entries_max = 1'000'000; // about 100 bytes each
    explicit delete_queue(std::size_t limit = entries_max) : limit_(limit) {}

    void schedule(byte_view key, const protocol::record_header& header);
    void forget(byte_view key); // the record holds something else again

    enum class locked_ones : std::uint8_t { rest, take_up };
    void begin_run(locked_ones what);
    // Only found now (full run): part of the run under way.
    void add_to_run(byte_view key, const protocol::record_header& header);
    [[nodiscard]] std::optional<deletion> next(); // of the run
    void locked(deletion entry);                  // again by a timer's run

    [[nodiscard]] bool empty() const noexcept {
        return waiting_.empty() && run_.empty() && locked_.empty() && locked_run_.empty();
    }
    [[nodiscard]] std::size_t size() const noexcept {
        return waiting_.size() + run_.size() + locked_.size() + locked_run_.size();
    }
    [[nodiscard]] bool run_is_empty() const noexcept { return run_.empty() && locked_run_.empty(); }
    // True once after entries had to be left out.
    [[nodiscard]] bool take_overflow() noexcept;

private:
    // Ordered: no insertion is ever slow for the growth of a table.
    using table = std::map<std::string, protocol::record_header, std::less<>>;
    void put(table& into, byte_view key, const protocol::record_header& header);
    static void drop(table& from, std::string_view key);

    std::size_t limit_;
    table waiting_;
    table run_;
    table locked_;
    table locked_run_; // those of them that belong to the run
    bool overflow_ = false;
};

} // namespace ctdb::ctdbd
