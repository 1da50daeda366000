#include "common/tdb/file.hpp"

#include "common/base/ensure.hpp"
#include "common/base/log.hpp"
#include "common/tdb/chain_hash.hpp"
#include "common/tdb/libtdb.hpp"

#include <array>
#include <cstdarg>
#include <cstdio>

#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

namespace ctdb::tdb {

static_assert(open_flag::clear_if_first == TDB_CLEAR_IF_FIRST);
static_assert(open_flag::no_mmap == TDB_NOMMAP);
static_assert(open_flag::no_sync == TDB_NOSYNC);
static_assert(open_flag::sequence_number == TDB_SEQNUM);
static_assert(open_flag::disallow_nesting == TDB_DISALLOW_NESTING);
static_assert(open_flag::incompatible_hash == TDB_INCOMPATIBLE_HASH);
static_assert(open_flag::mutex_locking == TDB_MUTEX_LOCKING);

namespace {

TDB_DATA raw(byte_view view) noexcept {
    return {
        const_cast<unsigned char*>(reinterpret_cast<const unsigned char*>(view.data())),
        view.size()};
}

byte_view view(TDB_DATA data) noexcept {
    return {reinterpret_cast<const std::byte*>(data.dptr), data.dsize};
}

log_level level_of(tdb_debug_level level) noexcept {
    switch (level) {
    case TDB_DEBUG_FATAL:
    case TDB_DEBUG_ERROR:
        return log_level::error;
    case TDB_DEBUG_WARNING:
        return log_level::warning;
    default:
        return log_level::debug;
    }
}

__attribute__((format(printf, 3, 4))) void
log_message(tdb_context*, tdb_debug_level tdb_level, const char* format, ...) noexcept {
    const log_level level = level_of(tdb_level);
    if (level > current_log_level()) {
        return;
    }
    std::array<char, 512> text{};
    va_list arguments;
    va_start(arguments, format);
    static_cast<void>(std::vsnprintf(text.data(), text.size(), format, arguments));
    va_end(arguments);
    std::string_view line(text.data());
    while (!line.empty() && line.back() == '\n') {
        line.remove_suffix(1);
    }
    log_line(level, line);
}

int errno_of(TDB_ERROR code) noexcept {
    switch (code) {
    case TDB_ERR_LOCK:
    case TDB_ERR_NOLOCK:
    case TDB_ERR_LOCK_TIMEOUT:
        return EAGAIN;
    case TDB_ERR_OOM:
        return ENOMEM;
    case TDB_ERR_EXISTS:
        return EEXIST;
    case TDB_ERR_NOEXIST:
        return ENOENT;
    case TDB_ERR_EINVAL:
        return EINVAL;
    case TDB_ERR_RDONLY:
        return EROFS;
    case TDB_ERR_NESTING:
        return EBUSY;
    default:
        return EIO;
    }
}

// A try-lock that failed: was somebody else there, or is it broken (databases.md 4.1)?
bool lock_is_busy(int code) noexcept {
    return code == EAGAIN || code == EACCES || code == EDEADLK || code == EBUSY;
}

// libtdb writes the hash of its magic text (NUL included) into the header, at offset 52; old files
// have 0 there and the default hash.
bool made_with_jenkins(int fd) {
    constexpr off_t magic_hash_offset = 52;
    constexpr std::string_view magic("TDB file\n\0", 10);
    std::uint32_t stored = 0;
    if (pread(fd, &stored, sizeof(stored), magic_hash_offset) != ssize_t{sizeof(stored)}) {
        return false;
    }
    return stored != default_hash(view_of(magic)) && stored == jenkins_hash(view_of(magic));
}

// The whole file's or transaction's lock calls do nothing while this lives.
class locking_suspended {
public:
    locking_suspended(tdb_context* context, locking mode) noexcept
        : context_(mode == locking::off ? context : nullptr) {
        if (context_ != nullptr) {
            tdb_add_flags(context_, TDB_NOLOCK);
        }
    }
    locking_suspended(const locking_suspended&) = delete;
    locking_suspended& operator=(const locking_suspended&) = delete;
    ~locking_suspended() {
        if (context_ != nullptr) {
            tdb_remove_flags(context_, TDB_NOLOCK);
        }
    }

private:
    tdb_context* context_;
};

using value_user = std::function<void(byte_view)>;
int use_value(TDB_DATA, TDB_DATA value, void* user) noexcept {
    (*static_cast<const value_user*>(user))(view(value));
    return 0;
}

using record_visitor = std::function<void(byte_view, byte_view)>;
int visit_record(tdb_context*, TDB_DATA key, TDB_DATA value, void* visitor) noexcept {
    (*static_cast<const record_visitor*>(visitor))(view(key), view(value));
    return 0;
}

using record_judge = std::function<bool(byte_view, byte_view)>;
int judge_record(tdb_context*, TDB_DATA key, TDB_DATA value, void* judge) noexcept {
    return (*static_cast<const record_judge*>(judge))(view(key), view(value)) ? 0 : 1;
}

} // namespace

bool robust_mutexes_work() {
    return tdb_runtime_check_for_robust_mutexes();
}

result<std::unique_ptr<file>> file::open(const open_options& options) {
    const tdb_logging_context logging{log_message, nullptr};
    const int creation = options.creation == create::if_missing ? O_CREAT : 0;
    errno = 0;
    tdb_context* context = tdb_open_ex(
        options.path.c_str(),
        options.hash_size,
        options.flags,
        O_RDWR | O_CLOEXEC | creation,
        options.mode,
        &logging,
        nullptr
    );
    if (context == nullptr) {
        errno = errno == 0 ? EIO : errno;
        return fail_errno("open database file {}", options.path);
    }
    return std::unique_ptr<file>(new file(options.path, context));
}

file::file(std::string path, tdb_context* context)
    : path_(std::move(path)), context_(context),
      chains_(static_cast<std::uint32_t>(tdb_hash_size(context))),
      jenkins_(made_with_jenkins(tdb_fd(context))) {}

file::~file() {
    if (tdb_close(context_) != 0) {
        log_warning("database file {} was not closed cleanly", path_);
    }
}

tl::unexpected<error> file::failure(const char* doing) const {
    return fail(
        errno_of(tdb_error(context_)),
        "{} database file {}: {}",
        doing,
        path_,
        tdb_errorstr(context_)
    );
}

int file::flags() const {
    return tdb_get_flags(context_);
}

std::uint32_t file::chain_of(byte_view key) const {
    return (jenkins_ ? jenkins_hash(key) : default_hash(key)) % chains_;
}

std::uint64_t file::room_for_records() const {
    constexpr std::uint64_t header = 4096; // and what rounding adds
    const bool mutexes = (flags() & open_flag::mutex_locking) != 0;
    const std::uint64_t of_a_chain =
        sizeof(std::uint32_t) + (mutexes ? sizeof(pthread_mutex_t) : 0);
    const std::uint64_t fixed = header + of_a_chain * chains_;
    struct stat st {};
    if (fstat(tdb_fd(context_), &st) != 0 || static_cast<std::uint64_t>(st.st_size) < fixed) {
        return 0;
    }
    return static_cast<std::uint64_t>(st.st_size) - fixed;
}

result<bool> file::read(byte_view key, const std::function<void(byte_view)>& use) const {
    if (tdb_parse_record(context_, raw(key), use_value, const_cast<value_user*>(&use)) == 0) {
        return true;
    }
    if (tdb_error(context_) == TDB_ERR_NOEXIST) {
        return false;
    }
    return failure("read");
}

result<> file::write(byte_view key, byte_view value) {
    if (tdb_store(context_, raw(key), raw(value), 0) != 0) {
        return failure("write to");
    }
    return {};
}

result<> file::write(byte_view key, byte_view head, byte_view tail) {
    const std::array<TDB_DATA, 2> parts{raw(head), raw(tail)};
    if (tdb_storev(context_, raw(key), parts.data(), int{parts.size()}, 0) != 0) {
        return failure("write to");
    }
    return {};
}

result<> file::erase(byte_view key) {
    if (tdb_delete(context_, raw(key)) != 0 && tdb_error(context_) != TDB_ERR_NOEXIST) {
        return failure("delete from");
    }
    return {};
}

result<> file::wipe() {
    if (tdb_wipe_all(context_) != 0) {
        return failure("wipe");
    }
    return {};
}

result<> file::check() {
    if (tdb_check(context_, nullptr, nullptr) != 0) {
        return fail(EIO, "database file {} is corrupt: {}", path_, tdb_errorstr(context_));
    }
    return {};
}

result<std::uint32_t> file::free_pieces() {
    const int pieces = tdb_freelist_size(context_);
    if (pieces < 0) {
        return failure("count the free space of");
    }
    return static_cast<std::uint32_t>(pieces);
}

result<> file::repack() {
    if (tdb_repack(context_) != 0) {
        return failure("repack");
    }
    return {};
}

result<> file::sync() {
    if (fdatasync(tdb_fd(context_)) != 0) {
        return fail_errno("sync {}", path_);
    }
    return {};
}

result<std::size_t> file::walk_chain(std::uint32_t chain, const record_visitor& visit) {
    const int visited =
        tdb_traverse_chain(context_, chain, visit_record, const_cast<record_visitor*>(&visit));
    if (visited < 0) {
        return failure("walk");
    }
    return static_cast<std::size_t>(visited);
}

result<> file::walk_while(const record_judge& visit) {
    if (tdb_traverse_read(context_, judge_record, const_cast<record_judge*>(&visit)) < 0) {
        return failure("walk");
    }
    return {};
}

result<bool> file::try_lock_chain(std::uint32_t chain) {
    errno = 0;
    if (tdb_lock_nonblock(context_, static_cast<int>(chain), F_WRLCK) == 0) {
        return true;
    }
    if (lock_is_busy(errno)) {
        return false;
    }
    return failure("lock a chain of");
}

void file::unlock_chain(std::uint32_t chain) {
    if (tdb_unlock(context_, static_cast<int>(chain), F_WRLCK) != 0) {
        log_error("unlock chain {} of {}: {}", chain, path_, tdb_errorstr(context_));
    }
}

result<> file::wait_lock_chain(byte_view key) {
    if (tdb_chainlock(context_, raw(key)) != 0) {
        return failure("lock a chain of");
    }
    return {};
}

result<> file::mark_chain(byte_view key) {
    if (tdb_chainlock_mark(context_, raw(key)) != 0) {
        return failure("mark a chain of");
    }
    return {};
}

void file::unmark_chain(byte_view key) {
    ensure(tdb_chainlock_unmark(context_, raw(key)) == 0);
}

result<> file::wait_lock_all() {
    if (tdb_lockall(context_) != 0) {
        return failure("lock");
    }
    return {};
}

result<bool> file::try_lock_all() {
    errno = 0;
    if (tdb_lockall_nonblock(context_) == 0) {
        return true;
    }
    if (lock_is_busy(errno)) {
        return false;
    }
    return failure("lock");
}

result<bool> file::try_lock_all_for_reading() {
    errno = 0;
    if (tdb_lockall_read_nonblock(context_) == 0) {
        return true;
    }
    if (lock_is_busy(errno)) {
        return false;
    }
    return failure("lock");
}

void file::unlock_all() {
    if (tdb_unlockall(context_) != 0) {
        log_error("unlock {}: {}", path_, tdb_errorstr(context_));
    }
}

void file::unlock_all_for_reading() {
    if (tdb_unlockall_read(context_) != 0) {
        log_error("unlock {}: {}", path_, tdb_errorstr(context_));
    }
}

result<> file::mark_all() {
    if (tdb_lockall_mark(context_) != 0) {
        return failure("mark");
    }
    if (tdb_transaction_write_lock_mark(context_) != 0) {
        tdb_lockall_unmark(context_);
        return failure("mark the transaction lock of");
    }
    return {};
}

void file::unmark_all() {
    ensure(tdb_transaction_write_lock_unmark(context_) == 0);
    ensure(tdb_lockall_unmark(context_) == 0);
}

void file::set_whole_lock_aside() {
    ensure(tdb_lockall_unmark(context_) == 0);
}

void file::take_whole_lock_back() {
    ensure(tdb_lockall_mark(context_) == 0);
}

result<> file::begin(locking mode) {
    const locking_suspended suspended(context_, mode);
    if (tdb_transaction_start(context_) != 0) {
        return failure("start a transaction on");
    }
    return {};
}

result<> file::commit(locking mode) {
    const locking_suspended suspended(context_, mode);
    if (tdb_transaction_commit(context_) != 0) {
        return failure("commit a transaction on");
    }
    return {};
}

void file::cancel(locking mode) {
    const locking_suspended suspended(context_, mode);
    if (tdb_transaction_cancel(context_) != 0) {
        log_error("cancel a transaction on {}: {}", path_, tdb_errorstr(context_));
    }
}

bool file::in_transaction() const {
    return tdb_transaction_active(context_);
}

void file::enable_sequence_number() {
    tdb_enable_seqnum(context_);
}

std::uint32_t file::sequence_number() const {
    return static_cast<std::uint32_t>(tdb_get_seqnum(context_));
}

void file::raise_sequence_number() {
    tdb_increment_seqnum_nonblock(context_);
}

} // namespace ctdb::tdb
