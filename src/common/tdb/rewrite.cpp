#include "common/tdb/rewrite.hpp"

#include "common/tdb/file.hpp"

#include <algorithm>
#include <cstring>
#include <vector>

#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

namespace ctdb::tdb {

namespace {

constexpr std::size_t buffer_size_max = std::size_t{256} << 10U;
constexpr std::uint32_t erased = 0xffffffff;

// The journal in memory, read-only.
class mapping {
public:
    static result<mapping> of(int fd, std::uint64_t size) {
        struct stat st {};
        if (fstat(fd, &st) != 0) {
            return fail_errno("look at a rewrite journal");
        }
        if (static_cast<std::uint64_t>(st.st_size) < size) {
            return fail(EBADMSG, "rewrite journal of {} bytes, not {}", st.st_size, size);
        }
        if (size == 0) {
            return mapping(nullptr, 0);
        }
        void* at = mmap(nullptr, size, PROT_READ, MAP_SHARED, fd, 0);
        if (at == MAP_FAILED) {
            return fail_errno("map a rewrite journal of {} bytes", size);
        }
        return mapping(at, size);
    }
    mapping(mapping&& other) noexcept
        : at_(std::exchange(other.at_, nullptr)), size_(std::exchange(other.size_, 0)) {}
    mapping& operator=(mapping&&) = delete;
    ~mapping() {
        if (at_ != nullptr) {
            munmap(at_, size_);
        }
    }
    [[nodiscard]] byte_view view() const { return {static_cast<const std::byte*>(at_), size_}; }

private:
    mapping(void* at, std::size_t size) : at_(at), size_(size) {}
    void* at_;
    std::size_t size_;
};

struct entry {
    std::uint32_t chain = 0;
    byte_view key;
    byte_view value;
    bool is_erased = false;
};

result<std::vector<entry>> entries_by_chain(const file& target, byte_view journal) {
    std::vector<entry> entries;
    reader in(journal);
    while (in.ok() && in.remaining() > 0) {
        const auto key_size = in.get<std::uint32_t>();
        const auto value_size = in.get<std::uint32_t>();
        entry e;
        e.is_erased = value_size == erased;
        e.key = in.take(key_size);
        e.value = in.take(e.is_erased ? 0 : value_size);
        if (in.ok()) {
            e.chain = target.chain_of(e.key);
            entries.push_back(e);
        }
    }
    if (!in.ok()) {
        return fail(EBADMSG, "malformed rewrite journal");
    }
    std::ranges::stable_sort(entries, {}, &entry::chain);
    return entries;
}

// The disk must have room before anything is changed in place. libtdb enlarges a file by more than
// it needs at the moment, a quarter of it at most.
result<> check_room(const file& target, const rewrite_order& order) {
    struct stat st {};
    struct statvfs disk {};
    if (stat(target.path().c_str(), &st) != 0 || statvfs(target.path().c_str(), &disk) != 0) {
        return fail_errno("look at {}", target.path());
    }
    const std::uint64_t reused = order.wipe ? static_cast<std::uint64_t>(st.st_size) : 0;
    const std::uint64_t needed = 2 * order.size;
    const std::uint64_t room = std::uint64_t{disk.f_bavail} * disk.f_frsize;
    if (needed > reused && needed - reused > room) {
        return fail(
            ENOSPC, "{}: {} bytes are left on the disk, {} needed", target.path(), room, needed
        );
    }
    return {};
}

result<> apply_entries(file& target, const std::vector<entry>& entries, bool wipe) {
    if (wipe) {
        if (auto wiped = target.wipe(); !wiped) {
            return wiped;
        }
    }
    for (const entry& e : entries) {
        auto done = e.is_erased ? target.erase(e.key) : target.write(e.key, e.value);
        if (!done) {
            return done;
        }
    }
    return {};
}

result<> apply_in_transaction(file& target, const std::vector<entry>& entries, bool wipe) {
    auto begun = target.begin(locking::off);
    if (!begun) {
        return begun;
    }
    auto done = apply_entries(target, entries, wipe);
    if (done) {
        done = target.commit(locking::off);
    }
    if (!done && target.in_transaction()) {
        target.cancel(locking::off);
    }
    return done;
}

} // namespace

bytes encode(const rewrite_order& order) {
    writer out;
    out.put(order.size);
    out.put(std::uint32_t{order.wipe ? 1U : 0U});
    out.put(order.mode);
    return out.take();
}

result<rewrite_order> decode_rewrite_order(byte_view data) {
    reader in(data);
    rewrite_order order;
    order.size = in.get<std::uint64_t>();
    order.wipe = in.get<std::uint32_t>() != 0;
    order.mode = in.get<rewrite_mode>();
    if (!in.ok() || order.mode > rewrite_mode::in_place) {
        return fail(EBADMSG, "malformed order to rewrite");
    }
    return order;
}

result<rewrite_journal> rewrite_journal::begin() {
    unique_fd memory(memfd_create("ctdb-rewrite", MFD_CLOEXEC));
    if (!memory) {
        return fail_errno("memory file for a rewrite journal");
    }
    return rewrite_journal(std::move(memory));
}

result<> rewrite_journal::wipe() {
    wipe_ = true;
    size_ = 0;
    buffer_.clear();
    if (ftruncate(memory_.get(), 0) != 0 || lseek(memory_.get(), 0, SEEK_SET) != 0) {
        return fail_errno("empty a rewrite journal");
    }
    return {};
}

result<> rewrite_journal::store(byte_view key, byte_view head, byte_view tail) {
    return add(key, static_cast<std::uint32_t>(head.size() + tail.size()), head, tail);
}

result<> rewrite_journal::erase(byte_view key) {
    return add(key, erased, {}, {});
}

result<> rewrite_journal::add(byte_view key, std::uint32_t size, byte_view head, byte_view tail) {
    const auto append = [this](byte_view part) {
        buffer_.insert(buffer_.end(), part.begin(), part.end());
        size_ += part.size();
    };
    const auto key_size = static_cast<std::uint32_t>(key.size());
    append(std::as_bytes(std::span(&key_size, 1)));
    append(std::as_bytes(std::span(&size, 1)));
    append(key);
    append(head);
    append(tail);
    return buffer_.size() >= buffer_size_max ? flush() : result<>();
}

result<> rewrite_journal::flush() {
    for (std::size_t done = 0; done < buffer_.size();) {
        const ssize_t wrote = ::write(memory_.get(), buffer_.data() + done, buffer_.size() - done);
        if (wrote < 0 && errno == EINTR) {
            continue;
        }
        if (wrote <= 0) {
            return fail_errno("write to a rewrite journal");
        }
        done += static_cast<std::size_t>(wrote);
    }
    buffer_.clear();
    return {};
}

result<rewrite_order> rewrite_journal::finish(rewrite_mode mode) {
    if (const auto flushed = flush(); !flushed) {
        return pass(flushed);
    }
    rewrite_order order;
    order.size = size_;
    order.wipe = wipe_;
    order.mode = mode;
    return order;
}

result<> apply_rewrite(file& target, int journal, const rewrite_order& order) {
    const auto content = mapping::of(journal, order.size);
    if (!content) {
        return pass(content);
    }
    const auto entries = entries_by_chain(target, content->view());
    if (!entries) {
        return pass(entries);
    }
    if (order.mode == rewrite_mode::in_place) {
        const auto room = check_room(target, order);
        return room ? apply_entries(target, *entries, order.wipe) : room;
    }
    target.set_whole_lock_aside(); // libtdb refuses to start a transaction under locks
    auto done = apply_in_transaction(target, *entries, order.wipe);
    target.take_whole_lock_back();
    return done;
}

} // namespace ctdb::tdb
