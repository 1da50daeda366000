// fetch_queue: keys that other nodes want brought to this node, their lmaster, to be deleted here
// (VACUUM_FETCH, databases.md 8.1). Kept as they came: one copy per message, keys read one by one.
#pragma once

#include "common/base/bytes.hpp"
#include "common/base/result.hpp"

#include <deque>
#include <optional>

namespace ctdb::ctdbd {

class fetch_queue {
public:
    static constexpr std::size_t bytes_max = std::size_t{64} << 20; // beyond: the next full run
    explicit fetch_queue(std::size_t limit = bytes_max) : limit_(limit) {}

    // ENOBUFS: full. Requires: a record buffer whose entries are valid.
    [[nodiscard]] result<> add(byte_view record_buffer);

    void begin_run() noexcept { run_ = buffers_.size(); } // what comes later is for the next run
    [[nodiscard]] std::optional<bytes> next();            // a key of the run

    [[nodiscard]] bool empty() const noexcept { return buffers_.empty(); }
    [[nodiscard]] std::size_t size_bytes() const noexcept { return size_; }

private:
    struct keys {
        bytes buffer;
        std::size_t offset;
        std::uint32_t left;
    };
    void drop_front();
    std::size_t limit_;
    std::deque<keys> buffers_;
    std::size_t run_ = 0; // buffers at the front that belong to the run
    std::size_t size_ = 0;
};

} // namespace ctdb::ctdbd
