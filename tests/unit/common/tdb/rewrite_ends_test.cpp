// What is left of a file when a rewrite in place meets the death of ctdbd in its middle, or a full
// disk (databases.md 12.3 I13, decision 71).
#include "common/tdb/lock_agents.hpp"
#include "tests/unit/common/tdb/support.hpp"

#include <array>
#include <csignal>
#include <fstream>
#include <optional>
#include <thread>

#include <gtest/gtest.h>

#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace ctdb::tdb {
namespace {

using namespace test;

constexpr std::string_view mark = "<new content>";
constexpr off_t a_part = 1'000'000; // of the file when the new content comes into it

std::string key_of(int number) {
    return fmt::format("k{}", number);
}

result<rewrite_journal> journal_of(int records) {
    auto journal = rewrite_journal::begin();
    if (!journal || !journal->wipe()) {
        return fail(EIO, "journal");
    }
    const std::string value = std::string(mark) + std::string(500, 'v');
    for (int i = 0; i < records; ++i) {
        if (auto stored = journal->store(view_of(key_of(i)), view_of(value), {}); !stored) {
            return pass(stored);
        }
    }
    return journal;
}

// ---- ctdbd dies ----

// In place of ctdbd, in a process of its own: freezes the file, tells the agent's pid, has the
// file rewritten and waits to be killed.
[[noreturn]] void be_ctdbd(const std::string& path, int records, int tell) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    async::event_loop loop;
    lock_agent_settings settings;
    settings.program = agent_program();
    lock_agents agents(loop, settings);
    bool frozen = false;
    agent_job::events events;
    events.on_done = [&](const result<>& how) { frozen = how.has_value(); };
    events.on_lost = [] {};
    const auto job =
        agents.lock_all(agents.opened("a", path, mutex_flags), freezing::quick, std::move(events));
    auto journal = journal_of(records);
    if (!run_until(loop, [&] { return frozen; }) || !journal) {
        _exit(1);
    }
    const pid_t agent = job->agent_pid();
    const auto order = journal->finish(rewrite_mode::in_place);
    const auto sent = job->rewrite(journal->fd(), *order, [](const result<>&) {});
    if (!sent || ::write(tell, &agent, sizeof(agent)) != ssize_t{sizeof(agent)}) {
        _exit(1);
    }
    for (;;) {
        pause();
    }
}

off_t size_of(const std::string& path) {
    struct stat st {};
    return stat(path.c_str(), &st) == 0 ? st.st_size : 0;
}

char state_of(pid_t process) { // as /proc has it; 0: gone
    std::ifstream stat(fmt::format("/proc/{}/stat", process));
    std::string pid;
    std::string name;
    char state = 0;
    stat >> pid >> name >> state;
    return state;
}

constexpr auto patience = 20s; // with each wait: what fails ends the test

bool wait_until(const std::function<bool()>& condition) {
    const auto limit = std::chrono::steady_clock::now() + patience;
    while (!condition() && std::chrono::steady_clock::now() < limit) {
        std::this_thread::sleep_for(200us);
    }
    return condition();
}

bool is_gone(pid_t process) {
    const char state = state_of(process);
    return state == 0 || state == 'Z';
}

struct rewriting {
    pid_t ctdbd = -1;
    pid_t agent = -1;
};

// The pid that comes through the pipe; nothing: ctdbd has ended, or takes too long.
std::optional<pid_t> pid_from(const unique_fd& pipe_end) {
    pollfd readable{pipe_end.get(), POLLIN, 0};
    pid_t pid = -1;
    const auto limit = static_cast<int>(std::chrono::milliseconds(patience).count());
    const bool here = poll(&readable, 1, limit) == 1 &&
                      ::read(pipe_end.get(), &pid, sizeof(pid)) == ssize_t{sizeof(pid)};
    return here ? std::optional(pid) : std::nullopt;
}

// A rewrite that has begun.
rewriting begin_a_rewrite(const std::string& path, int records) {
    std::array<int, 2> ends{};
    EXPECT_EQ(pipe(ends.data()), 0);
    const unique_fd from(ends[0]);
    unique_fd to(ends[1]);
    rewriting now;
    now.ctdbd = fork();
    if (now.ctdbd == 0) {
        be_ctdbd(path, records, to.get());
    }
    to.reset(); // ctdbd has the only one left: its end shows
    const auto agent = pid_from(from);
    EXPECT_TRUE(agent) << "the file is not being rewritten";
    now.agent = agent.value_or(-1);
    EXPECT_TRUE(wait_until([&] { return size_of(path) > a_part; }));
    return now;
}

// The size of the file when ctdbd is dead. (The agent is not stopped for it: who is stopped when
// his process group loses its last parent gets SIGHUP.)
off_t end_ctdbd(const rewriting& now, const std::string& path) {
    ::kill(now.ctdbd, SIGKILL);
    EXPECT_EQ(waitpid(now.ctdbd, nullptr, 0), now.ctdbd);
    const off_t size = size_of(path);
    const bool ended = now.agent > 0 && wait_until([&] { return is_gone(now.agent); });
    EXPECT_TRUE(ended) << "the agent stays";
    if (!ended && now.agent > 0) {
        ::kill(now.agent, SIGKILL);
    }
    return size;
}

// Nobody keeps a lock: who looks into the file would wait for it without end.
bool is_free(file& target) {
    return wait_until([&] {
        const auto locked = target.try_lock_all();
        if (locked && *locked) {
            target.unlock_all();
        }
        return locked && *locked;
    });
}

// How many of the new records are there, in a file that is in order.
int readable_records(file& from, int records) {
    EXPECT_TRUE(from.check());
    int found = 0;
    for (int i = 0; i < records; ++i) {
        found += value_of(from, key_of(i)).starts_with(mark) ? 1 : 0;
    }
    return found;
}

TEST(RewriteEnds, TheAgentGoesOnToTheEndWhenCtdbdDiesInTheMiddle) {
    bool in_the_middle = false;
    for (int records = 20'000; records <= 320'000 && !in_the_middle; records *= 2) {
        const temporary_directory dir;
        const std::string path = dir.file("a.tdb.0");
        const auto target = make_file(path, mutex_flags, 10'007);
        ASSERT_TRUE(target->write(view_of("old"), view_of("v")));
        const rewriting now = begin_a_rewrite(path, records);
        const off_t then = end_ctdbd(now, path);
        ASSERT_TRUE(is_free(*target)) << "the agent has left its locks";
        ASSERT_FALSE(HasFailure());
        in_the_middle = then < size_of(path); // it may have been too fast
        EXPECT_EQ(readable_records(*target, records), records);
        EXPECT_EQ(value_of(*target, "old"), "-");
    }
    EXPECT_TRUE(in_the_middle) << "no agent was still at it";
}

// ---- the disk is full ----

void write_line(const char* path, const std::string& line) {
    std::ofstream(path) << line;
}

// A mount namespace, for users other than root within a user namespace.
bool enter_own_namespace() {
    if (unshare(CLONE_NEWNS) == 0) {
        return true;
    }
    const std::string user = fmt::format("0 {} 1", getuid());
    const std::string group = fmt::format("0 {} 1", getgid());
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) {
        return false;
    }
    write_line("/proc/self/setgroups", "deny");
    write_line("/proc/self/uid_map", user);
    write_line("/proc/self/gid_map", group);
    return true;
}

// Exit code of the process that tries; 77: it may not mount.
[[noreturn]] void rewrite_on_a_small_disk(const std::string& directory) {
    if (!enter_own_namespace() || mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        mount("tmpfs", directory.c_str(), "tmpfs", 0, "size=4m") != 0) {
        _exit(77);
    }
    const auto target = make_file(directory + "/a.tdb.0", mutex_flags);
    auto journal = journal_of(10'000); // 5 MB and more
    const auto order = journal->finish(rewrite_mode::in_place);
    const bool begun =
        order && target->write(view_of("k"), view_of("old")) && target->wait_lock_all();
    if (!begun) {
        _exit(1);
    }
    const auto done = apply_rewrite(*target, journal->fd(), *order);
    const bool as_it_was = value_of(*target, "k") == "old" && target->check().has_value();
    _exit(!done && done.error().code == ENOSPC && as_it_was ? 0 : 2);
}

TEST(RewriteEnds, ADiskWithTooLittleRoomIsNoticedBeforeAnythingIsChanged) {
    const temporary_directory dir;
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        rewrite_on_a_small_disk(dir.path());
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFEXITED(status)) << "signal " << WTERMSIG(status);
    if (WEXITSTATUS(status) == 77) {
        GTEST_SKIP() << "no mount namespace for this user";
    }
    EXPECT_EQ(WEXITSTATUS(status), 0);
}

} // namespace
} // namespace ctdb::tdb
