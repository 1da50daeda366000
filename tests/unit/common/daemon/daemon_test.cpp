#include "common/async/child_process.hpp"
#include "common/daemon/pid_file.hpp"
#include "common/daemon/process_watch.hpp"
#include "common/daemon/service_manager.hpp"
#include "tests/unit/common/event/temp_dir.hpp"

#include <array>
#include <csignal>

#include <gtest/gtest.h>

#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

namespace ctdb::daemon {
namespace {

using test::temp_dir;

std::string contents(const std::string& path) {
    std::ifstream in(path);
    return {std::istreambuf_iterator<char>(in), {}};
}

// Tries to take the file in another process; its exit status.
int try_elsewhere(const std::string& path) {
    const pid_t child = ::fork();
    if (child == 0) {
        const auto held = pid_file::create(path);
        ::_exit(held ? 0 : held.error().code);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WEXITSTATUS(status);
}

TEST(PidFile, HoldsItsPlaceAgainstOthersAndLeavesNothing) {
    const temp_dir dir;
    const std::string path = dir.file("x.pid");
    {
        const auto held = pid_file::create(path);
        ASSERT_TRUE(held.has_value());
        EXPECT_EQ(contents(path), std::to_string(::getpid()) + "\n");
        EXPECT_EQ(try_elsewhere(path), EEXIST);
        EXPECT_TRUE(std::filesystem::exists(path)) << "the loser must not remove it";
    }
    EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(PidFile, ALeftoverIsTakenOver) {
    const temp_dir dir;
    const std::string path = dir.write("x.pid", "999999999\n");
    const auto held = pid_file::create(path);
    ASSERT_TRUE(held.has_value());
    EXPECT_EQ(contents(path), std::to_string(::getpid()) + "\n");
}

TEST(PidFile, AMissingDirectoryIsAnError) {
    const temp_dir dir;
    EXPECT_EQ(pid_file::create(dir.file("none/x.pid")).error().code, ENOENT);
}

TEST(ProcessWatch, TellsTheEndOfAProcess) {
    async::event_loop loop;
    async::child_options options;
    options.argv = {"/bin/sleep", "60"};
    options.on_exit = [](int) {};
    auto child = async::child_process::start(loop, std::move(options));
    ASSERT_TRUE(child.has_value());
    bool gone = false;
    auto watch = process_watch::start(loop, (*child)->pid(), [&] { gone = true, loop.stop(); });
    ASSERT_TRUE(watch.has_value());
    EXPECT_FALSE(gone);
    (*child)->kill(SIGKILL);
    loop.run();
    EXPECT_TRUE(gone);
}

TEST(ProcessWatch, TellsAtOnceThatThereIsNoSuchProcess) {
    const pid_t child = ::fork();
    if (child == 0) {
        ::_exit(0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    async::event_loop loop;
    auto watch = process_watch::start(loop, child, [&] { loop.stop(); });
    ASSERT_TRUE(watch.has_value());
    loop.run();
    EXPECT_FALSE(process_watch::start(loop, 0, [] {}).has_value());
}

TEST(ServiceManager, GetsOneDatagram) {
    const temp_dir dir;
    const std::string path = dir.file("notify");
    const unique_fd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::copy(path.begin(), path.end(), address.sun_path);
    ASSERT_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
    ::setenv("NOTIFY_SOCKET", path.c_str(), 1);
    tell_service_manager("READY=1");
    ::unsetenv("NOTIFY_SOCKET");
    tell_service_manager("nobody listens");
    std::array<char, 100> got{};
    const ssize_t size = ::recv(fd.get(), got.data(), got.size(), MSG_DONTWAIT);
    EXPECT_EQ(
        std::string(got.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0))), "READY=1"
    );
}

} // namespace
} // namespace ctdb::daemon
