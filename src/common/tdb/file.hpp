// tdb::file: one open TDB file. With lock_agent's process and guarded_file the only user of libtdb.
//
// Ownership: closes the file when destroyed; the process may not open the same file twice. Locks
// taken through it are the caller's to give back before that. Thin by intention: which call is
// allowed in which lock state is guarded_file's business.
//
// Blocking: everything named wait_... sleeps until others let go and is for agents only. read,
// write, erase and walk_chain sleep too unless the chain (or the whole file) is locked or marked.
// Errors: the errno of libtdb's error code; EAGAIN = a lock is held by somebody else.
#pragma once

#include "common/base/bytes.hpp"
#include "common/base/result.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include <sys/types.h>

struct tdb_context;

namespace ctdb::tdb {

// Flags of tdb_open (databases.md 1.1), so that users need not include tdb.h.
namespace open_flag {
inline constexpr int clear_if_first = 0x1;
inline constexpr int no_mmap = 0x8;
inline constexpr int no_sync = 0x40;
inline constexpr int sequence_number = 0x80;
inline constexpr int disallow_nesting = 0x400;
inline constexpr int incompatible_hash = 0x800;
inline constexpr int mutex_locking = 0x1000;
} // namespace open_flag

[[nodiscard]] bool robust_mutexes_work(); // forks once to find out; remembered

enum class create : std::uint8_t { no, if_missing };

struct open_options {
    std::string path;
    int flags = 0;
    create creation = create::no;
    int hash_size = 0; // of a new file; 0 = libtdb's default
    mode_t mode = 0600;
};

enum class locking : std::uint8_t { on, off };

class file {
public:
    // create::if_missing overwrites a file whose first bytes are not a TDB header (libtdb's way):
    // where content matters, open existing files with create::no. EIO: not a TDB.
    static result<std::unique_ptr<file>> open(const open_options& options);
    file(const file&) = delete;
    file& operator=(const file&) = delete;
    ~file();

    [[nodiscard]] const std::string& path() const noexcept { return path_; }
    [[nodiscard]] int flags() const; // as given to open, plus sequence_number once enabled
    [[nodiscard]] std::uint32_t chains() const noexcept { return chains_; }
    [[nodiscard]] std::uint32_t chain_of(byte_view key) const;
    // The size of the file less what it needs without a record; 0 if the kernel does not tell.
    [[nodiscard]] std::uint64_t room_for_records() const;

    [[nodiscard]] result<bool>
    read(byte_view key, const std::function<void(byte_view)>& use) const; // false: no such record
    result<> write(byte_view key, byte_view value);
    result<> write(byte_view key, byte_view head, byte_view tail); // value = head + tail
    result<> erase(byte_view key);                                 // missing is no error
    result<> wipe();
    [[nodiscard]] result<> check();
    [[nodiscard]] result<std::uint32_t> free_pieces(); // of unused space; walks the list of them
    result<> repack(); // rewrites the whole file in one transaction: sleeps for all its locks
    [[nodiscard]] result<> sync(); // waits for the disk
    // The number of records visited.
    result<std::size_t> walk_chain(
        std::uint32_t chain, const std::function<void(byte_view key, byte_view value)>& visit
    );

    // From the first chain on until `visit` says false; passes over empty chains without the work
    // that walk_chain has with each. Requires: the whole file is locked or marked.
    result<> walk_while(const std::function<bool(byte_view key, byte_view value)>& visit);

    // Chain locks; they nest within one handle. try: false = somebody else holds it.
    [[nodiscard]] result<bool> try_lock_chain(std::uint32_t chain);
    void unlock_chain(std::uint32_t chain);
    [[nodiscard]] result<> wait_lock_chain(byte_view key); // end with unlock_chain
    // Marks: this handle takes the lock as held, because another process holds it for us.
    [[nodiscard]] result<> mark_chain(byte_view key);
    void unmark_chain(byte_view key);

    // The whole file.
    [[nodiscard]] result<> wait_lock_all();
    [[nodiscard]] result<bool> try_lock_all(); // end with unlock_all
    [[nodiscard]] result<bool> try_lock_all_for_reading();
    void unlock_all();
    void unlock_all_for_reading();
    [[nodiscard]] result<> mark_all();
    void unmark_all();
    // This handle forgets that it has locked the whole file, and remembers; the lock stays.
    void set_whole_lock_aside();
    void take_whole_lock_back();

    // locking::off: the whole file is held, but this handle knows nothing of it (another process
    // holds it, or set_whole_lock_aside); the same value must be given to all three. Inside, the
    // handle sees its own writes, others do not.
    [[nodiscard]] result<> begin(locking mode);
    [[nodiscard]] result<> commit(locking mode); // durable when it returns unless no_sync
    void cancel(locking mode);
    [[nodiscard]] bool in_transaction() const;

    void enable_sequence_number();
    [[nodiscard]] std::uint32_t sequence_number() const;
    void raise_sequence_number(); // no effect unless enabled

private:
    file(std::string path, tdb_context* context);
    [[nodiscard]] tl::unexpected<error> failure(const char* doing) const;

    std::string path_;
    tdb_context* context_;
    std::uint32_t chains_ = 0;
    bool jenkins_ = false; // which of the two hashes the file was made with
};

} // namespace ctdb::tdb
