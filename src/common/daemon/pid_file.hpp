// pid_file: one daemon per place. The file is locked for as long as the object lives, and removed
// with it.
//
// The lock is a write lock on the whole file that excludes upstream's as well; it belongs to the
// descriptor, so that reading the file elsewhere in the process does not lose it. A file left
// behind by a dead process is taken over.
#pragma once

#include "common/base/result.hpp"
#include "common/base/unique_fd.hpp"

#include <memory>
#include <string>

#include <sys/types.h>

namespace ctdb::daemon {

class pid_file {
public:
    // EEXIST: another process holds it (the text names it); else the errno of opening or writing.
    static result<std::unique_ptr<pid_file>> create(std::string path);
    pid_file(const pid_file&) = delete;
    pid_file& operator=(const pid_file&) = delete;
    ~pid_file(); // does nothing in a forked child

private:
    pid_file(std::string path, unique_fd fd);
    std::string path_;
    unique_fd fd_;
    pid_t owner_;
};

} // namespace ctdb::daemon
