#include "keeper.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <ctime>

#include <fmt/format.h>

#include <poll.h>

namespace ctdb::lock_keeper {

namespace {

long long now_ms() {
    timespec t{};
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

void say(std::string_view line) {
    const std::string text = std::string(line) + "\n";
    // ctdbd reads or is gone; either way there is nothing to do about a failure.
    [[maybe_unused]] const ssize_t written = write(STDOUT_FILENO, text.data(), text.size());
}

} // namespace

int keeper::run() {
    lease_until_ = now_ms() + settings_.lease_ms;
    attempt_until_ = now_ms() + settings_.attempt_ms;
    if (!program_.start(settings_.program)) {
        say(fmt::format("error cannot start {}: {}", settings_.program[0], std::strerror(errno)));
        return 1;
    }
    while (state_ != state::over) {
        std::array<pollfd, 3> fds{
            pollfd{settings_.commands, POLLIN, 0},
            pollfd{program_.output(), POLLIN, 0},
            pollfd{settings_.terminated, POLLIN, 0}};
        poll(fds.data(), fds.size(), milliseconds_left());
        if (fds[2].revents != 0) {
            leave();
        }
        // Renewals first: after a stall of the whole machine they are waiting here.
        if (state_ != state::over && fds[0].revents != 0) {
            read_commands();
        }
        if (state_ != state::over && fds[1].revents != 0) {
            read_answer();
        }
        if (state_ != state::over) {
            judge_time();
        }
    }
    return 0;
}

int keeper::milliseconds_left() const {
    const long long until =
        state_ == state::trying ? std::min(lease_until_, attempt_until_) : lease_until_;
    return static_cast<int>(std::clamp(until - now_ms(), 0LL, 60000LL));
}

void keeper::read_commands() {
    std::array<char, 256> buffer{};
    const ssize_t got = read(settings_.commands, buffer.data(), buffer.size());
    if (got > 0) {
        const std::string_view commands(buffer.data(), static_cast<std::size_t>(got));
        lease_until_ = now_ms() + settings_.lease_ms;
        if (commands.find('r') != std::string_view::npos) {
            finish("released");
        }
    } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
        leave();
    }
}

void keeper::read_answer() {
    std::array<char, 256> buffer{};
    const ssize_t got = read(program_.output(), buffer.data(), buffer.size());
    if (got > 0) {
        if (state_ == state::trying) {
            first_byte(buffer[0]); // later ones mean nothing (4.9)
        }
    } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
        const bool held = state_ == state::held;
        const char* program = settings_.program[0];
        finish(
            held ? fmt::format("lost {} has ended", program)
                 : fmt::format("error {} has ended without an answer", program)
        );
    }
}

void keeper::first_byte(char byte) {
    switch (byte) {
    case '0':
        state_ = state::held;
        say("held");
        break;
    case '1':
        finish("contention");
        break;
    case '2':
        finish("timeout");
        break;
    case '3':
        finish(fmt::format("error {} reports an error", settings_.program[0]));
        break;
    default:
        finish(fmt::format(
            "error {} answers with byte {:#04x} instead of 0, 1, 2 or 3",
            settings_.program[0],
            static_cast<unsigned char>(byte)
        ));
        break;
    }
}

void keeper::judge_time() {
    const long long now = now_ms();
    if (now >= lease_until_) {
        finish(fmt::format("lost ctdbd has not renewed the lease for {} ms", settings_.lease_ms));
    } else if (state_ == state::trying && now >= attempt_until_) {
        finish("timeout");
    }
}

void keeper::finish(std::string_view line) {
    state_ = state::over;
    program_.end();
    say(line);
}

void keeper::leave() {
    state_ = state::over;
    program_.end();
}

} // namespace ctdb::lock_keeper
