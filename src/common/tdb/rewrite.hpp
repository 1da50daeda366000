// A recovery's new content of a database: collected in memory, put into the file by the process
// that holds the whole of it.
//
// rewrite_journal is ctdbd's side: wipe, store and erase as they are asked for, in a memory file
// that is handed to the agent holding the lock; nothing of it shows before. No call takes long.
// rewriting is the agent's, in pieces, so that an agent that holds many files can go on with all;
// apply_rewrite is the same at a stretch. Entries are applied chain by chain, which is several
// times faster than in any other order; those of one key stay in theirs.
//
// Format of an entry, host byte order (same build on both ends): u32 key size, u32 value size
// (erased: 0xffffffff), key, value.
#pragma once

#include "common/base/bytes.hpp"
#include "common/base/result.hpp"
#include "common/base/unique_fd.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

namespace ctdb::tdb {

class file;

enum class rewrite_mode : std::uint32_t {
    transaction, // old or new content whatever dies, on disk at the end: persistent databases
    in_place,    // three times faster, and the file does not grow for the recovery area; a killed
                 // agent or a broken disk leave a part: databases that do not outlive ctdbd
};

struct rewrite_order {
    std::uint64_t size = 0; // of the journal
    bool wipe = false;      // first
    rewrite_mode mode = rewrite_mode::transaction;
};
[[nodiscard]] bytes encode(const rewrite_order& order);
[[nodiscard]] result<rewrite_order> decode_rewrite_order(byte_view data);

class rewrite_journal {
public:
    [[nodiscard]] static result<rewrite_journal> begin();

    [[nodiscard]] result<> wipe(); // also forgets what was stored before
    [[nodiscard]] result<> store(byte_view key, byte_view head, byte_view tail);
    [[nodiscard]] result<> erase(byte_view key);
    [[nodiscard]] bool changes_anything() const noexcept { return wipe_ || size_ > 0; }

    [[nodiscard]] result<rewrite_order> finish(rewrite_mode mode); // everything is in fd() now
    [[nodiscard]] int fd() const noexcept { return memory_.get(); }

private:
    explicit rewrite_journal(unique_fd memory) : memory_(std::move(memory)) {}
    [[nodiscard]] result<> add(byte_view key, std::uint32_t size, byte_view head, byte_view tail);
    [[nodiscard]] result<> flush();

    unique_fd memory_;
    bytes buffer_;
    std::uint64_t size_ = 0; // with what is in buffer_
    bool wipe_ = false;
};

// The agent's side. Requires: `target` holds the lock of the whole file, and outlives the object.
// Nothing is changed before all of the journal was read. In place, destroying it before its end
// leaves a part.
class rewriting {
public:
    [[nodiscard]] static result<std::unique_ptr<rewriting>>
    begin(file& target, int journal, const rewrite_order& order);
    rewriting(const rewriting&) = delete;
    rewriting& operator=(const rewriting&) = delete;
    ~rewriting();

    // Goes on for about `piece`; true: the file has its new content. A transaction and a wipe are
    // not cut. EBADMSG: malformed. ENOSPC: too little room on the disk, the file is as it was;
    // after any other failure in place it holds a part.
    [[nodiscard]] result<bool> go_on(std::chrono::microseconds piece);

private:
    class mapping;
    struct entry;
    rewriting(file& target, const rewrite_order& order, std::unique_ptr<mapping> journal);
    [[nodiscard]] result<> read_one();
    [[nodiscard]] result<> change_begins();
    [[nodiscard]] result<> apply_next_part();
    [[nodiscard]] result<> apply_in_transaction();
    [[nodiscard]] bool all_read() const noexcept;

    file& target_;
    rewrite_order order_;
    std::unique_ptr<mapping> journal_;
    reader unread_;
    std::vector<std::vector<entry>> parts_; // by chain; in order within
    std::size_t applied_ = 0;               // parts
    bool begun_ = false;                    // to change the file
};

[[nodiscard]] result<> apply_rewrite(file& target, int journal, const rewrite_order& order);

} // namespace ctdb::tdb
