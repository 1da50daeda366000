// memory_block: a large piece of memory for many small things, of its own pages: giving it back
// costs what its size says, not what the allocator makes of it and its neighbours at the end of a
// long list of frees.
#pragma once

#include <cstddef>
#include <utility>

namespace ctdb::ctdbd {

class memory_block {
public:
    explicit memory_block(std::size_t size); // throws std::bad_alloc
    memory_block(memory_block&& other) noexcept
        : at_(std::exchange(other.at_, nullptr)), size_(other.size_) {}
    memory_block& operator=(memory_block&&) = delete;
    ~memory_block();

    [[nodiscard]] std::byte* data() const noexcept { return at_; }

private:
    std::byte* at_ = nullptr;
    std::size_t size_ = 0;
};

} // namespace ctdb::ctdbd
