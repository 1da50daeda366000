// What is left of a file when a rewrite in place meets a full disk (decision 71).
#include "common/tdb/rewrite.hpp"
#include "tests/unit/common/tdb/support.hpp"

#include <fstream>

#include <gtest/gtest.h>

#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

namespace ctdb::tdb {
namespace {

using namespace test;

result<rewrite_journal> journal_of(int records) {
    auto journal = rewrite_journal::begin();
    if (!journal || !journal->wipe()) {
        return fail(EIO, "journal");
    }
    const std::string value = std::string(500, 'v');
    for (int i = 0; i < records; ++i) {
        if (auto stored = journal->store(view_of(fmt::format("k{}", i)), view_of(value), {});
            !stored) {
            return pass(stored);
        }
    }
    return journal;
}

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
