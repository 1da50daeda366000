// What the tests of database files share: a directory of their own, another process that uses the
// file, and a loop that runs until something is so.
#pragma once

#include "common/async/event_loop.hpp"
#include "common/base/unique_fd.hpp"
#include "common/tdb/file.hpp"

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include <sys/types.h>

namespace ctdb::tdb::test {

using namespace std::chrono_literals;

inline constexpr int fcntl_flags = 0xc41;
inline constexpr int mutex_flags = 0x1c41;
inline constexpr int persistent_flags = 0x400;

[[nodiscard]] std::string agent_program(); // the one just built

class temporary_directory {
public:
    temporary_directory();
    temporary_directory(const temporary_directory&) = delete;
    temporary_directory& operator=(const temporary_directory&) = delete;
    ~temporary_directory();
    [[nodiscard]] const std::string& path() const noexcept { return path_; }
    [[nodiscard]] std::string file(const std::string& name) const { return path_ + "/" + name; }

private:
    std::string path_;
};

// Makes (or opens) a file with few chains; fails the test if that does not work.
[[nodiscard]] std::unique_ptr<file>
make_file(const std::string& path, int flags, int hash_size = 101);

// See client_main.cpp. Killed when destroyed.
class client {
public:
    client(const std::string& path, int flags);
    client(const client&) = delete;
    client& operator=(const client&) = delete;
    ~client() { kill(); }

    std::string ask(const std::string& line); // "timeout" after ten seconds
    void say(const std::string& line);        // the answer is fetched later
    std::string answer(std::chrono::milliseconds limit = 10s);
    [[nodiscard]] bool silent_for(std::chrono::milliseconds time); // no answer so far
    void kill();

private:
    [[nodiscard]] bool readable_within(std::chrono::milliseconds limit) const;
    pid_t pid_ = -1;
    unique_fd to_;
    unique_fd from_;
    std::string buffer_;
};

// Serves the loop until the condition holds; false after the limit.
[[nodiscard]] bool run_until(
    async::event_loop& loop,
    const std::function<bool()>& condition,
    std::chrono::milliseconds limit = 20s
);
void run_for(async::event_loop& loop, std::chrono::milliseconds time);

[[nodiscard]] std::string value_of(const file& from, const std::string& key); // "-": none

[[nodiscard]] std::string outcome(const result<bool>& of); // "yes", "no" or what went wrong

} // namespace ctdb::tdb::test
