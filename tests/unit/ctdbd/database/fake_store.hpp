// fake_store: a database file in memory whose locks, freezes and failures a test commands. Every
// key is a chain of its own.
#pragma once

#include "common/protocol/types_record.hpp"
#include "ctdbd/database/local_store.hpp"

#include <list>
#include <map>
#include <optional>
#include <set>
#include <string>

namespace ctdb::testing {

class fake_store final : public ctdbd::local_store {
public:
    using content = std::map<std::string, bytes>;
    explicit fake_store(async::runtime& rt, std::string path);

    [[nodiscard]] std::string path() const override { return path_; }
    [[nodiscard]] int open_flags() const override { return 0xc41; }
    [[nodiscard]] std::uint32_t chain_of(byte_view key) const override;
    [[nodiscard]] result<ctdbd::lock_state> try_lock(byte_view key) override;
    void unlock(byte_view key) override;
    void lock_when_free(byte_view, std::function<void(result<>)>) override {}
    void cancel_wait(byte_view) override {}
    [[nodiscard]] result<bool>
    read(byte_view key, const std::function<void(byte_view value)>& use) const override;
    result<> write(byte_view key, byte_view value) override;
    result<> write(byte_view key, byte_view header, byte_view data) override;
    result<> erase(byte_view key) override;
    void freeze(std::function<void(result<>)> frozen) override;
    void thaw() override;
    [[nodiscard]] bool is_frozen() const override { return frozen_; }
    void on_freeze_lost(std::function<void()> lost) override { lost_ = std::move(lost); }
    result<> begin_transaction() override;
    void commit_transaction(std::function<void(result<>)> committed) override;
    void cancel_transaction() override;
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
    void enable_sequence_number() override { counting_ = true; }
    [[nodiscard]] std::uint32_t sequence_number() const override { return sequence_; }
    void raise_sequence_number() override { ++sequence_; }

    // ---- what a test commands ----
    bool answers_freeze = true; // false: freeze waits for answer_freeze()
    void answer_freeze(result<> outcome);
    [[nodiscard]] bool freeze_asked() const { return freeze_waiter_ != nullptr; }
    bool answers_updates = true; // false: updates wait for answer_update()
    void answer_update(result<> outcome);
    [[nodiscard]] std::size_t updates_waiting() const { return updates_.size(); }
    void lose_freeze();
    std::set<std::string> busy; // keys whose chain somebody holds
    bool fails_to_commit = false;
    bool commits_later = false; // when the test calls commit_under_way
    std::function<void(result<>)> commit_under_way;
    bool only_a_part = false;
    [[nodiscard]] bool holds_a_part() const override { return only_a_part; }
    std::optional<std::string> fails_to_write; // this key
    int locks_held = 0;
    std::vector<content> kept_copies;
    bool fails_to_keep = false;

    // ---- what a test looks at ----
    void put(std::string_view key, const protocol::record_header& header, std::string_view value);
    [[nodiscard]] const content& committed() const { return committed_; }
    struct record {
        protocol::record_header header;
        std::string value;
    };
    [[nodiscard]] std::optional<record> get(std::string_view key) const; // committed

private:
    [[nodiscard]] content& current() { return transaction_ ? *transaction_ : committed_; }
    [[nodiscard]] const content& current() const {
        return transaction_ ? *transaction_ : committed_;
    }
    [[nodiscard]] result<> apply(byte_view buffer, bool volatile_rule);
    struct update {
        bytes buffer;
        bool volatile_rule;
        std::function<void(result<>)> done;
    };
    void serve();

    std::string path_;
    content committed_;
    std::optional<content> transaction_;
    bool frozen_ = false;
    bool counting_ = false;
    std::uint32_t sequence_ = 0;
    std::function<void(result<>)> freeze_waiter_;
    std::function<void()> lost_;
    std::list<update> updates_;
    async::deferred serve_;
};

class fake_store_factory final : public ctdbd::store_factory {
public:
    explicit fake_store_factory(async::runtime& rt, std::string prefix = "/node/")
        : rt_(rt), prefix_(std::move(prefix)) {}
    [[nodiscard]] result<std::unique_ptr<ctdbd::local_store>> open(const ctdbd::store_spec& spec
    ) override;
    [[nodiscard]] result<std::vector<std::string>> find_persistent() override { return on_disk; }
    [[nodiscard]] std::string health(const std::string& name) const override;
    result<> set_health(const std::string& name, const std::string& reason) override;

    [[nodiscard]] fake_store& of(const std::string& name) { return *open_.at(name); }
    [[nodiscard]] bytes saved_lineage(const std::string& name) const override;
    result<> save_lineages(const std::map<std::string, bytes>& lineages) override;
    std::map<std::string, bytes> lineages; // on disk
    std::vector<std::string> on_disk;
    std::map<std::string, std::string> unhealthy;
    std::set<std::string> unopenable;
    std::function<void(fake_store&)> on_open; // sets a new store up

private:
    async::runtime& rt_;
    std::string prefix_;
    std::map<std::string, fake_store*> open_; // by name; the databases own them
};

} // namespace ctdb::testing
