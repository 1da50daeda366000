#include "ctdbd/recovery/memory_block.hpp"

#include <new>

#include <sys/mman.h>

namespace ctdb::ctdbd {
namespace {

constexpr std::size_t own_pages_from = std::size_t{64} << 10U; // smaller ones are the allocator's

} // namespace

memory_block::memory_block(std::size_t size) : size_(size) {
    if (size < own_pages_from) {
        at_ = static_cast<std::byte*>(::operator new(size));
        return;
    }
    void* pages = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED) {
        throw std::bad_alloc();
    }
    at_ = static_cast<std::byte*>(pages);
}

memory_block::~memory_block() {
    if (at_ == nullptr) {
        return;
    }
    if (size_ < own_pages_from) {
        ::operator delete(at_);
    } else {
        munmap(at_, size_);
    }
}

} // namespace ctdb::ctdbd
