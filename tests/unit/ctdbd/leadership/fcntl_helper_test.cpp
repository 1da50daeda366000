// ctdb_mutex_fcntl_helper as upstream's tests and daemons see it (cluster.md 4.8).
#include "common/async/child_process.hpp"
#include "tests/unit/ctdbd/leadership/test_directory.hpp"

#include <csignal>
#include <optional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/wait.h>

namespace ctdb::ctdbd {
namespace {

using namespace std::chrono_literals;
using namespace testing_support;
using ::testing::HasSubstr;

class FcntlHelper : public ::testing::Test {
protected:
    struct run_of_helper {
        std::string output; // both streams
        std::optional<int> status;
        std::unique_ptr<async::child_process> child;
    };
    // Somebody holds byte 1 for ever: the test child blocks, as in a file system that hangs.
    [[nodiscard]] unique_fd hold_byte_one() const {
        std::ofstream(file) << "";
        unique_fd other(::open(file.c_str(), O_RDWR | O_CLOEXEC));
        struct flock byte_one {};
        byte_one.l_type = F_WRLCK;
        byte_one.l_start = 1;
        byte_one.l_len = 1;
        EXPECT_EQ(fcntl(other.get(), F_SETLK, &byte_one), 0);
        return other;
    }
    std::unique_ptr<run_of_helper> start(std::vector<std::string> arguments) {
        auto r = std::make_unique<run_of_helper>();
        async::child_options options;
        options.argv = {fcntl_program};
        options.argv.insert(options.argv.end(), arguments.begin(), arguments.end());
        options.output = async::child_options::output::capture;
        run_of_helper* run = r.get();
        options.on_output = [run](byte_view piece) { run->output += text_of(piece); };
        options.on_exit = [run](int status) { run->status = status; };
        auto child = async::child_process::start(loop, std::move(options));
        EXPECT_TRUE(child);
        r->child = std::move(*child);
        return r;
    }
    template <class Condition>
    bool run_until(Condition condition, std::chrono::milliseconds limit = 10s) {
        const auto until = loop.now() + limit;
        async::timer tick(loop, [&tick] { tick.arm_in(5ms); });
        tick.arm_in(5ms);
        while (!condition() && loop.now() < until) {
            loop.run_once();
        }
        return condition();
    }
    void wait_for_exit(run_of_helper& r) {
        ASSERT_TRUE(run_until([&] { return r.status.has_value(); }));
        run_until([] { return false; }, 50ms); // the rest of its output
    }

    async::event_loop loop;
    test_directory directory;
    const std::string file = directory.file("lock");
};

TEST_F(FcntlHelper, HoldsTheLockAndRefusesTheSecond) {
    const auto first = start({file});
    ASSERT_TRUE(run_until([&] { return first->output == "0"; }));
    const auto second = start({file});
    wait_for_exit(*second);
    EXPECT_EQ(second->output, "1");
    EXPECT_EQ(second->status, 0);
    first->child->kill(SIGTERM);
    wait_for_exit(*first);
    const auto third = start({file});
    EXPECT_TRUE(run_until([&] { return third->output == "0"; }));
}

TEST_F(FcntlHelper, ExplainsItsUsage) {
    const auto usage = "Usage: ctdb_mutex_fcntl_helper <file> [recheck_interval [ping_timeout]]\n";
    for (const std::vector<std::string>& wrong :
         {std::vector<std::string>{}, {"a", "1", "2", "3"}, {file, "x"}, {file, "5", "-1"}}) {
        const auto r = start(wrong);
        wait_for_exit(*r);
        EXPECT_EQ(r->output, usage);
        EXPECT_EQ(WEXITSTATUS(*r->status), 1);
    }
}

TEST_F(FcntlHelper, SaysWhyAFileCannotBeOpened) {
    const auto r = start({"/nonexistent/dir/x"});
    wait_for_exit(*r);
    EXPECT_THAT(
        r->output,
        HasSubstr("ctdb_mutex_fcntl_helper: Unable to open /nonexistent/dir/x - (No such file or "
                  "directory)\n")
    );
    EXPECT_THAT(r->output, HasSubstr("3"));
    EXPECT_EQ(r->status, 0);
}

TEST_F(FcntlHelper, LetsGoWhenTheFileIsRemoved) {
    const auto r = start({file, "1"});
    ASSERT_TRUE(run_until([&] { return r->output == "0"; }));
    std::filesystem::remove(file);
    wait_for_exit(*r);
    EXPECT_EQ(
        r->output,
        "0ctdb_mutex_fcntl_helper: lock lost - lock file \"" + file + "\" open failed (ret=2)\n"
    );
}

TEST_F(FcntlHelper, LetsGoWhenTheFileIsReplaced) {
    const auto r = start({file, "1"});
    ASSERT_TRUE(run_until([&] { return r->output == "0"; }));
    std::ofstream(file + ".new") << "x";
    std::filesystem::rename(file + ".new", file);
    wait_for_exit(*r);
    EXPECT_EQ(
        r->output,
        "0ctdb_mutex_fcntl_helper: lock lost - lock file \"" + file + "\" inode changed\n"
    );
}

TEST_F(FcntlHelper, LetsGoWhenTheFileSystemHangs) {
    const unique_fd held = hold_byte_one();
    const auto r = start({file, "1", "2"});
    wait_for_exit(*r);
    EXPECT_EQ(r->output, "0ctdb_mutex_fcntl_helper: ping timeout from lock test child\n");
}

TEST_F(FcntlHelper, LivesOnWithAHangingFileSystemWhenNobodyWantsPings) {
    const unique_fd held = hold_byte_one();
    const auto r = start({file, "1"});
    EXPECT_FALSE(run_until([&] { return r->status.has_value(); }, 2500ms));
    EXPECT_EQ(r->output, "0");
}

TEST_F(FcntlHelper, LetsGoTheMomentItsParentDies) { // W13
    // A shell that starts the helper and is then killed; the output goes on being ours.
    const std::string parent = directory.script("parent", fcntl_program + " " + file + " & wait");
    auto r = std::make_unique<run_of_helper>();
    async::child_options options;
    options.argv = {parent};
    options.output = async::child_options::output::capture;
    run_of_helper* run = r.get();
    options.on_output = [run](byte_view piece) { run->output += text_of(piece); };
    auto child = async::child_process::start(loop, std::move(options));
    ASSERT_TRUE(child);
    ASSERT_TRUE(run_until([&] { return r->output == "0"; }));
    (*child)->kill(SIGKILL);
    EXPECT_TRUE(
        run_until([&] { return r->output == "0ctdb_mutex_fcntl_helper: parent gone\n"; }, 1s)
    ) << r->output;
    const auto next = start({file});
    EXPECT_TRUE(run_until([&] { return next->output == "0"; }, 1s));
}

} // namespace
} // namespace ctdb::ctdbd
