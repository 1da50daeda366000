#include "tests/unit/common/tdb/support.hpp"

#include <array>
#include <csignal>
#include <cstdlib>
#include <filesystem>

#include <gtest/gtest.h>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ; // NOLINT(readability-redundant-declaration)

namespace ctdb::tdb::test {

std::string agent_program() {
    return CTDB_BUILD_DIR "/bin/ctdb-lock-agent";
}

temporary_directory::temporary_directory() {
    std::string name = (std::filesystem::temp_directory_path() / "ctdb-tdb-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) {
        ADD_FAILURE() << "mkdtemp " << name;
    }
    path_ = name;
}

temporary_directory::~temporary_directory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

std::unique_ptr<file> make_file(const std::string& path, int flags, int hash_size) {
    open_options options;
    options.path = path;
    options.flags = flags;
    options.hash_size = hash_size;
    options.creation = create::if_missing;
    auto opened = file::open(options);
    if (!opened) {
        ADD_FAILURE() << opened.error().what;
        return nullptr;
    }
    return std::move(*opened);
}

client::client(const std::string& path, int flags) {
    std::array<int, 2> in{};
    std::array<int, 2> out{};
    if (pipe2(in.data(), O_CLOEXEC) != 0 || pipe2(out.data(), O_CLOEXEC) != 0) {
        ADD_FAILURE() << "pipe";
        return;
    }
    const unique_fd child_in(in[0]);
    const unique_fd child_out(out[1]);
    to_.reset(in[1]);
    from_.reset(out[0]);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, child_in.get(), STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, child_out.get(), STDOUT_FILENO);
    std::string program = CTDB_BUILD_DIR "/tests/tdb-test-client";
    std::string path_copy = path;
    std::string flags_text = std::to_string(flags);
    std::array<char*, 4> argv{program.data(), path_copy.data(), flags_text.data(), nullptr};
    const int failed = posix_spawn(&pid_, program.c_str(), &actions, nullptr, argv.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    if (failed != 0) {
        pid_ = -1;
    }
    EXPECT_EQ(answer(), "open");
}

void client::kill() {
    if (pid_ > 0) {
        ::kill(pid_, SIGKILL);
        int status = 0;
        while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
        }
        pid_ = -1;
    }
}

void client::say(const std::string& line) {
    const std::string whole = line + "\n";
    EXPECT_EQ(write(to_.get(), whole.data(), whole.size()), static_cast<ssize_t>(whole.size()));
}

bool client::readable_within(std::chrono::milliseconds limit) const {
    pollfd look{from_.get(), POLLIN, 0};
    int ready = 0;
    do {
        ready = poll(&look, 1, static_cast<int>(limit.count()));
    } while (ready < 0 && errno == EINTR);
    return ready > 0;
}

std::string client::answer(std::chrono::milliseconds limit) {
    const auto end = std::chrono::steady_clock::now() + limit;
    for (;;) {
        if (const std::size_t at = buffer_.find('\n'); at != std::string::npos) {
            std::string line = buffer_.substr(0, at);
            buffer_.erase(0, at + 1);
            return line;
        }
        const auto left =
            std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
        if (left <= 0ms || !readable_within(left)) {
            return "timeout";
        }
        std::array<char, 4096> piece{};
        const ssize_t got = read(from_.get(), piece.data(), piece.size());
        if (got <= 0) {
            return "gone";
        }
        buffer_.append(piece.data(), static_cast<std::size_t>(got));
    }
}

std::string client::ask(const std::string& line) {
    say(line);
    return answer();
}

bool client::silent_for(std::chrono::milliseconds time) {
    return buffer_.empty() && !readable_within(time);
}

bool run_until(
    async::event_loop& loop, const std::function<bool()>& condition, std::chrono::milliseconds limit
) {
    bool expired = false;
    async::timer deadline(loop, [&] { expired = true; });
    deadline.arm_in(limit);
    while (!condition() && !expired) {
        loop.run_once();
    }
    return condition();
}

void run_for(async::event_loop& loop, std::chrono::milliseconds time) {
    EXPECT_FALSE(run_until(
        loop, [] { return false; }, time
    ));
}

std::string value_of(const file& from, const std::string& key) {
    std::string found = "-";
    const auto read = from.read(view_of(key), [&](byte_view value) { found = text_of(value); });
    EXPECT_TRUE(read) << read.error().what;
    return found;
}

std::string outcome(const result<bool>& of) {
    if (!of) {
        return of.error().what;
    }
    return *of ? "yes" : "no";
}

} // namespace ctdb::tdb::test
