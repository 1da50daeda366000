#include "common/daemon/pid_file.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace ctdb::daemon {

namespace {

struct flock whole_file() {
    struct flock lock {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    return lock;
}

// Who wrote the file, for the message; 0: unreadable.
long pid_in(int fd) {
    std::array<char, 32> text{};
    const ssize_t size = ::pread(fd, text.data(), text.size() - 1, 0);
    long pid = 0;
    std::from_chars(text.data(), text.data() + std::max<ssize_t>(size, 0), pid);
    return pid;
}

result<> lock_for_us(int fd, const std::string& path) {
    struct flock lock = whole_file();
    if (::fcntl(fd, F_OFD_SETLK, &lock) == 0) {
        return {};
    }
    if (errno != EACCES && errno != EAGAIN) {
        return fail_errno("lock {}", path);
    }
    return fail(EEXIST, "{} is locked: already running with pid {}", path, pid_in(fd));
}

// The path may have been removed by its last owner between our open and our lock.
bool still_at(const std::string& path, int fd) {
    struct stat opened {};
    struct stat named {};
    return ::fstat(fd, &opened) == 0 && ::stat(path.c_str(), &named) == 0 &&
           opened.st_dev == named.st_dev && opened.st_ino == named.st_ino;
}

} // namespace

pid_file::pid_file(std::string path, unique_fd fd)
    : path_(std::move(path)), fd_(std::move(fd)), owner_(::getpid()) {}

result<std::unique_ptr<pid_file>> pid_file::create(std::string path) {
    constexpr int attempts = 10;
    for (int i = 0; i < attempts; ++i) {
        unique_fd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
        if (!fd) {
            return fail_errno("open {}", path);
        }
        if (auto locked = lock_for_us(fd.get(), path); !locked) {
            return pass(locked);
        }
        if (!still_at(path, fd.get())) {
            continue;
        }
        const std::string text = fmt::format("{}\n", ::getpid());
        if (::ftruncate(fd.get(), 0) != 0 ||
            ::write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
            return fail_errno("write {}", path);
        }
        return std::unique_ptr<pid_file>(new pid_file(std::move(path), std::move(fd)));
    }
    return fail(EAGAIN, "{} is removed again and again", path);
}

pid_file::~pid_file() {
    if (owner_ == ::getpid()) {
        ::unlink(path_.c_str());
    }
}

} // namespace ctdb::daemon
