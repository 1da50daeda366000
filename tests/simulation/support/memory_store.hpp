// memory_store: local_store over a memory_file, for tests and the simulation; and the disk that
// outlives a daemon's crash.
//
// Keeps rules L1-L4 of local_store and aborts when the engine breaks one. Freezing is done by an
// agent with an owner of its own, as in the daemon. apply_update() takes the whole file for the
// moment of writing.
#pragma once

#include "ctdbd/database/local_store.hpp"
#include "tests/simulation/support/memory_file.hpp"

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>

namespace ctdb::simulation {

class memory_store final : public ctdbd::local_store {
public:
    memory_store(std::shared_ptr<memory_file> file, async::runtime& rt, std::string path);
    ~memory_store() override;

    [[nodiscard]] std::string path() const override { return path_; }
    [[nodiscard]] int open_flags() const override { return flags_; }
    void set_open_flags(int flags) noexcept { flags_ = flags; }
    [[nodiscard]] std::uint32_t chain_of(byte_view key) const override;

    [[nodiscard]] result<ctdbd::lock_state> try_lock(byte_view key) override;
    void unlock(byte_view key) override;
    void lock_when_free(byte_view key, std::function<void(result<>)> locked) override;
    void cancel_wait(byte_view key) override;

    [[nodiscard]] result<bool>
    read(byte_view key, const std::function<void(byte_view value)>& use) const override;
    result<> write(byte_view key, byte_view value) override;
    result<> write(byte_view key, byte_view header, byte_view data) override;
    result<> erase(byte_view key) override;

    void freeze(std::function<void(result<>)> frozen) override;
    void thaw() override;
    [[nodiscard]] bool is_frozen() const override { return frozen_; }
    void on_freeze_lost(std::function<void()> lost) override { lost_ = std::move(lost); }
    void lose_freeze(); // for tests: the agent dies

    result<> begin_transaction() override;
    void commit_transaction(std::function<void(result<>)> committed) override;
    void cancel_transaction() override { transaction_.reset(); }
    result<> wipe() override;
    result<std::string> keep_copy() override;

    [[nodiscard]] result<ctdbd::walk_state> walk(
        ctdbd::walk_position& position,
        std::size_t records,
        const std::function<void(byte_view key, byte_view value)>& visit
    ) override;

    void apply_update( // never late
        bytes record_buffer,
        bool volatile_rule,
        async::time_point deadline,
        std::function<void(result<>)> done
    ) override;

    void enable_sequence_number() override { file_->counts_writes = true; }
    [[nodiscard]] std::uint32_t sequence_number() const override { return file_->sequence_number; }
    void raise_sequence_number() override { ++file_->sequence_number; }

    // For tests and checkers.
    [[nodiscard]] memory_file& file() noexcept { return *file_; }
    [[nodiscard]] std::size_t locks_held() const noexcept { return locked_.size(); }
    void fail_writes(bool fail) noexcept { fail_writes_ = fail; }
    void fail_locks(bool fail) noexcept { fail_locks_ = fail; } // hard errors, agents included
    void fail_reads(bool fail) noexcept { fail_reads_ = fail; }

private:
    struct update {
        bytes buffer;
        bool volatile_rule = false;
        std::function<void(result<>)> done;
    };
    using file_wait = memory_file::wait;

    [[nodiscard]] bool may_touch(byte_view key) const;
    void chain_came(std::uint32_t chain, const std::function<void(result<>)>& locked);
    void next_update();
    void update_locked();
    [[nodiscard]] result<> apply(const update& u);

    std::shared_ptr<memory_file> file_;
    async::runtime& runtime_;
    const std::string path_;
    int flags_ = 0x1c41;
    const lock_owner daemon_ = memory_file::new_owner();
    const lock_owner freezer_ = memory_file::new_owner();
    const lock_owner updater_ = memory_file::new_owner();

    std::map<std::uint32_t, int> locked_; // chains locked by the daemon itself
    std::map<std::uint32_t, std::unique_ptr<file_wait>> waits_;
    std::unique_ptr<file_wait> freezing_;
    bool frozen_ = false;
    std::function<void()> lost_;
    std::optional<std::vector<record_map>> transaction_;
    std::deque<update> updates_;
    std::unique_ptr<file_wait> updating_;
    bool fail_writes_ = false;
    bool fail_locks_ = false;
    bool fail_reads_ = false;
};

// The files of one node: persistent ones survive its crash, volatile ones are made anew at open
// while old clients keep the old file.
class memory_disk {
public:
    std::map<std::string, std::shared_ptr<memory_file>> persistent;
    std::map<std::string, std::string> health;
    std::map<std::string, bytes> lineages;
};

class memory_store_factory final : public ctdbd::store_factory {
public:
    memory_store_factory(memory_disk& disk, async::runtime& rt, std::uint32_t chains = 101)
        : disk_(disk), runtime_(rt), chains_(chains) {}

    [[nodiscard]] result<std::unique_ptr<ctdbd::local_store>> open(const ctdbd::store_spec& spec
    ) override;
    [[nodiscard]] result<std::vector<std::string>> find_persistent() override;
    [[nodiscard]] std::string health(const std::string& name) const override;
    result<> set_health(const std::string& name, const std::string& reason) override;
    [[nodiscard]] bytes saved_lineage(const std::string& name) const override;
    result<> save_lineages(const std::map<std::string, bytes>& lineages) override;
    // The file that was opened last under this name: what clients of the node open by its path.
    [[nodiscard]] std::shared_ptr<memory_file> file(const std::string& name) const;

private:
    memory_disk& disk_;
    async::runtime& runtime_;
    std::uint32_t chains_;
    std::map<std::string, std::shared_ptr<memory_file>> opened_;
};

} // namespace ctdb::simulation
