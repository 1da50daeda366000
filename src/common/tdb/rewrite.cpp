#include "common/tdb/rewrite.hpp"

#include "common/base/ensure.hpp"
#include "common/tdb/file.hpp"

#include <algorithm>
#include <functional>
#include <utility>
#include <vector>

#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

namespace ctdb::tdb {

namespace {

constexpr std::size_t buffer_size_max = std::size_t{256} << 10U;
constexpr std::uint32_t erased = 0xffffffff;
constexpr std::size_t parts = 256; // of a file's chains, sorted and applied one after the other
constexpr std::size_t entries_at_a_time = 64; // read between two looks at the clock
// In the order of the chains the next record is anywhere in the journal, and waiting for memory
// was a third of the time: it is asked for so many records before it is needed.
constexpr std::size_t records_ahead = 8;
constexpr std::size_t cache_line = 64;
constexpr std::size_t record_lines = 4; // most records are that short

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

struct change {
    byte_view key;
    byte_view value;
    bool is_erased = false;
};

change read_change(reader& in) {
    const auto key_size = in.get<std::uint32_t>();
    const auto value_size = in.get<std::uint32_t>();
    change read;
    read.is_erased = value_size == erased;
    read.key = in.take(key_size);
    read.value = in.take(read.is_erased ? 0 : value_size);
    return read;
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

// The journal in memory, read-only.
class rewriting::mapping {
public:
    static result<std::unique_ptr<mapping>> of(int fd, std::uint64_t size) {
        struct stat st {};
        if (fstat(fd, &st) != 0) {
            return fail_errno("look at a rewrite journal");
        }
        if (static_cast<std::uint64_t>(st.st_size) < size) {
            return fail(EBADMSG, "rewrite journal of {} bytes, not {}", st.st_size, size);
        }
        if (size == 0) {
            return std::unique_ptr<mapping>(new mapping(nullptr, 0));
        }
        void* at = mmap(nullptr, size, PROT_READ, MAP_SHARED, fd, 0);
        if (at == MAP_FAILED) {
            return fail_errno("map a rewrite journal of {} bytes", size);
        }
        return std::unique_ptr<mapping>(new mapping(at, size));
    }
    mapping(const mapping&) = delete;
    mapping& operator=(const mapping&) = delete;
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

struct rewriting::entry {
    std::uint32_t chain = 0;
    const std::byte* at = nullptr; // in the journal, found whole

    void fetch_ahead() const noexcept {
        for (std::size_t line = 0; line < record_lines; ++line) {
            __builtin_prefetch(at + line * cache_line);
        }
    }
    // Of one key the later one counts: the order within the journal stays.
    friend bool operator<(const entry& left, const entry& right) noexcept {
        return left.chain != right.chain ? left.chain < right.chain
                                         : std::less<>{}(left.at, right.at);
    }
};

result<std::unique_ptr<rewriting>>
rewriting::begin(file& target, int journal, const rewrite_order& order) {
    auto content = mapping::of(journal, order.size);
    if (!content) {
        return pass(content);
    }
    return std::unique_ptr<rewriting>(new rewriting(target, order, std::move(*content)));
}

rewriting::rewriting(file& target, const rewrite_order& order, std::unique_ptr<mapping> journal)
    : target_(target), order_(order), journal_(std::move(journal)), unread_(journal_->view()),
      parts_(parts) {}

rewriting::~rewriting() = default;

result<bool> rewriting::go_on(std::chrono::microseconds piece) {
    const auto end = std::chrono::steady_clock::now() + piece;
    do {
        result<> done;
        if (!all_read()) {
            for (std::size_t i = 0; i < entries_at_a_time && done && !all_read(); ++i) {
                done = read_one();
            }
        } else if (order_.mode == rewrite_mode::transaction) {
            done = apply_in_transaction();
        } else if (!begun_) {
            done = change_begins();
        } else {
            done = apply_next_part();
        }
        if (!done) {
            return pass(done);
        }
        if (applied_ == parts_.size()) {
            return true;
        }
    } while (std::chrono::steady_clock::now() < end);
    return false;
}

bool rewriting::all_read() const noexcept {
    return unread_.remaining() == 0;
}

result<> rewriting::read_one() {
    const byte_view all = journal_->view();
    entry e;
    e.at = all.data() + (all.size() - unread_.remaining());
    const change read = read_change(unread_);
    if (!unread_.ok()) {
        return fail(EBADMSG, "malformed rewrite journal");
    }
    e.chain = target_.chain_of(read.key);
    parts_[std::uint64_t{e.chain} * parts_.size() / target_.chains()].push_back(e);
    return {};
}

result<> rewriting::change_begins() {
    begun_ = true;
    if (order_.mode == rewrite_mode::in_place) {
        if (auto room = check_room(target_, order_); !room) {
            return room;
        }
    }
    return order_.wipe ? target_.wipe() : result<>();
}

result<> rewriting::apply_next_part() {
    std::vector<entry> entries = std::exchange(parts_[applied_], {});
    ++applied_;
    std::ranges::sort(entries, std::less<entry>{});
    const std::byte* const end = journal_->view().data() + journal_->view().size();
    for (std::size_t i = 0; i < entries.size(); ++i) {
        if (i + records_ahead < entries.size()) {
            entries[i + records_ahead].fetch_ahead();
        }
        reader in(byte_view(entries[i].at, end));
        const change next = read_change(in);
        ensure(in.ok()); // it was when it was read
        auto done = next.is_erased ? target_.erase(next.key) : target_.write(next.key, next.value);
        if (!done) {
            return done;
        }
    }
    return {};
}

result<> rewriting::apply_in_transaction() {
    target_.set_whole_lock_aside(); // libtdb refuses to start a transaction under locks
    auto done = target_.begin(locking::off);
    const bool started = done.has_value();
    if (done) {
        done = change_begins();
    }
    while (done && applied_ < parts_.size()) {
        done = apply_next_part();
    }
    if (done) {
        done = target_.commit(locking::off);
    }
    if (!done && started && target_.in_transaction()) {
        target_.cancel(locking::off);
    }
    target_.take_whole_lock_back();
    return done;
}

result<> apply_rewrite(file& target, int journal, const rewrite_order& order) {
    auto work = rewriting::begin(target, journal, order);
    if (!work) {
        return pass(work);
    }
    for (;;) {
        const auto done = (*work)->go_on(std::chrono::seconds(1));
        if (!done) {
            return pass(done);
        }
        if (*done) {
            return {};
        }
    }
}

} // namespace ctdb::tdb
