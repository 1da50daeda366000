// Freezes of several files by one agent.
#include "common/tdb/lock_agents.hpp"
#include "tests/unit/common/tdb/support.hpp"

#include <algorithm>
#include <csignal>
#include <set>

#include <gtest/gtest.h>

namespace ctdb::tdb {
namespace {

using namespace test;

// A file, a client of it, and its freeze.
struct database {
    database(const temporary_directory& dir, lock_agents& pool, const std::string& name, int flags)
        : path(dir.file(name)), agents(pool), number(pool.opened(name, path, flags)) {}
    ~database() {
        job.reset();
        agents.closed(number.number);
    }
    database(const database&) = delete;
    database& operator=(const database&) = delete;

    void freeze(freezing how = freezing::quick) {
        done.reset();
        lost = false;
        agent_job::events handlers;
        handlers.on_done = [this](result<> now) { done = std::move(now); };
        handlers.on_lost = [this] { lost = true; };
        job = agents.lock_all(number, how, std::move(handlers));
    }
    // Its new content: k, and so many others.
    void rewrite(const std::string& value, int others = 0) {
        auto journal = rewrite_journal::begin();
        ASSERT_TRUE(journal && journal->wipe() && journal->store(view_of("k"), view_of(value), {}));
        for (int i = 0; i < others; ++i) {
            ASSERT_TRUE(journal->store(view_of(fmt::format("o{}", i)), view_of(value), {}));
        }
        const auto order = journal->finish(rewrite_mode::in_place);
        ASSERT_TRUE(order);
        rewritten.reset();
        const auto sent = job->rewrite(journal->fd(), *order, [this](result<> how) {
            rewritten = std::move(how);
        });
        ASSERT_TRUE(sent) << sent.error().what;
    }
    [[nodiscard]] bool frozen() const { return done && done->has_value() && job->really_holds(); }

    std::string path;
    lock_agents& agents;
    agent_file number;
    std::unique_ptr<file> handle = make_file(path, number.flags);
    client samba{path, number.flags};
    lock_agents::job_ptr job;
    std::optional<result<>> done;
    std::optional<result<>> rewritten;
    bool lost = false;
};

class SharedAgents : public testing::TestWithParam<int> {
protected:
    static lock_agent_settings settings() {
        lock_agent_settings made;
        made.program = agent_program();
        made.quick_agents_max = 1;
        return made;
    }
    temporary_directory dir;
    async::event_loop loop;
    lock_agents agents{loop, settings()};
    std::vector<std::unique_ptr<database>> files;
    int made = 0;

    database& add() {
        const std::string name = fmt::format("{}.tdb.0", made++);
        files.push_back(std::make_unique<database>(dir, agents, name, GetParam()));
        return *files.back();
    }
    bool all_frozen() {
        return run_until(loop, [this] {
            return std::ranges::all_of(files, [](const auto& each) { return each->frozen(); });
        });
    }
    // Freezes `count` new ones.
    void freeze_some(int count) {
        for (int i = 0; i < count; ++i) {
            add().freeze();
        }
        ASSERT_TRUE(all_frozen());
    }
    [[nodiscard]] std::set<pid_t> pids() const {
        std::set<pid_t> all;
        for (const auto& each : files) {
            all.insert(each->job->agent_pid());
        }
        return all;
    }
    bool until_rewritten(const database& of) {
        return run_until(loop, [&] { return of.rewritten.has_value(); }) &&
               of.rewritten->has_value();
    }
};
INSTANTIATE_TEST_SUITE_P(
    Modes,
    SharedAgents,
    testing::Values(fcntl_flags, mutex_flags),
    [](const auto& mode) { return mode.param == fcntl_flags ? "Fcntl" : "Mutex"; }
);

TEST_P(SharedAgents, OneHoldsManyFilesAndReleasesEachByItself) {
    freeze_some(4);
    EXPECT_EQ(agents.agents_running(), 1u);
    for (const auto& each : files) {
        each->samba.say("lock k");
    }
    files[2]->job->release();
    EXPECT_EQ(files[2]->samba.answer(), "ok");
    EXPECT_TRUE(files[1]->samba.silent_for(50ms));
    EXPECT_TRUE(files[3]->samba.silent_for(1ms));
    files[1]->job.reset();
    EXPECT_EQ(files[1]->samba.answer(), "ok");
    EXPECT_TRUE(files[0]->frozen() && files[3]->frozen());
}

TEST_P(SharedAgents, TheSameProcessServesTheNextRecovery) {
    freeze_some(3);
    const std::set<pid_t> first = pids();
    for (const auto& each : files) {
        each->job->release();
    }
    for (const auto& each : files) {
        each->freeze();
    }
    ASSERT_TRUE(all_frozen());
    EXPECT_EQ(pids(), first);
    EXPECT_EQ(agents.agents_running(), 1u);
}

TEST_P(SharedAgents, OneGivesEachFileItsContent) {
    freeze_some(3);
    for (std::size_t i = 0; i < files.size(); ++i) {
        files[i]->rewrite(fmt::format("value{}", i));
    }
    for (std::size_t i = 0; i < files.size(); ++i) {
        ASSERT_TRUE(until_rewritten(*files[i]));
        files[i]->job->release();
        EXPECT_EQ(files[i]->samba.ask("read k"), fmt::format("value{}", i));
    }
}

TEST_P(SharedAgents, ALongRewriteGoesOnBetweenWhatOthersNeed) {
    constexpr int many = 20'000;
    freeze_some(3);
    files[0]->rewrite("long", many);
    files[1]->rewrite("short");
    ASSERT_TRUE(until_rewritten(*files[1]));
    files[1]->job->release();
    files[2]->job->release();
    files[2]->freeze(); // again
    ASSERT_TRUE(run_until(loop, [this] { return files[2]->frozen(); }));
    EXPECT_FALSE(files[0]->rewritten);
    EXPECT_EQ(files[1]->samba.ask("read k"), "short");
    ASSERT_TRUE(until_rewritten(*files[0]));
    files[0]->job->release();
    EXPECT_EQ(files[0]->samba.ask(fmt::format("read o{}", many - 1)), "long");
}

TEST_P(SharedAgents, AFileThatAClientLocksGetsAnAgentThatWaits) {
    database& busy = add();
    ASSERT_EQ(busy.samba.ask("lock k"), "ok");
    busy.freeze();
    database& free = add();
    free.freeze();
    ASSERT_TRUE(run_until(loop, [&] { return free.frozen() && agents.agents_running() == 2; }));
    run_for(loop, 20ms);
    EXPECT_FALSE(busy.done);
    free.job->release();
    EXPECT_EQ(free.samba.ask("lock k"), "ok");
    ASSERT_EQ(busy.samba.ask("unlock k"), "ok");
    ASSERT_TRUE(run_until(loop, [&] { return busy.frozen(); }));
    busy.rewrite("new");
    ASSERT_TRUE(until_rewritten(busy));
}

TEST_P(SharedAgents, DeathLosesAllAndEachIsTold) {
    freeze_some(3);
    const pid_t pid = *pids().begin();
    ::kill(pid, SIGKILL);
    ASSERT_TRUE(run_until(loop, [this] {
        return std::ranges::all_of(files, [](const auto& each) { return each->lost; });
    }));
    for (const auto& each : files) {
        EXPECT_FALSE(each->job->really_holds());
        EXPECT_EQ(each->samba.ask("lock k"), "ok");
        EXPECT_EQ(each->samba.ask("unlock k"), "ok");
        each->freeze();
    }
    ASSERT_TRUE(all_frozen());
    EXPECT_EQ(pids().size(), 1u); // none was to blame
    EXPECT_NE(*pids().begin(), pid);
}

TEST_P(SharedAgents, WhoIsToldOfALossMayDestroyTheOthers) {
    freeze_some(3);
    int told = 0;
    for (const auto& each : files) {
        each->job.reset();
        agent_job::events handlers;
        handlers.on_done = [raw = each.get()](result<> now) { raw->done = std::move(now); };
        handlers.on_lost = [&] {
            ++told;
            for (const auto& other : files) {
                other->job.reset();
            }
        };
        each->done.reset();
        each->job = agents.lock_all(each->number, freezing::quick, std::move(handlers));
    }
    ASSERT_TRUE(run_until(loop, [this] {
        return std::ranges::all_of(files, [](const auto& each) { return each->done.has_value(); });
    }));
    ::kill(*pids().begin(), SIGKILL);
    ASSERT_TRUE(run_until(loop, [&] { return told > 0; }));
    run_for(loop, 20ms);
    EXPECT_EQ(told, 1);
}

TEST_P(SharedAgents, AFileOverWhichOneDiedSharesNoneAnyMore) {
    freeze_some(3);
    const pid_t pid = *pids().begin();
    ::kill(pid, SIGSTOP);
    files[1]->rewrite("never");
    ::kill(pid, SIGKILL);
    ASSERT_TRUE(run_until(loop, [this] { return files[0]->lost && files[1]->lost; }));
    for (const auto& each : files) {
        each->freeze();
    }
    ASSERT_TRUE(all_frozen());
    EXPECT_FALSE(files[1]->rewritten);
    EXPECT_EQ(files[0]->job->agent_pid(), files[2]->job->agent_pid());
    EXPECT_NE(files[1]->job->agent_pid(), files[0]->job->agent_pid());
    EXPECT_EQ(agents.agents_running(), 2u);
}

TEST_P(SharedAgents, FreezesThatWereUnderWayWhenOneDiedAreDone) {
    freeze_some(1);
    const pid_t pid = *pids().begin();
    ::kill(pid, SIGSTOP);
    database& second = add();
    second.freeze();
    ASSERT_TRUE(run_until(loop, [&] { return second.job->agent_pid() == pid; }));
    ::kill(pid, SIGKILL);
    ASSERT_TRUE(run_until(loop, [&] { return second.frozen(); }));
    EXPECT_TRUE(files[0]->lost);
}

TEST_P(SharedAgents, WhatAnAbandonedFreezeGetsIsReleased) {
    freeze_some(1);
    const pid_t pid = *pids().begin();
    ::kill(pid, SIGSTOP);
    database& abandoned = add();
    abandoned.freeze();
    ASSERT_TRUE(run_until(loop, [&] { return abandoned.job->agent_pid() == pid; }));
    abandoned.job.reset();
    database& third = add();
    third.freeze();
    ::kill(pid, SIGCONT);
    ASSERT_TRUE(run_until(loop, [&] { return third.frozen(); }));
    EXPECT_FALSE(abandoned.done);
    EXPECT_EQ(abandoned.samba.ask("lock k"), "ok");
    EXPECT_TRUE(files[0]->frozen()); // the agent lives
    EXPECT_EQ(third.job->agent_pid(), pid);
}

TEST_P(SharedAgents, AReleaseDuringARewriteLetsGoWhenTheFileIsDone) {
    freeze_some(2);
    const pid_t pid = *pids().begin();
    ::kill(pid, SIGSTOP);
    files[0]->rewrite("new");
    files[0]->job->release();
    files[0]->samba.say("read k");
    files[0]->freeze(); // and is asked for again
    ::kill(pid, SIGCONT);
    ASSERT_TRUE(run_until(loop, [this] { return files[0]->frozen(); }));
    EXPECT_FALSE(files[0]->rewritten); // whoever let go is not told
    files[0]->job->release();
    EXPECT_EQ(files[0]->samba.answer(), "new");
    EXPECT_TRUE(files[1]->frozen());
}

TEST_P(SharedAgents, MoreFilesThanOneTakesGetAnother) {
    freeze_some(int{agent_set::shared_files_max} + 1);
    EXPECT_EQ(agents.agents_running(), 2u);
    files.erase(files.begin()); // there is room for it
    freeze_some(1);
    EXPECT_EQ(agents.agents_running(), 2u);
}

TEST_P(SharedAgents, OneThatDoesNotReadIsNotGivenMoreThanItTakes) {
    freeze_some(1);
    const pid_t pid = *pids().begin();
    ::kill(pid, SIGSTOP);
    database& other = add();
    for (int i = 0; i < 1000 && !other.frozen(); ++i) {
        other.freeze();
        ASSERT_TRUE(run_until(loop, [&] { return other.job->agent_pid() != 0; }));
        if (other.job->agent_pid() != pid) {
            break;
        }
        other.job.reset();
    }
    EXPECT_NE(other.job->agent_pid(), pid);
    ::kill(pid, SIGCONT); // what it has been asked keeps the file for a moment now and then
    ASSERT_TRUE(run_until(loop, [&] { return other.frozen(); }));
    EXPECT_TRUE(files[0]->frozen());
    EXPECT_FALSE(files[0]->lost);
}

TEST_P(SharedAgents, FilesThatAreSyncedOrLargeAreLeftToOthers) {
    freeze_some(1);
    database& synced = add();
    synced.freeze(freezing::waits_for_disk);
    database& large = add();
    large.freeze(freezing::takes_long);
    ASSERT_TRUE(all_frozen());
    EXPECT_EQ(pids().size(), 3u);
}

} // namespace
} // namespace ctdb::tdb
