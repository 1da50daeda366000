#include "ctdbd/database/tdb_store/tdb_store.hpp"
#include "tests/unit/ctdbd/tdb_store/store_fixture.hpp"

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <map>
#include <thread>

#include <gtest/gtest.h>

namespace ctdb::ctdbd {
namespace {

using namespace test;

enum class mode : std::uint8_t { fcntl, mutex, replicated, persistent };

store_spec::kind kind_of(mode m) {
    switch (m) {
    case mode::replicated:
        return store_spec::kind::replicated;
    case mode::persistent:
        return store_spec::kind::persistent;
    default:
        return store_spec::kind::volatile_db;
    }
}

class TdbStore : public testing::TestWithParam<mode> {
protected:
    TdbStore() {
        node.start(GetParam() == mode::mutex);
        store = node.open("a.tdb", kind_of(GetParam()));
        samba = std::make_unique<client>(store->path(), store->open_flags());
    }
    ~TdbStore() override { store.reset(); }

    node_files node;
    std::unique_ptr<local_store> store;
    std::unique_ptr<client> samba;

    bool until(const std::function<bool()>& condition) { return run_until(node.loop, condition); }
    async::time_point patience() { return node.loop.now() + 60s; }
    bool freeze() {
        std::optional<result<>> frozen;
        store->freeze([&](result<> how) { frozen = std::move(how); });
        return until([&] { return frozen.has_value(); }) && *frozen && store->is_frozen();
    }
    bool commit() {
        std::optional<result<>> committed;
        store->commit_transaction([&](result<> how) { committed = std::move(how); });
        return until([&] { return committed.has_value(); }) && *committed;
    }
    [[nodiscard]] std::string value(const std::string& key) const {
        std::string found = "-";
        const auto read = store->read(view_of(key), [&](byte_view v) { found = text_of(v); });
        return read ? found : read.error().what;
    }
    [[nodiscard]] bool locks(const std::string& key) const {
        const auto locked = store->try_lock(view_of(key));
        return locked && *locked == lock_state::locked;
    }
    void samba_stores(int count) const {
        for (int i = 0; i < count; ++i) {
            ASSERT_EQ(samba->ask("store k" + std::to_string(i) + " v"), "ok");
        }
    }
    // A walk of so many records up to the one whose chain is busy, and its end after `meanwhile`.
    // How often each key was seen.
    std::map<std::string, int>
    walk_around_busy_k7(int count, const std::function<void()>& meanwhile) {
        samba_stores(count);
        EXPECT_EQ(samba->ask("lock k7"), "ok");
        walk_position position;
        std::map<std::string, int> seen;
        const auto visit = [&](byte_view key, byte_view) { ++seen[std::string(text_of(key))]; };
        for (int i = 0; i < 1000 && !position.blocked; ++i) {
            const auto state = store->walk(position, 10, visit);
            EXPECT_TRUE(state && *state == walk_state::more);
        }
        EXPECT_TRUE(position.blocked);
        EXPECT_GT(seen.size(), static_cast<std::size_t>(count) * 5 / 6);
        EXPECT_EQ(seen.count("k7"), 0u);
        EXPECT_EQ(samba->ask("unlock k7"), "ok");
        meanwhile();
        const auto state = store->walk(position, 10, visit);
        EXPECT_TRUE(state && *state == walk_state::finished);
        return seen;
    }
    // Sizes of all records a walk from here sees.
    std::map<std::string, int> walk_all(walk_position position = {}) {
        std::map<std::string, int> seen;
        for (int calls = 0; calls < 100000; ++calls) {
            const auto state = store->walk(position, 5, [&](byte_view key, byte_view) {
                ++seen[std::string(text_of(key))];
            });
            EXPECT_TRUE(state) << state.error().what;
            if (!state || *state == walk_state::finished) {
                return seen;
            }
        }
        ADD_FAILURE() << "endless walk";
        return seen;
    }
    static bytes buffer_of(const std::string& key, std::uint64_t rsn, const std::string& text) {
        protocol::record_buffer_writer buffer(db_id{1});
        protocol::record_header header;
        header.rsn = ctdb::rsn{rsn};
        buffer.append(view_of(key), header, view_of(text));
        return buffer.take();
    }
    // The process ids of the agents: children of this one that run the program.
    static std::vector<pid_t> agents() {
        std::vector<pid_t> found;
        for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
            const std::string name = entry.path().filename();
            std::ifstream stat(entry.path() / "stat");
            std::string pid;
            std::string program;
            std::string state;
            pid_t parent = 0;
            stat >> pid >> program >> state >> parent;
            if (stat && parent == getpid() && program == "(ctdb-lock-agent)" && state != "Z") {
                found.push_back(std::stoi(pid));
            }
        }
        return found;
    }
    // Without serving the loop. The locks of a dying process go a moment before its socket does.
    static void wait_until_agents_are_gone() {
        for (int i = 0; i < 100000 && !agents().empty(); ++i) {
            std::this_thread::yield();
        }
    }
    // k is old, but a transaction that has not been committed deletes it.
    void wipe_in_transaction(bool& freeze_lost) {
        ASSERT_EQ(samba->ask("store k old"), "ok");
        store->on_freeze_lost([&] { freeze_lost = true; });
        ASSERT_TRUE(freeze());
        ASSERT_TRUE(store->begin_transaction());
        ASSERT_TRUE(store->wipe());
    }
    static void kill_agents() {
        for (const pid_t agent : agents()) {
            ::kill(agent, SIGKILL);
        }
    }
};

// Room for a large record among small ones that stay: only after the pieces were put together.
TEST_P(TdbStore, TidyingPutsTheSpaceOfDeletedRecordsTogether) {
    if (GetParam() == mode::persistent) {
        GTEST_SKIP() << "persistent databases are not vacuumed";
    }
    const auto key = [](int i) { return fmt::format("record {}", i); };
    const auto change = [&](int i, bool there) {
        ASSERT_TRUE(locks(key(i)));
        const result<> done =
            there ? store->write(view_of(key(i)), raw_value(1, std::string(200, 'x')))
                  : store->erase(view_of(key(i)));
        store->unlock(view_of(key(i)));
        ASSERT_TRUE(done);
    };
    constexpr int count = 3000;
    for (int i = 0; i < count; ++i) {
        change(i, true);
    }
    for (int i = 0; i < count; ++i) {
        if (i % 10 != 0) {
            change(i, false);
        }
    }
    store->tidy(100);
    ASSERT_TRUE(until([&] { return !dynamic_cast<const tdb_store&>(*store).tidying(); }));
    const auto size = std::filesystem::file_size(store->path());
    ASSERT_TRUE(locks("large"));
    ASSERT_TRUE(store->write(view_of("large"), raw_value(1, std::string(300'000, 'y'))));
    store->unlock(view_of("large"));
    EXPECT_EQ(std::filesystem::file_size(store->path()), size);
    EXPECT_EQ(walk_all().size(), static_cast<std::size_t>(count / 10 + 1));
}

// Created and deleted for ever, as Samba's locking.tdb: the file stays as large as the first rounds
// made it.
TEST_P(TdbStore, DoesNotGrowUnderCreatingAndDeleting) {
    std::uintmax_t early = 0;
    for (int round = 0; round < 30; ++round) {
        for (int i = 0; i < 300; ++i) {
            const std::string key = fmt::format("round {} record {}", round, i);
            const std::string text(
                static_cast<std::size_t>(100 + (i * 37 + round * 91) % 900), 'x'
            );
            ASSERT_TRUE(locks(key));
            ASSERT_TRUE(store->write(view_of(key), raw_value(1, text)));
            store->unlock(view_of(key));
        }
        for (int i = 0; i < 300; ++i) {
            const std::string key = fmt::format("round {} record {}", round, i);
            ASSERT_TRUE(locks(key));
            ASSERT_TRUE(store->erase(view_of(key)));
            store->unlock(view_of(key));
        }
        store->tidy(100);
        if (round == 5) {
            early = std::filesystem::file_size(store->path());
        }
    }
    EXPECT_LE(std::filesystem::file_size(store->path()), early * 2);
    EXPECT_TRUE(walk_all().empty());
}

INSTANTIATE_TEST_SUITE_P(
    Modes,
    TdbStore,
    testing::Values(mode::fcntl, mode::mutex, mode::replicated, mode::persistent),
    [](const auto& m) {
        return m.param == mode::fcntl        ? "Fcntl"
               : m.param == mode::mutex      ? "Mutex"
               : m.param == mode::replicated ? "Replicated"
                                             : "Persistent";
    }
);

// ---- record locks ----

TEST_P(TdbStore, SharesRecordsAndLocksWithClients) {
    ASSERT_TRUE(locks("k"));
    ASSERT_TRUE(store->write(view_of("k"), view_of("he"), view_of("ad")));
    EXPECT_EQ(value("k"), "head");
    EXPECT_EQ(samba->ask("trylock k"), "busy");
    store->unlock(view_of("k"));
    EXPECT_EQ(samba->ask("read k"), "head");
    ASSERT_EQ(samba->ask("lock k"), "ok");
    EXPECT_FALSE(locks("k"));
}

TEST_P(TdbStore, CallsWhenTheClientLetsGoWithTheChainHeld) {
    ASSERT_EQ(samba->ask("lock k"), "ok");
    int called = 0;
    std::string inside;
    std::string client_saw;
    store->lock_when_free(view_of("k"), [&](const result<>& how) {
        ASSERT_TRUE(how);
        ++called;
        inside = value("k");
        ASSERT_TRUE(locks("k")); // the engine's own guard nests
        ASSERT_TRUE(store->write(view_of("k"), view_of("ours")));
        store->unlock(view_of("k"));
        client_saw = samba->ask("trylock k");
    });
    run_for(node.loop, 20ms);
    EXPECT_EQ(called, 0);
    ASSERT_EQ(samba->ask("store k theirs"), "ok");
    ASSERT_EQ(samba->ask("unlock k"), "ok");
    ASSERT_TRUE(until([&] { return called > 0; }));
    EXPECT_EQ(inside, "theirs");
    EXPECT_EQ(client_saw, "busy");
    EXPECT_EQ(samba->ask("lock k"), "ok"); // it ended with the call
    EXPECT_EQ(samba->ask("read k"), "ours");
    EXPECT_EQ(called, 1);
}

TEST_P(TdbStore, FreeChainIsServedWithoutAnAgent) {
    bool called = false;
    store->lock_when_free(view_of("k"), [&](const result<>& how) { called = how.has_value(); });
    EXPECT_FALSE(called); // from the loop
    ASSERT_TRUE(until([&] { return called; }));
    EXPECT_EQ(node.agents.agents_running(), 0u);
    EXPECT_EQ(samba->ask("trylock k"), "ok");
}

TEST_P(TdbStore, CallbackMayWaitForTheSameChainAgain) {
    ASSERT_EQ(samba->ask("lock k"), "ok");
    int called = 0;
    std::function<void(const result<>&)> again = [&](const result<>& how) {
        ASSERT_TRUE(how);
        if (++called < 3) {
            store->lock_when_free(view_of("k"), again);
        }
    };
    store->lock_when_free(view_of("k"), again);
    run_for(node.loop, 10ms);
    ASSERT_EQ(samba->ask("unlock k"), "ok");
    EXPECT_TRUE(until([&] { return called == 3; }));
}

TEST_P(TdbStore, CancelledWaitIsForgotten) {
    ASSERT_EQ(samba->ask("lock k"), "ok");
    bool called = false;
    store->lock_when_free(view_of("k"), [&](const result<>&) { called = true; });
    run_for(node.loop, 20ms);
    store->cancel_wait(view_of("k"));
    ASSERT_EQ(samba->ask("unlock k"), "ok");
    run_for(node.loop, 20ms);
    EXPECT_FALSE(called);
    EXPECT_TRUE(locks("k"));
    store->unlock(view_of("k"));
}

TEST_P(TdbStore, WaitSurvivesTheDeathOfItsAgent) {
    ASSERT_EQ(samba->ask("lock k"), "ok");
    bool called = false;
    store->lock_when_free(view_of("k"), [&](const result<>& how) { called = how.has_value(); });
    ASSERT_TRUE(until([] { return !agents().empty(); }));
    kill_agents();
    run_for(node.loop, 20ms);
    EXPECT_FALSE(called);
    ASSERT_EQ(samba->ask("unlock k"), "ok");
    EXPECT_TRUE(until([&] { return called; }));
}

TEST_P(TdbStore, AnswerOfAnAgentKilledBeforeItIsReadIsNotBelieved) {
    ASSERT_EQ(samba->ask("lock k"), "ok");
    bool called = false;
    store->lock_when_free(view_of("k"), [&](const result<>& how) { called = how.has_value(); });
    ASSERT_TRUE(until([] { return !agents().empty(); }));
    run_for(node.loop, 20ms); // it sleeps for the lock
    const std::vector<pid_t> first = agents();
    ASSERT_EQ(samba->ask("unlock k"), "ok");
    client third(store->path(), store->open_flags());
    for (int i = 0; i < 1000 && third.ask("trylock k") == "ok"; ++i) {
        ASSERT_EQ(third.ask("unlock k"), "ok"); // until the agent has it
        std::this_thread::yield();
    }
    kill_agents();
    ASSERT_EQ(third.ask("lock k"), "ok"); // the dead agent's lock is gone
    wait_until_agents_are_gone();
    run_for(node.loop, 50ms);
    EXPECT_FALSE(called);
    ASSERT_EQ(third.ask("unlock k"), "ok");
    EXPECT_TRUE(until([&] { return called; }));
    EXPECT_NE(agents(), first);
}

TEST_P(TdbStore, CallbackMayDestroyTheStore) {
    ASSERT_EQ(samba->ask("lock k"), "ok");
    store->lock_when_free(view_of("k"), [&](const result<>&) { store.reset(); });
    run_for(node.loop, 20ms);
    ASSERT_EQ(samba->ask("unlock k"), "ok");
    ASSERT_TRUE(until([&] { return store == nullptr; }));
    EXPECT_EQ(samba->ask("lock k"), "ok");
}

TEST_P(TdbStore, CallbackOfAFreeChainMayDestroyTheStore) {
    store->lock_when_free(view_of("k"), [&](const result<>&) { store.reset(); });
    ASSERT_TRUE(until([&] { return store == nullptr; }));
    EXPECT_EQ(samba->ask("lock k"), "ok");
}

TEST_P(TdbStore, DestroyingTheStoreEndsItsWaitsAndItsFreeze) {
    ASSERT_TRUE(freeze());
    store->lock_when_free(view_of("k"), [](const result<>&) { FAIL(); });
    store.reset();
    EXPECT_EQ(samba->ask("lock k"), "ok");
    run_for(node.loop, 20ms);
}

// ---- freeze and transaction ----

TEST_P(TdbStore, FreezeWaitsForAClientsLockAndThenKeepsClientsOut) {
    ASSERT_EQ(samba->ask("lock k"), "ok");
    bool frozen = false;
    store->freeze([&](const result<>& how) { frozen = how.has_value(); });
    run_for(node.loop, 20ms);
    EXPECT_FALSE(frozen || store->is_frozen());
    ASSERT_EQ(samba->ask("unlock k"), "ok");
    ASSERT_TRUE(until([&] { return frozen; }));
    EXPECT_TRUE(store->is_frozen());
    EXPECT_FALSE(locks("k")); // L3
    samba->say("store k theirs");
    EXPECT_TRUE(samba->silent_for(50ms));
    ASSERT_TRUE(store->write(view_of("k"), view_of("ours")));
    EXPECT_EQ(value("k"), "ours");
    store->thaw();
    EXPECT_FALSE(store->is_frozen());
    EXPECT_EQ(samba->answer(), "ok");
    EXPECT_EQ(samba->ask("read k"), "theirs");
}

TEST_P(TdbStore, TransactionIsInvisibleBeforeItsCommit) {
    ASSERT_EQ(samba->ask("store k old"), "ok");
    ASSERT_TRUE(freeze());
    ASSERT_TRUE(store->begin_transaction());
    ASSERT_TRUE(store->wipe());
    ASSERT_TRUE(store->write(view_of("k"), view_of("new")));
    samba->say("read k");
    EXPECT_TRUE(samba->silent_for(50ms));
    store->cancel_transaction();
    EXPECT_EQ(value("k"), "old");
    store->thaw();
    EXPECT_EQ(samba->answer(), "old");

    ASSERT_TRUE(freeze());
    ASSERT_TRUE(store->begin_transaction());
    ASSERT_TRUE(store->wipe());
    ASSERT_TRUE(store->write(view_of("k"), view_of("new")));
    samba->say("read k");
    EXPECT_TRUE(samba->silent_for(50ms));
    ASSERT_TRUE(commit());
    EXPECT_TRUE(samba->silent_for(50ms));
    store->thaw();
    EXPECT_EQ(samba->answer(), "new");
}

TEST_P(TdbStore, ThawWithATransactionOpenCancelsIt) {
    ASSERT_EQ(samba->ask("store k old"), "ok");
    ASSERT_TRUE(freeze());
    ASSERT_TRUE(store->begin_transaction());
    ASSERT_TRUE(store->wipe());
    store->thaw();
    EXPECT_EQ(samba->ask("read k"), "old");
}

TEST_P(TdbStore, ThawCancelsAFreezeUnderWay) {
    ASSERT_EQ(samba->ask("lock k"), "ok");
    store->freeze([](const result<>&) { FAIL() << "was cancelled"; });
    run_for(node.loop, 20ms);
    store->thaw();
    ASSERT_EQ(samba->ask("unlock k"), "ok");
    run_for(node.loop, 20ms);
    EXPECT_TRUE(locks("k"));
    store->unlock(view_of("k"));
    EXPECT_TRUE(freeze());
}

TEST_P(TdbStore, DeathOfTheFreezeAgentThawsCancelsAndTells) {
    bool lost = false;
    wipe_in_transaction(lost);
    ASSERT_FALSE(HasFatalFailure());
    kill_agents();
    ASSERT_TRUE(until([&] { return lost; }));
    EXPECT_FALSE(store->is_frozen());
    EXPECT_EQ(samba->ask("read k"), "old");
    ASSERT_TRUE(locks("k"));
    EXPECT_EQ(value("k"), "old");
    store->unlock(view_of("k"));
    EXPECT_TRUE(freeze());
}

TEST_P(TdbStore, CommitIsRefusedOnceTheFreezeAgentIsDead) {
    ASSERT_EQ(samba->ask("store k old"), "ok");
    ASSERT_TRUE(freeze());
    ASSERT_TRUE(store->begin_transaction());
    ASSERT_TRUE(store->write(view_of("k"), view_of("new")));
    kill_agents();
    wait_until_agents_are_gone();
    EXPECT_EQ(samba->ask("read k"), "old"); // the lock is gone, the loop does not know yet
    EXPECT_TRUE(store->is_frozen());
    EXPECT_FALSE(commit());
    EXPECT_EQ(samba->ask("read k"), "old");
    EXPECT_FALSE(store->begin_transaction());
    bool lost = false;
    store->on_freeze_lost([&] { lost = true; });
    EXPECT_TRUE(until([&] { return lost; }));
}

TEST_P(TdbStore, WhatIsChangedInATransactionIsNotReadBeforeItsCommit) {
    ASSERT_EQ(samba->ask("store k old"), "ok");
    ASSERT_TRUE(freeze());
    ASSERT_TRUE(store->begin_transaction());
    EXPECT_EQ(value("k"), "old");
    ASSERT_TRUE(store->write(view_of("k"), view_of("new")));
    EXPECT_FALSE(store->read(view_of("k"), [](byte_view) {}));
    walk_position position;
    EXPECT_FALSE(store->walk(position, 1, [](byte_view, byte_view) {}));
    ASSERT_TRUE(commit());
    EXPECT_EQ(value("k"), "new");
}

TEST_P(TdbStore, SecondTransactionInOneFreezeWorks) {
    ASSERT_TRUE(freeze());
    for (const std::string text : {"one", "two"}) {
        ASSERT_TRUE(store->begin_transaction());
        ASSERT_TRUE(store->write(view_of("k"), view_of(text)));
        ASSERT_TRUE(store->erase(view_of("gone")));
        ASSERT_TRUE(commit());
        EXPECT_EQ(value("k"), text);
    }
}

// Killed while it commits: a file of libtdb's transactions has its old content, another is known to
// hold a part until a commit succeeds.
TEST_P(TdbStore, DeathOfTheAgentWhileItCommits) {
    bool lost = false;
    wipe_in_transaction(lost);
    ASSERT_FALSE(HasFatalFailure());
    ASSERT_TRUE(store->write(view_of("k"), view_of("new")));
    for (const pid_t agent : agents()) {
        ::kill(agent, SIGSTOP);
    }
    std::optional<result<>> committed;
    store->commit_transaction([&](result<> how) { committed = std::move(how); });
    kill_agents();
    ASSERT_TRUE(until([&] { return lost; }));
    ASSERT_TRUE(committed.has_value());
    EXPECT_FALSE(*committed);
    EXPECT_EQ(store->holds_a_part(), GetParam() != mode::persistent);
    EXPECT_EQ(samba->ask("read k"), "old"); // it had not begun

    ASSERT_TRUE(freeze());
    ASSERT_TRUE(store->begin_transaction());
    ASSERT_TRUE(store->write(view_of("k"), view_of("new")));
    ASSERT_TRUE(commit());
    EXPECT_FALSE(store->holds_a_part());
    EXPECT_EQ(value("k"), "new");
}

TEST_P(TdbStore, ThawDuringACommitLetsGoWhenTheFileIsDone) {
    ASSERT_EQ(samba->ask("store k old"), "ok");
    ASSERT_TRUE(freeze());
    ASSERT_TRUE(store->begin_transaction());
    ASSERT_TRUE(store->wipe());
    ASSERT_TRUE(store->write(view_of("k"), view_of("new")));
    store->commit_transaction([](const result<>&) { FAIL() << "thawed"; });
    store->thaw();
    EXPECT_EQ(samba->ask("read k"), "new");
    ASSERT_TRUE(freeze()); // the agent has ended its work before it gets more
    EXPECT_EQ(value("k"), "new");
}

TEST_P(TdbStore, FreezeLostCallbackMayDestroyTheStore) {
    store->on_freeze_lost([&] { store.reset(); });
    ASSERT_TRUE(freeze());
    kill_agents();
    EXPECT_TRUE(until([&] { return store == nullptr; }));
}

TEST_P(TdbStore, WaitsRestWhileFrozenAndAreServedAfterTheThaw) {
    ASSERT_TRUE(freeze());
    bool called = false;
    store->lock_when_free(view_of("k"), [&](const result<>& how) { called = how.has_value(); });
    run_for(node.loop, 20ms);
    EXPECT_FALSE(called);
    EXPECT_EQ(node.agents.agents_running(), 1u); // none waits for it
    store->thaw();
    EXPECT_TRUE(until([&] { return called; }));
}

TEST_P(TdbStore, FrozenStoreServesNoWaitBeforeTheThaw) {
    ASSERT_EQ(samba->ask("lock k"), "ok");
    bool called = false;
    store->lock_when_free(view_of("k"), [&](const result<>& how) {
        EXPECT_TRUE(how);
        EXPECT_FALSE(store->is_frozen());
        called = true;
    });
    run_for(node.loop, 20ms); // with an agent now
    bool frozen = false;
    store->freeze([&](const result<>& how) { frozen = how.has_value(); });
    run_for(node.loop, 20ms);
    ASSERT_EQ(samba->ask("unlock k"), "ok");
    ASSERT_TRUE(until([&] { return frozen; })); // the wait is served before or after
    store->thaw();
    EXPECT_TRUE(until([&] { return called; }));
}

// Clients, the store under chain locks and frozen transactions all raise one number.
TEST_P(TdbStore, NoIncrementIsLostBetweenClientsAndTheStore) {
    client second(store->path(), store->open_flags());
    const auto raise = [&] {
        const std::string old = value("k");
        ASSERT_TRUE(store->write(
            view_of("k"), view_of(std::to_string((old == "-" ? 0 : std::stol(old)) + 1))
        ));
    };
    samba->say("add k 2000");
    second.say("add k 2000");
    int raised = 0;
    for (int i = 0; i < 300; ++i) {
        bool done = false;
        if (i % 30 == 29) {
            store->freeze([&](const result<>& how) {
                ASSERT_TRUE(how && store->begin_transaction());
                raise();
                store->commit_transaction([&](const result<>& committed) {
                    ASSERT_TRUE(committed);
                    store->thaw();
                    done = true;
                });
            });
        } else if (locks("k")) {
            raise();
            store->unlock(view_of("k"));
            done = true;
        } else {
            store->lock_when_free(view_of("k"), [&](const result<>& how) {
                ASSERT_TRUE(how);
                raise();
                done = true;
            });
        }
        ASSERT_TRUE(until([&] { return done; }));
        ++raised;
    }
    EXPECT_EQ(samba->answer(30s), "ok");
    EXPECT_EQ(second.answer(30s), "ok");
    EXPECT_EQ(samba->ask("read k"), std::to_string(4000 + raised));
}

// ---- walk ----

TEST_P(TdbStore, WalksEverythingOnceWhenFrozenAlsoInsideATransaction) {
    samba_stores(300);
    ASSERT_TRUE(freeze());
    for (int turn = 0; turn < 2; ++turn) {
        const auto seen = walk_all();
        EXPECT_EQ(seen.size(), 300u);
        for (const auto& [key, times] : seen) {
            EXPECT_EQ(times, 1) << key;
        }
        if (turn == 0) {
            ASSERT_TRUE(store->begin_transaction());
        }
    }
}

// However few it asks for at a time: each record once, and no more at a time than that and the rest
// of a chain.
TEST_P(TdbStore, WalksAFrozenDatabaseInBoundedSteps) {
    std::map<std::uint32_t, std::size_t> in_chain;
    for (int i = 0; i < 500; ++i) {
        const std::string key = "k" + std::to_string(i);
        ASSERT_EQ(samba->ask("store " + key + " v"), "ok");
        ++in_chain[store->chain_of(view_of(key))];
    }
    const auto longest =
        std::ranges::max_element(in_chain, {}, [](const auto& chain) { return chain.second; });
    ASSERT_TRUE(freeze());
    for (const std::size_t step : {1u, 7u, 64u, 500u, 5000u}) {
        walk_position position;
        std::map<std::string, int> seen;
        walk_state state = walk_state::more;
        while (state == walk_state::more) {
            std::size_t now = 0;
            const auto walked = store->walk(position, step, [&](byte_view key, byte_view) {
                ++seen[std::string(text_of(key))];
                ++now;
            });
            ASSERT_TRUE(walked) << walked.error().what;
            ASSERT_LT(now, step + longest->second);
            state = *walked;
        }
        EXPECT_EQ(seen.size(), 500u) << step;
        for (const auto& [key, times] : seen) {
            ASSERT_EQ(times, 1) << key << " by " << step;
        }
    }
}

TEST_P(TdbStore, WalksALiveDatabaseAndComesBackForBusyChains) {
    auto seen = walk_around_busy_k7(300, [] {});
    EXPECT_EQ(seen.size(), 300u);
    EXPECT_EQ(seen["k7"], 1);
}

TEST_P(TdbStore, WalkGoesOnAfterAFreezeCame) {
    const auto seen = walk_around_busy_k7(100, [this] { EXPECT_TRUE(freeze()); });
    EXPECT_EQ(seen.size(), 100u);
}

// ---- updates ----

TEST_P(TdbStore, AppliesUpdatesInOrder) {
    std::vector<std::string> order;
    for (std::uint64_t i = 1; i <= 5; ++i) {
        store->apply_update(
            buffer_of("k", i, std::to_string(i)),
            false,
            patience(),
            [&, i](const result<>& how) {
                order.push_back(std::to_string(i) + (how ? "" : how.error().what));
            }
        );
    }
    ASSERT_TRUE(until([&] { return order.size() == 5; }));
    EXPECT_EQ(order, (std::vector<std::string>{"1", "2", "3", "4", "5"}));
    EXPECT_EQ(samba->ask("read k").substr(24), "5");
}

TEST_P(TdbStore, ReportsARefusedUpdateAndGoesOnWithTheNext) {
    std::vector<int> codes;
    const auto note = [&](const result<>& how) { codes.push_back(how ? 0 : how.error().code); };
    store->apply_update(buffer_of("k", 5, "five"), false, patience(), note);
    store->apply_update(buffer_of("k", 4, "four"), false, patience(), note);
    store->apply_update(to_bytes("nonsense"), false, patience(), note);
    store->apply_update(buffer_of("new", 1, "skipped"), true, patience(), note);
    store->apply_update(buffer_of("k", 6, "six"), true, patience(), note);
    ASSERT_TRUE(until([&] { return codes.size() == 5; }));
    EXPECT_EQ(codes, (std::vector<int>{0, EEXIST, EINVAL, 0, 0}));
    EXPECT_EQ(samba->ask("read k").substr(24), "six");
    EXPECT_EQ(samba->ask("read new"), "-");
}

TEST_P(TdbStore, UpdateWaitsForTheThaw) {
    ASSERT_TRUE(freeze());
    std::optional<result<>> done;
    store->apply_update(buffer_of("k", 1, "v"), false, patience(), [&](result<> how) {
        done = std::move(how);
    });
    run_for(node.loop, 20ms);
    EXPECT_FALSE(done);
    EXPECT_EQ(value("k"), "-");
    store->thaw();
    ASSERT_TRUE(until([&] { return done.has_value(); }));
    EXPECT_TRUE(*done);
    EXPECT_EQ(samba->ask("read k").substr(24), "v");
}

TEST_P(TdbStore, UpdateOvertakenByAFrozenTransactionIsNotApplied) {
    ASSERT_EQ(samba->ask("lockall"), "ok");
    std::vector<int> codes;
    const auto note = [&](const result<>& how) { codes.push_back(how ? 0 : how.error().code); };
    store->apply_update(buffer_of("k", 1, "old"), false, patience(), note);
    store->apply_update(buffer_of("j", 1, "old"), false, patience(), note);
    ASSERT_TRUE(until([] { return agents().size() == 1; }));
    ::kill(agents().front(), SIGSTOP); // the freeze overtakes it
    bool frozen = false;
    store->freeze([&](const result<>& how) { frozen = how.has_value(); });
    ASSERT_TRUE(until([] { return agents().size() == 2; }));
    ASSERT_EQ(samba->ask("unlockall"), "ok");
    ASSERT_TRUE(until([&] { return frozen; }));
    ASSERT_TRUE(store->begin_transaction());
    ASSERT_TRUE(store->wipe());
    ASSERT_TRUE(commit());
    EXPECT_TRUE(codes.empty()); // from the loop
    store->thaw();
    ASSERT_TRUE(until([&] { return codes.size() == 2; }));
    EXPECT_EQ(codes, (std::vector<int>{ECANCELED, ECANCELED}));
    EXPECT_EQ(samba->ask("read k"), "-");
    EXPECT_EQ(samba->ask("read j"), "-");
}

// databases.md 7.3: a client that keeps a lock does not keep the asker waiting for ever.
TEST_P(TdbStore, AnUpdateThatWaitsTooLongForAClientIsGivenUpAndTheNextOneApplied) {
    ASSERT_EQ(samba->ask("lockall"), "ok");
    std::vector<int> codes;
    const auto note = [&](const result<>& how) { codes.push_back(how ? 0 : how.error().code); };
    store->apply_update(buffer_of("k", 1, "late"), false, node.loop.now() + 50ms, note);
    store->apply_update(buffer_of("j", 1, "late"), false, node.loop.now() + 50ms, note);
    store->apply_update(buffer_of("l", 1, "in time"), false, patience(), note);
    ASSERT_TRUE(until([&] { return codes.size() == 2; }));
    EXPECT_EQ(codes, (std::vector<int>{ETIMEDOUT, ETIMEDOUT}));
    ASSERT_EQ(samba->ask("unlockall"), "ok");
    ASSERT_TRUE(until([&] { return codes.size() == 3; }));
    EXPECT_EQ(codes.back(), 0);
    EXPECT_EQ(samba->ask("read k"), "-");
    EXPECT_EQ(samba->ask("read j"), "-");
    EXPECT_EQ(samba->ask("read l").substr(24), "in time");
}

TEST_P(TdbStore, UpdateCallbackMayDestroyTheStore) {
    store->apply_update(buffer_of("k", 1, "v"), false, patience(), [&](const result<>&) {
        store.reset();
    });
    EXPECT_TRUE(until([&] { return store == nullptr; }));
}

// ---- attributes ----

TEST_P(TdbStore, EnablingTheSequenceNumberShowsInTheFlagsAndCountsEveryWrite) {
    const int before = store->open_flags();
    store->enable_sequence_number();
    EXPECT_EQ(store->open_flags(), before | 0x80);
    const std::uint32_t start = store->sequence_number();
    ASSERT_TRUE(locks("k"));
    ASSERT_TRUE(store->write(view_of("k"), view_of("h"), view_of("v")));
    store->unlock(view_of("k"));
    EXPECT_EQ(store->sequence_number(), start + 1);
    client enabled(store->path(), store->open_flags());
    ASSERT_EQ(enabled.ask("store k w"), "ok");
    EXPECT_EQ(store->sequence_number(), start + 2);
    store->raise_sequence_number();
    EXPECT_EQ(enabled.ask("seqnum"), std::to_string(start + 3));
    bool done = false;
    store->apply_update(buffer_of("j", 1, "v"), false, patience(), [&](const result<>&) {
        done = true;
    });
    ASSERT_TRUE(until([&] { return done; }));
    EXPECT_EQ(store->sequence_number(), start + 4);
    ASSERT_TRUE(freeze());
    ASSERT_TRUE(store->write(view_of("k"), view_of("x")));
    EXPECT_EQ(store->sequence_number(), start + 5);
}

} // namespace
} // namespace ctdb::ctdbd
