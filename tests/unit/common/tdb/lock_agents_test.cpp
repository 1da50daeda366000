#include "common/protocol/record_buffer.hpp"
#include "common/tdb/guarded_file.hpp"
#include "common/tdb/lock_agents.hpp"
#include "tests/unit/common/tdb/support.hpp"

#include <array>
#include <csignal>

#include <gtest/gtest.h>

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

namespace ctdb::tdb {
namespace {

using namespace test;

lock_agent_settings settings_with(std::function<void(const stuck_lock&)> stuck = {}) {
    lock_agent_settings settings;
    settings.program = agent_program();
    if (stuck) {
        settings.warn_after = 50ms;
        settings.stuck = std::move(stuck);
    }
    return settings;
}

// One job and what became of it.
struct watched {
    lock_agents::job_ptr job;
    std::optional<result<>> done;
    bool lost = false;

    agent_job::events events() {
        agent_job::events handlers;
        handlers.on_done = [this](result<> how) { done = std::move(how); };
        handlers.on_lost = [this] { lost = true; };
        return handlers;
    }
    [[nodiscard]] bool got_it() const { return done && done->has_value(); }
};

class LockAgents : public testing::TestWithParam<int> {
protected:
    temporary_directory dir;
    std::string path = dir.file("a.tdb.0");
    guarded_file handle{make_file(path, GetParam())};
    client samba{path, GetParam()};
    async::event_loop loop;
    lock_agents agents{loop, settings_with()};
    agent_file at_agents = agents.opened("a.tdb", path, GetParam());

    void wait_for_chain(watched& wait, const std::string& key) {
        wait.job = agents.lock_chain(at_agents, to_bytes(key), wait.events());
    }
    void wait_for_all(watched& wait) {
        wait.job = agents.lock_all(at_agents, freezing::quick, wait.events());
    }
    bool until_working(const watched& wait) {
        return run_until(loop, [&] { return wait.job->now() == agent_job::state::working; });
    }
    // For a chain that samba has.
    void keep_the_only_agent_waiting(watched& wait) {
        ASSERT_EQ(samba.ask("lock k"), "ok");
        agents.set_chain_agents_max(1);
        wait_for_chain(wait, "k");
        ASSERT_TRUE(until_working(wait));
    }
    struct other_database {
        explicit other_database(LockAgents& test) : path(test.dir.file("b.tdb.0")) {
            at_agents = test.agents.opened("b.tdb", path, GetParam());
        }
        std::string path;
        std::unique_ptr<file> handle = make_file(path, GetParam());
        agent_file at_agents;
    };
};
INSTANTIATE_TEST_SUITE_P(
    Modes,
    LockAgents,
    testing::Values(fcntl_flags, mutex_flags),
    [](const auto& mode) { return mode.param == fcntl_flags ? "Fcntl" : "Mutex"; }
);

TEST_P(LockAgents, GetsTheChainWhenTheClientLetsGo) {
    ASSERT_EQ(samba.ask("lock k"), "ok");
    watched wait;
    wait_for_chain(wait, "k");
    run_for(loop, 20ms);
    EXPECT_FALSE(wait.done);
    ASSERT_EQ(samba.ask("unlock k"), "ok");
    ASSERT_TRUE(run_until(loop, [&] { return wait.done.has_value(); }));
    ASSERT_TRUE(wait.got_it());
    EXPECT_TRUE(wait.job->really_holds());
    EXPECT_EQ(outcome(handle.try_lock(view_of("k"))), "no");
    wait.job->release();
    EXPECT_EQ(samba.ask("lock k"), "ok");
}

TEST_P(LockAgents, UsesOneAgentAgainAndAgain) {
    for (int i = 0; i < 20; ++i) {
        watched wait;
        wait_for_chain(wait, "k" + std::to_string(i));
        ASSERT_TRUE(run_until(loop, [&] { return wait.got_it(); }));
        wait.job->release();
    }
    EXPECT_EQ(agents.agents_running(), 1u);
}

int nice_of(pid_t process) {
    return getpriority(PRIO_PROCESS, static_cast<id_t>(process));
}

TEST_P(LockAgents, ThoseThatFreezeHaveALowerPriorityAndDoNothingElse) {
    lock_agent_settings settings = settings_with();
    settings.freezing_nice = 3;
    lock_agents nicer{loop, settings};
    watched whole;
    whole.job = nicer.lock_all(
        nicer.opened("a.tdb", path, GetParam()), freezing::takes_long, whole.events()
    );
    ASSERT_TRUE(run_until(loop, [&] { return whole.got_it(); }));
    const pid_t freezing = whole.job->agent_pid();
    EXPECT_EQ(nice_of(freezing), std::min(nice_of(getpid()) + 3, 19));
    whole.job->release();
    watched chain;
    chain.job =
        nicer.lock_chain(nicer.opened("a.tdb", path, GetParam()), to_bytes("k"), chain.events());
    ASSERT_TRUE(run_until(loop, [&] { return chain.got_it(); }));
    EXPECT_NE(chain.job->agent_pid(), freezing);
    EXPECT_EQ(nice_of(chain.job->agent_pid()), nice_of(getpid()));
    watched again;
    again.job = nicer.lock_all(
        nicer.opened("b.tdb", dir.file("b"), GetParam()), freezing::takes_long, again.events()
    );
    ASSERT_TRUE(run_until(loop, [&] { return again.job->agent_pid() != 0; }));
    EXPECT_EQ(again.job->agent_pid(), freezing);
    watched shared;
    shared.job = nicer.lock_all(
        nicer.opened("a.tdb", path, GetParam()), freezing::waits_for_disk, shared.events()
    );
    ASSERT_TRUE(run_until(loop, [&] { return shared.job->agent_pid() != 0; }));
    EXPECT_EQ(nice_of(shared.job->agent_pid()), nice_of(getpid())); // they are few
}

TEST_P(LockAgents, AgentKilledWhileWaitingIsReplaced) {
    ASSERT_EQ(samba.ask("lock k"), "ok");
    watched wait;
    wait_for_chain(wait, "k");
    ASSERT_TRUE(until_working(wait));
    const pid_t first = wait.job->agent_pid();
    ::kill(first, SIGKILL);
    ASSERT_TRUE(run_until(loop, [&] {
        return wait.job->agent_pid() != 0 && wait.job->agent_pid() != first;
    }));
    EXPECT_FALSE(wait.done);
    ASSERT_EQ(samba.ask("unlock k"), "ok");
    ASSERT_TRUE(run_until(loop, [&] { return wait.done.has_value(); }));
    EXPECT_TRUE(wait.got_it());
}

TEST_P(LockAgents, WaitFailsWhenAgentsKeepDying) {
    ASSERT_EQ(samba.ask("lock k"), "ok");
    watched wait;
    wait_for_chain(wait, "k");
    for (int i = 0; i < 3; ++i) {
        ASSERT_TRUE(run_until(loop, [&] { return wait.done || wait.job->agent_pid() != 0; }));
        const pid_t agent = wait.job->agent_pid();
        ::kill(agent, SIGKILL);
        ASSERT_TRUE(run_until(loop, [&] { return wait.job->agent_pid() != agent; }));
    }
    ASSERT_TRUE(run_until(loop, [&] { return wait.done.has_value(); }));
    EXPECT_FALSE(*wait.done);
    EXPECT_EQ(agents.agents_running(), 0u);
}

TEST_P(LockAgents, AgentKilledWhileHoldingIsToldAndLeaksNothing) {
    watched wait;
    wait_for_chain(wait, "k");
    ASSERT_TRUE(run_until(loop, [&] { return wait.got_it(); }));
    ::kill(wait.job->agent_pid(), SIGKILL);
    ASSERT_TRUE(run_until(loop, [&] { return wait.lost; }));
    EXPECT_FALSE(wait.job->really_holds());
    EXPECT_EQ(samba.ask("lock k"), "ok");
}

// Any signal that comes while we look, such as that of another child's end.
TEST_P(LockAgents, ASignalIsNotTakenForTheDeathOfTheAgent) {
    static volatile std::sig_atomic_t signals;
    signals = 0;
    watched wait;
    wait_for_chain(wait, "k");
    ASSERT_TRUE(run_until(loop, [&] { return wait.got_it(); }));
    struct sigaction count {};
    struct sigaction before {};
    count.sa_handler = [](int) { signals = signals + 1; };
    ASSERT_EQ(sigaction(SIGALRM, &count, &before), 0);
    const itimerval often{{0, 50}, {0, 50}};
    ASSERT_EQ(setitimer(ITIMER_REAL, &often, nullptr), 0);
    bool always = true;
    for (int looks = 0; looks < 2'000'000 && signals < 200; ++looks) {
        always = always && wait.job->really_holds();
    }
    const itimerval never{};
    setitimer(ITIMER_REAL, &never, nullptr);
    sigaction(SIGALRM, &before, nullptr);
    EXPECT_TRUE(always);
    EXPECT_GT(signals, 0);
}

TEST_P(LockAgents, DestroyingAJobEndsItWhateverItDoes) {
    ASSERT_EQ(samba.ask("lock k"), "ok");
    agents.set_chain_agents_max(1);
    watched working;
    watched queued;
    wait_for_chain(working, "k");
    ASSERT_TRUE(until_working(working));
    wait_for_chain(queued, "k");
    run_for(loop, 20ms);
    EXPECT_EQ(queued.job->now(), agent_job::state::queued);
    working.job.reset();
    ASSERT_TRUE(until_working(queued)); // its turn
    queued.job.reset();
    ASSERT_EQ(samba.ask("unlock k"), "ok");
    ASSERT_EQ(outcome(handle.try_lock(view_of("k"))), "yes"); // nobody else wants it any more
    handle.unlock(view_of("k"));
    EXPECT_FALSE(working.done || queued.done);
}

TEST_P(LockAgents, WaitsForSeveralChainsAtTheSameTime) {
    // enough keys that some are on different chains
    ASSERT_NE(handle.raw().chain_of(view_of("k1")), handle.raw().chain_of(view_of("k2")));
    ASSERT_EQ(samba.ask("lock k1"), "ok");
    ASSERT_EQ(samba.ask("lock k2"), "ok");
    watched first;
    watched second;
    wait_for_chain(first, "k1");
    wait_for_chain(second, "k2");
    ASSERT_TRUE(until_working(first) && until_working(second));
    ASSERT_EQ(samba.ask("unlock k2"), "ok");
    ASSERT_TRUE(run_until(loop, [&] { return second.got_it(); }));
    EXPECT_FALSE(first.done);
}

TEST_P(LockAgents, WholeDatabaseIsNotKeptWaitingByChainWaits) {
    watched chain;
    keep_the_only_agent_waiting(chain);
    const other_database other(*this);
    watched whole;
    whole.job = agents.lock_all(other.at_agents, freezing::quick, whole.events());
    ASSERT_TRUE(run_until(loop, [&] { return whole.got_it(); }));
    EXPECT_EQ(outcome(other.handle->try_lock_chain(3)), "no");
}

// A client may hold a record here while it waits for one there.
TEST_P(LockAgents, WaitsForOneDatabaseDoNotHoldUpThoseForAnother) {
    watched here;
    keep_the_only_agent_waiting(here);
    const other_database other(*this);
    watched there;
    there.job = agents.lock_chain(other.at_agents, to_bytes("k"), there.events());
    EXPECT_TRUE(run_until(loop, [&] { return there.got_it(); }));
    EXPECT_FALSE(here.done);
}

TEST_P(LockAgents, WholeDatabaseWaitsForAClientsRecord) {
    ASSERT_EQ(samba.ask("lock k"), "ok");
    watched whole;
    wait_for_all(whole);
    run_for(loop, 20ms);
    EXPECT_FALSE(whole.done);
    ASSERT_EQ(samba.ask("unlock k"), "ok");
    ASSERT_TRUE(run_until(loop, [&] { return whole.got_it(); }));
    samba.say("lock k");
    EXPECT_TRUE(samba.silent_for(50ms));
    whole.job->release();
    EXPECT_EQ(samba.answer(), "ok");
}

TEST_P(LockAgents, WarnsAboutALockThatDoesNotCome) {
    std::vector<stuck_lock> stuck;
    lock_agents impatient(loop, settings_with([&](const stuck_lock& s) { stuck.push_back(s); }));
    ASSERT_EQ(samba.ask("lock k"), "ok");
    watched wait;
    watched whole;
    wait.job = impatient.lock_chain(at_agents, to_bytes("k"), wait.events());
    whole.job = impatient.lock_all(at_agents, freezing::quick, whole.events());
    ASSERT_TRUE(run_until(loop, [&] { return stuck.size() >= 4; })); // and again
    for (const stuck_lock& s : stuck) {
        EXPECT_EQ(s.path, path);
        EXPECT_EQ(s.mutexes, GetParam() == mutex_flags);
        const bool record = s.is == stuck_lock::kind::record;
        EXPECT_EQ(s.agent, record ? wait.job->agent_pid() : whole.job->agent_pid());
    }
    ASSERT_EQ(samba.ask("unlock k"), "ok");
    ASSERT_TRUE(run_until(loop, [&] { return wait.done || whole.done; }));
    watched& first = wait.done ? wait : whole;
    watched& second = wait.done ? whole : wait;
    first.job->release();
    ASSERT_TRUE(run_until(loop, [&] { return second.done.has_value(); }));
    stuck.clear();
    run_for(loop, 120ms);
    EXPECT_TRUE(stuck.empty());
}

TEST_P(LockAgents, AppliesALargeUpdateOutsideTheLoop) {
    protocol::record_buffer_writer buffer(db_id{1});
    protocol::record_header header;
    header.rsn = rsn{1};
    const std::string value(2000, 'v');
    for (int i = 0; i < 1000; ++i) {
        buffer.append(view_of("key" + std::to_string(i)), header, view_of(value));
    }
    watched update;
    update.job = agents.apply(at_agents, buffer.take(), false, update.events());
    ASSERT_TRUE(run_until(loop, [&] { return update.done.has_value(); }));
    ASSERT_TRUE(*update.done) << update.done->error().what;
    EXPECT_EQ(update.job->now(), agent_job::state::finished);
    EXPECT_EQ(samba.ask("read key999").size(), 24 + value.size());
}

TEST_P(LockAgents, AgentKilledOverAnUpdateIsReplacedAndTheUpdateDone) {
    ASSERT_EQ(samba.ask("lock k"), "ok"); // keeps it waiting for its transaction's lock
    protocol::record_buffer_writer buffer(db_id{1});
    buffer.append(view_of("x"), protocol::record_header{}, view_of("value"));
    watched update;
    update.job = agents.apply(at_agents, buffer.take(), false, update.events());
    ASSERT_TRUE(until_working(update));
    ::kill(update.job->agent_pid(), SIGKILL);
    ASSERT_EQ(samba.ask("unlock k"), "ok");
    ASSERT_TRUE(run_until(loop, [&] { return update.done.has_value(); }));
    EXPECT_TRUE(*update.done) << update.done->error().what;
    EXPECT_EQ(samba.ask("read x").size(), 24u + 5u);
}

TEST_P(LockAgents, AgentsCountTheirWritesInTheSequenceNumber) {
    handle.raw().enable_sequence_number();
    at_agents.flags = handle.raw().flags();
    protocol::record_buffer_writer buffer(db_id{1});
    buffer.append(view_of("x"), protocol::record_header{}, view_of("value"));
    watched update;
    update.job = agents.apply(at_agents, buffer.take(), false, update.events());
    ASSERT_TRUE(run_until(loop, [&] { return update.got_it(); }));
    EXPECT_EQ(handle.raw().sequence_number(), 1u);
}

TEST_P(LockAgents, ManyWaitsAtOnceAreAllServed) {
    std::vector<std::unique_ptr<watched>> waits;
    for (int i = 0; i < 40; ++i) {
        ASSERT_EQ(samba.ask("lock k" + std::to_string(i)), "ok"); // chains may repeat: nests
        waits.push_back(std::make_unique<watched>());
    }
    agents.set_chain_agents_max(8);
    std::size_t served = 0;
    for (int i = 0; i < 40; ++i) {
        watched& wait = *waits[static_cast<std::size_t>(i)];
        agent_job::events handlers;
        handlers.on_done = [&](const result<>& how) {
            EXPECT_TRUE(how);
            ++served;
            wait.job->release();
        };
        wait.job = agents.lock_chain(at_agents, to_bytes("k" + std::to_string(i)), handlers);
    }
    run_for(loop, 50ms);
    EXPECT_EQ(served, 0u);
    EXPECT_EQ(agents.agents_running(), 8u);
    for (int i = 0; i < 40; ++i) {
        ASSERT_EQ(samba.ask("unlock k" + std::to_string(i)), "ok");
    }
    EXPECT_TRUE(run_until(loop, [&] { return served == 40; }));
}

// A ctdbd that is killed takes its agents with it, also one that sleeps for a lock.
TEST_P(LockAgents, AgentsDieWithTheirParent) {
    ASSERT_EQ(prctl(PR_SET_CHILD_SUBREAPER, 1), 0); // so that we can wait for a grandchild
    ASSERT_EQ(samba.ask("lock k"), "ok");
    std::array<int, 2> ends{};
    ASSERT_EQ(pipe(ends.data()), 0);
    const pid_t parent = fork();
    if (parent == 0) {
        async::event_loop own_loop;
        lock_agents own_agents(own_loop, settings_with());
        watched wait;
        wait.job = own_agents.lock_chain(at_agents, to_bytes("k"), wait.events());
        const bool working =
            run_until(own_loop, [&] { return wait.job->now() == agent_job::state::working; });
        run_for(own_loop, 50ms); // to let it fall asleep
        const pid_t agent = working ? wait.job->agent_pid() : 0;
        static_cast<void>(write(ends[1], &agent, sizeof(agent)));
        pause();
        _exit(0);
    }
    pid_t agent = 0;
    ASSERT_EQ(read(ends[0], &agent, sizeof(agent)), ssize_t{sizeof(agent)});
    ASSERT_GT(agent, 0);
    ::kill(parent, SIGKILL);
    ASSERT_EQ(waitpid(parent, nullptr, 0), parent);
    int status = 0;
    ASSERT_EQ(waitpid(agent, &status, 0), agent); // the lock it sleeps for is never let go
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    prctl(PR_SET_CHILD_SUBREAPER, 0);
    close(ends[0]);
    close(ends[1]);
}

TEST(LockAgentsStart, MissingProgramFailsTheJobFromTheLoop) {
    const temporary_directory dir;
    async::event_loop loop;
    lock_agent_settings settings;
    settings.program = dir.file("no-such-program");
    lock_agents agents(loop, settings);
    watched wait;
    wait.job = agents.lock_all(
        agents.opened("a", dir.file("a"), fcntl_flags), freezing::quick, wait.events()
    );
    EXPECT_FALSE(wait.done);
    ASSERT_TRUE(run_until(loop, [&] { return wait.done.has_value(); }));
    ASSERT_FALSE(*wait.done);
    EXPECT_EQ(wait.done->error().code, ENOENT);
}

TEST(LockAgentsStart, FileThatCannotBeOpenedFailsTheJob) {
    const temporary_directory dir;
    async::event_loop loop;
    lock_agents agents(loop, settings_with());
    watched wait;
    wait.job = agents.lock_all(
        agents.opened("a", dir.file("none"), fcntl_flags), freezing::quick, wait.events()
    );
    ASSERT_TRUE(run_until(loop, [&] { return wait.done.has_value(); }));
    ASSERT_FALSE(*wait.done);
    EXPECT_EQ(wait.done->error().code, ENOENT);
}

} // namespace
} // namespace ctdb::tdb
