#include "common/async/child_process.hpp"

#include <array>
#include <csignal>
#include <cstring>

#include <fcntl.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>

extern char**
    environ; // NOLINT(readability-redundant-declaration): POSIX leaves the declaration to us

namespace ctdb::async {

namespace {

class spawn_actions {
public:
    spawn_actions() { posix_spawn_file_actions_init(&raw_); }
    spawn_actions(const spawn_actions&) = delete;
    spawn_actions& operator=(const spawn_actions&) = delete;
    ~spawn_actions() { posix_spawn_file_actions_destroy(&raw_); }
    void redirect(int from, int to) { posix_spawn_file_actions_adddup2(&raw_, from, to); }
    void open_null(int fd, int flags) {
        posix_spawn_file_actions_addopen(&raw_, fd, "/dev/null", flags, 0);
    }
    [[nodiscard]] const posix_spawn_file_actions_t* get() const noexcept { return &raw_; }

private:
    posix_spawn_file_actions_t raw_{};
};

class spawn_attributes {
public:
    spawn_attributes() {
        posix_spawnattr_init(&raw_);
        sigset_t none;
        sigset_t all;
        sigemptyset(&none);
        sigfillset(&all);
        posix_spawnattr_setsigmask(&raw_, &none);
        posix_spawnattr_setsigdefault(&raw_, &all);
        posix_spawnattr_setpgroup(&raw_, 0);
        posix_spawnattr_setflags(
            &raw_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP
        );
    }
    spawn_attributes(const spawn_attributes&) = delete;
    spawn_attributes& operator=(const spawn_attributes&) = delete;
    ~spawn_attributes() { posix_spawnattr_destroy(&raw_); }
    [[nodiscard]] const posix_spawnattr_t* get() const noexcept { return &raw_; }

private:
    posix_spawnattr_t raw_{};
};

// Our environment with the added variables in place of older values; the strings are owned here.
std::vector<std::string>
merged_environment(const std::vector<std::pair<std::string, std::string>>& added) {
    std::vector<std::string> merged;
    for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
        const std::string_view text(*entry);
        const std::string_view name = text.substr(0, text.find('='));
        bool replaced = false;
        for (const auto& [key, value] : added) {
            replaced = replaced || key == name;
        }
        if (!replaced) {
            merged.emplace_back(text);
        }
    }
    for (const auto& [key, value] : added) {
        merged.push_back(key + "=" + value);
    }
    return merged;
}

std::vector<char*> pointers(std::vector<std::string>& strings) {
    std::vector<char*> out;
    out.reserve(strings.size() + 1);
    for (std::string& s : strings) {
        out.push_back(s.data());
    }
    out.push_back(nullptr);
    return out;
}

} // namespace

result<std::unique_ptr<child_process>>
child_process::start(event_loop& loop, child_options options) {
    if (options.argv.empty()) {
        return fail(EINVAL, "no program to start");
    }
    std::unique_ptr<child_process> child(new child_process);
    std::array<int, 2> pipe_fds{-1, -1};
    const bool captures = options.output != child_options::output::inherit;
    if (captures && pipe2(pipe_fds.data(), O_CLOEXEC) != 0) {
        return fail_errno("pipe for {}", options.argv[0]);
    }
    child->output_.reset(pipe_fds[0]);
    const unique_fd write_end(pipe_fds[1]);
    spawn_actions actions;
    actions.open_null(STDIN_FILENO, O_RDONLY);
    if (captures) {
        actions.redirect(write_end.get(), STDOUT_FILENO);
    }
    if (options.output == child_options::output::capture) {
        actions.redirect(write_end.get(), STDERR_FILENO);
    }
    for (const passed_fd& fd : options.pass) {
        actions.redirect(fd.ours, fd.in_child);
    }
    const spawn_attributes attributes;
    std::vector<std::string> environment = merged_environment(options.environment);
    const int failure = posix_spawn(
        &child->pid_,
        options.argv[0].c_str(),
        actions.get(),
        attributes.get(),
        pointers(options.argv).data(),
        pointers(environment).data()
    );
    if (failure != 0) {
        child->exited_ = true;
        return fail_errno_text(failure, fmt::format("start {}", options.argv[0]));
    }
    child->options_ = std::move(options);
    child->pid_fd_.reset(static_cast<int>(syscall(SYS_pidfd_open, child->pid_, 0)));
    if (!child->pid_fd_) {
        return fail_errno("pidfd of {}", child->options_.argv[0]);
    }
    fcntl(child->pid_fd_.get(), F_SETFD, FD_CLOEXEC);
    child_process* self = child.get();
    child->exit_watch_ =
        std::make_unique<fd_watch>(loop, self->pid_fd_.get(), [self](fd_readiness) {
            self->reap();
        });
    child->exit_watch_->want_read(true);
    if (captures) {
        fcntl(self->output_.get(), F_SETFL, O_NONBLOCK);
        child->output_watch_ =
            std::make_unique<fd_watch>(loop, self->output_.get(), [self](fd_readiness) {
                self->read_output();
            });
        child->output_watch_->want_read(true);
    }
    return child;
}

child_process::~child_process() {
    if (!exited_ && pid_ > 0) {
        kill_group(SIGKILL);
        kill(SIGKILL);
        int status = 0;
        while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
        }
    }
}

void child_process::kill(int signal_number) const {
    if (!exited_ && pid_ > 0) {
        ::kill(pid_, signal_number);
    }
}

void child_process::kill_group(int signal_number) const {
    if (pid_ > 0) {
        ::kill(-pid_, signal_number);
    }
}

void child_process::reap() {
    int status = 0;
    if (waitpid(pid_, &status, WNOHANG) != pid_) {
        return;
    }
    exited_ = true;
    exit_watch_->want_read(false);
    if (const auto on_exit = std::move(options_.on_exit)) {
        on_exit(status); // may destroy *this
    }
}

void child_process::read_output() {
    std::array<std::byte, 4096> buffer{};
    const ssize_t got = ::read(output_.get(), buffer.data(), buffer.size());
    if (got > 0) {
        if (options_.on_output) {
            options_.on_output(byte_view(buffer.data(), static_cast<std::size_t>(got)));
        }
        return;
    }
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    output_watch_->want_read(false);
    if (const auto on_end = std::move(options_.on_output_end)) {
        on_end(); // may destroy *this
    }
}

} // namespace ctdb::async
